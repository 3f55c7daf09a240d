"""``make benchmark-build``: building a gallery, compared with deepface, and with mtcnn and Keras.

Each way runs in its own process, so that peak memory is measured separately.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import Line, data_folder, explained, exponent, peers, report, times
from benchmarks.one_crop import ONE_CROP_SETTINGS
from pipeline import photo
from pipeline.embedding import facenet_weights
from pipeline.embedding.base import Embedder
from pipeline.embedding.facenet import facenet_embedder
from pipeline.embedding.registry import load_embedder
from pipeline.errors import UserError
from pipeline.faces.base import DetectionSettings
from pipeline.faces.detector import Detector, load_detector
from pipeline.faces.mtcnn import CompiledMTCNN
from pipeline.gallery import building
from pipeline.gallery.building import BuildSettings
from pipeline.sources import lfw
from pipeline.sources.base import SourcePeople, SourcePerson, source_people
from train.datasets.lfw import lfw_folder

SIZES = (64, 128, 256)
PHOTOS_OF_PERSON_MIN = 4
TIMES_MIN, SHARE_MIN = 6, 0.85
SHIPPED, ONE_CROP = "here, as shipped", "here, FaceNet on one crop"
DEEPFACE, LOOP = "deepface represent, photo by photo, one crop", "mtcnn and predict, photo by photo, one crop"
ROUNDS = 3


def main() -> None:
    """Measure each way; ours with every number of photos."""
    rows, speeds = list[dict[str, Any]](), dict[str, list[float]]()
    for way in (SHIPPED, ONE_CROP, LOOP, DEEPFACE):
        for size in SIZES if way in (SHIPPED, ONE_CROP) else SIZES[-1:]:
            cost = _cost(way, size)
            speeds.setdefault(way, []).append(size / cost["seconds"])
            rows.append(
                {
                    "way": way,
                    "photos": size,
                    "photos a second": size / cost["seconds"],
                    "cores busy": cost["cpu_seconds"] / cost["seconds"],
                    "memory, MB": round(cost["megabytes"]),
                }
            )
    growth = [
        {"way": way, "seconds grow with photos to the power": 1 - exponent(SIZES, speeds[way])}
        for way in (SHIPPED, ONE_CROP)
    ]
    limits = {way: _in_a_process("limit", way, SIZES[-1]) for way in (SHIPPED, ONE_CROP)}
    limited: list[dict[str, Any]] = [
        {"way": way, **limit, "share": limit["the networks alone, s"] / limit["build, s"]}
        for way, limit in limits.items()
    ]
    tables: dict[str, Sequence[dict[str, Any]]] = {
        "Photos of LFW into a gallery": rows,
        "By the number of photos": growth,
        f"{SIZES[-1]} photos, and nothing but the networks on the same photos and crops, in turns": limited,
    }
    report("build", tables, _lines({way: some[-1] for way, some in speeds.items()}, limits[SHIPPED]))


def _lines(speed: dict[str, float], limit: dict[str, float]) -> list[Line]:
    beside = f"deepface represent: {speed[DEEPFACE]:.1f}, mtcnn and predict: {speed[LOOP]:.1f} (one crop)"
    slower = max(speed[DEEPFACE], speed[LOOP])
    lines = [
        Line(
            f"building a gallery, photos per second, {crops}",
            f"{speed[way]:.1f}",
            beside,
            speed[way] / slower,
            f"{TIMES_MIN} times",
            speed[way] / slower >= TIMES_MIN,
        )
        for way, crops in ((SHIPPED, "as shipped"), (ONE_CROP, "FaceNet on one crop"))
    ]
    build, networks = (SIZES[-1] / limit[name] for name in ("build, s", "the networks alone, s"))
    return [
        *lines,
        Line(
            "the same, compared with the networks alone",
            f"{build:.1f}",
            f"the networks alone: {networks:.1f}",
            build / networks,
            f"{SHARE_MIN} of it",
            build / networks >= SHARE_MIN,
        ),
    ]


def _cost(way: str, size: int) -> dict[str, float]:
    """Wall seconds, CPU seconds and peak memory (MB) of a fresh process."""
    if way != DEEPFACE:
        return _in_a_process("cost", way, size)
    jobs = {"cost": {"do": "represent", "photos": [str(path) for path in _paths(size)]}}
    cost: dict[str, float] = peers.deepface(jobs)["cost"]
    return cost


def _in_a_process(what: str, way: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.build", what, way, str(size)]
    figures: dict[str, float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return figures


def _people(size: int) -> SourcePeople:
    """The first people of LFW with several photos, ``size`` photos in all."""
    people: list[SourcePerson] = []
    for person in lfw.lfw_people(lfw_folder()).people:
        if len(person.photos) >= PHOTOS_OF_PERSON_MIN and size:
            people.append(replace(person, photos=person.photos[:size]))
            size -= len(people[-1].photos)
    return source_people(people)


def _paths(size: int) -> list[Path]:
    return [path for person in _people(size).people for path in person.photos]


def _ready(way: str, size: int, place: Path) -> Callable[[], object]:
    """The function to measure, with the networks loaded and warm."""
    if way == LOOP:
        return _loop(_paths(size))
    return _build(*_loaded(way), size, place)


def _loaded(way: str) -> tuple[Detector, Embedder]:
    return load_detector(), load_embedder() if way == SHIPPED else facenet_embedder(ONE_CROP_SETTINGS)


def _build(detector: Detector, embedder: Embedder, size: int, place: Path) -> Callable[[], object]:
    # No limit per person.
    settings, numbers = BuildSettings(photos_per_person=size), count()

    def build(size: int) -> None:
        with data_folder(place):
            building.build(f"gallery-{next(numbers)}", _people(size), detector, embedder, settings=settings)

    build(PHOTOS_OF_PERSON_MIN)
    return lambda: build(size)


def _networks(paths: list[Path], detector: Detector, embedder: Embedder) -> Callable[[], object]:
    """Only the two networks, on prepared photos and crops."""
    photos = [photo.read(path) for path in paths]
    found = [(picture, faces[0]) for picture, faces in zip(photos, detector(photos), strict=True) if faces]
    crops = [embedder.crops(*one) for one in found]
    batch, cascade = DetectionSettings().batch_max, CompiledMTCNN()
    batches = [np.stack(photos[start : start + batch]) for start in range(0, len(photos), batch)]
    cascade.rows(batches[0])
    embedder(crops[:4])
    return lambda: ([cascade.rows(part) for part in batches], embedder(crops))


def _loop(paths: list[Path]) -> Callable[[], object]:
    """The straightforward way: per photo the mtcnn package, a crop, and Keras' ``predict``."""
    from mtcnn import MTCNN

    detector, network = MTCNN(), facenet_weights.load_facenet()

    def embed(path: Path) -> None:
        with Image.open(path) as picture:
            found = detector.detect_faces(np.asarray(picture.convert("RGB")))
            if found:
                x, y, width, height = found[0]["box"]
                crop = picture.convert("RGB").crop((x, y, x + width, y + height)).resize((160, 160))
                pixels = np.asarray(crop, np.float32)
                network.predict((pixels - pixels.mean())[None] / pixels.std(), verbose=0)

    def every() -> None:
        for path in paths:
            embed(path)

    embed(paths[0])
    return every


def _measured(way: str, size: int, place: Path) -> dict[str, float]:
    """Measure one way in this process."""
    run = _ready(way, size, place)
    wall, cpu = time.perf_counter(), _cpu_seconds()
    run()
    seconds, cpu_seconds = time.perf_counter() - wall, _cpu_seconds() - cpu
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    megabytes = sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1000
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "megabytes": megabytes}


def _limited(way: str, size: int, place: Path) -> dict[str, float]:
    """Seconds of a build and of its networks alone, alternating, because the machine's speed varies."""
    detector, embedder = _loaded(way)
    build, networks = _build(detector, embedder, size, place), _networks(_paths(size), detector, embedder)
    seconds = [(times(build, 1)[0], times(networks, 1)[0]) for _ in range(ROUNDS)]
    built, alone = np.median(seconds, axis=0)
    return {"build, s": float(built), "the networks alone, s": float(alone)}


def _cpu_seconds() -> float:
    """CPU seconds of all threads and child processes."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    try:
        if sys.argv[1:]:
            what, way, size = sys.argv[1:]
            with tempfile.TemporaryDirectory() as place:
                print(json.dumps({"cost": _measured, "limit": _limited}[what](way, int(size), Path(place))))
        else:
            main()
    except UserError as error:
        sys.exit(explained(error))
