"""deepface's side of the benchmarks, run by the Python of its own environment (see :mod:`benchmarks.peers`).

Gets a file with a JSON list of jobs, each the name of a function here with its arguments, and a file for the results.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from deepface import DeepFace
from deepface.commons import image_utils
from deepface.modules import recognition

# The network wants standardised crops.
MODEL = {"model_name": "Facenet", "normalization": "Facenet"}
# Its search without a threshold.
FIND = {**MODEL, "distance_metric": "cosine", "similarity_search": True, "k": 10, "silent": True}
# Its own words: optimised for large databases; and the folder is not looked through.
QUICK = {"return_type": "dict", "refresh_database": False}


def main() -> None:
    """Do the jobs one after the other, all in this process."""
    jobs, results = map(Path, sys.argv[1:])
    known: dict[str, Callable[..., Any]] = {job.__name__: job for job in (row, gallery, find, rank, represent)}
    done = [known[job.pop("do")](**job) for job in json.loads(jobs.read_text())]
    results.write_text(json.dumps(done))


def row(crop: str) -> list[float]:
    """Its embedding of one crop, an array in a file, uint8 (160, 160, 3)."""
    # What it is given is RGB to the network, whatever it is called.
    found = DeepFace.represent(np.load(crop), **MODEL, detector_backend="skip")
    embedding: list[float] = found[0]["embedding"]
    return embedding


def gallery(folder: str, rows: str, photos: list[str]) -> None:
    """A database in its own format: links to a few photos, and the given rows as their embeddings."""
    Path(folder).mkdir()
    embeddings = np.load(rows)
    paths = [os.path.join(folder, f"{number:06d}.jpg") for number in range(len(embeddings))]  # noqa: PTH118
    for number, path in enumerate(paths):
        if number < len(photos):
            shutil.copyfile(photos[number], path)
        else:
            Path(path).hardlink_to(paths[number % len(photos)])
    box = {"target_x": 0, "target_y": 0, "target_w": 100, "target_h": 100}
    content = recognition.__serialize_npz(
        [
            {"identity": path, "hash": image_utils.find_image_hash(path), "embedding": embedding, **box}
            for path, embedding in zip(paths, embeddings.tolist(), strict=True)
        ]
    )
    for detector in ("mtcnn", "skip"):
        name = f"ds_model_facenet_detector_{detector}_aligned_normalization_facenet_expand_0.npz"
        Path(folder, name).write_bytes(content)


def find(photo: str, folder: str, rounds: int, quick: bool = False) -> list[float]:
    """Seconds from a photo to its ten most similar ones in a database, after an untimed call.

    A single call is timed as it is: it takes so long that what was done before is warmth enough.
    """
    return _seconds(lambda: _found(photo, folder, "mtcnn", quick), rounds)


def rank(crop: str, folder: str, rounds: int, quick: bool = False) -> float:
    """Seconds of the same for a face that is cut out already, less those of its embedding."""
    picture = np.load(crop)
    embedding = _seconds(lambda: DeepFace.represent(picture, **MODEL, detector_backend="skip"), rounds)
    return float(np.median(_seconds(lambda: _found(picture, folder, "skip", quick), rounds)) - np.median(embedding))


def represent(photos: list[str]) -> dict[str, float]:
    """Seconds, seconds of all cores, and peak memory in MB of embedding one face of each photo, one by one."""
    options = {**MODEL, "detector_backend": "mtcnn", "enforce_detection": False, "max_faces": 1}
    DeepFace.represent(photos[0], **options)
    wall, cpu = time.perf_counter(), time.process_time()
    for photo in photos:
        DeepFace.represent(photo, **options)
    return {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def _found(photo: str | np.ndarray, folder: str, detector: str, quick: bool) -> None:
    options = {**FIND, **(QUICK if quick else {"return_type": "pandas"}), "detector_backend": detector}
    (matches, *_) = DeepFace.find(photo, folder, **options)
    if len(matches) != FIND["k"]:
        raise RuntimeError(f"deepface found {len(matches)} matches.")


def _seconds(call: Callable[[], object], rounds: int) -> list[float]:
    if rounds > 1:
        call()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
