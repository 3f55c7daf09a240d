"""``make benchmark-find``: from photo to ranked people, compared with deepface's ``find`` with the same weights."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import Line, data_folder, explained, exponent, peers, report, selfie, times
from benchmarks.crowd import Crowd
from pipeline import photo
from pipeline.embedding.facenet import FACENET_128, facenet_embedder
from pipeline.errors import UserError
from pipeline.lookalikes import Lookalikes, Models, Probe
from pipeline.sources import demonstration

SIZES = (10_000, 30_000, 91_310)
TOP, PROBES = 10, 100
TIMES_MIN = 10
# Per photo: how it is made, number of rounds here and by deepface, and the target in seconds.
PHOTOS = {"640 x 480": (selfie.webcam, 50, 3, 0.09), "12 megapixels": (selfie.phone, 30, 1, 0.3)}
DEFAULT, QUICK = "deepface find", "deepface find, its quickest settings"


def main() -> None:
    """Measure LooksLikeWho, then deepface."""
    models = Models.load()
    models.warm()
    crowd = Crowd()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, (make, *_) in PHOTOS.items():
            (place / f"{name}.jpg").write_bytes(make(models))
        stages, ranking = _here(place, crowd, models)
        theirs = _deepface(place, models)
    rows, lines = [], []
    for name, (*_, aim) in PHOTOS.items():
        seconds = {
            "here": np.sum(list(stages[name].values()), axis=0),
            **{way: theirs[way, name] for way in (DEFAULT, QUICK)},
        }
        slow = float(np.median(seconds[DEFAULT]))
        for way, measured in seconds.items():
            middle, high = (float(np.percentile(measured, share)) for share in (50, 95))
            whole = {"p50, ms": 1000 * middle, "p95, ms": 1000 * high, "times faster": slow / middle}
            parts = {
                f"{stage}, ms": 1000 * float(np.median(some)) if way == "here" else ""
                for stage, some in stages[name].items()
            }
            rows.append({"photo": name, "way": way, "rounds": len(measured), **whole, **parts})
            if way == "here":
                lines.append(_line(name, middle, high, slow, aim))
    searching = {
        "here, ms": ranking,
        **{f"{way}, ms": [theirs[way, size] for size in SIZES] for way in (DEFAULT, QUICK)},
    }
    report(
        "find",
        {
            f"From photo to the {TOP} most similar people among {SIZES[-1]:,} faces, warm": rows,
            "Of that, all but finding and embedding the face": _by_size(searching),
        },
        lines,
    )


def _line(name: str, middle: float, high: float, slow: float, aim: float) -> Line:
    return Line(
        f"photo of {name} to ranked matches, {SIZES[-1]:,} faces, p50 (p95)",
        f"{1000 * middle:,.0f} ms ({1000 * high:,.0f})",
        f"{DEFAULT}: {1000 * slow:,.0f} ms",
        slow / middle,
        f"{TIMES_MIN} times, p50 below {1000 * aim:,.0f} ms",
        slow / middle >= TIMES_MIN and middle < aim,
    )


def _by_size(columns: dict[str, list[float]]) -> list[dict[str, Any]]:
    """A row per size, and the exponent with which each way grows."""
    rows: list[dict[str, Any]] = [
        {"faces": f"{size:,}", **{name: 1000 * seconds[place] for name, seconds in columns.items()}}
        for place, size in enumerate(SIZES)
    ]
    grown = {name: exponent(SIZES, seconds) for name, seconds in columns.items()}
    return [*rows, {"faces": "grows with faces to the power", **grown}]


def _here(place: Path, crowd: Crowd, models: Models) -> tuple[dict[str, dict[str, list[float]]], list[float]]:
    """Seconds per stage for each photo in the largest gallery, and of ranking alone by size."""
    with data_folder(place):
        galleries = []
        for size in SIZES:
            crowd.gallery(f"crowd-{size}", size)
            galleries.append(Lookalikes.open(f"crowd-{size}", models=models))
    stages = {
        name: _stages(galleries[-1], (place / f"{name}.jpg").read_bytes(), rounds)
        for name, (_, rounds, *_) in PHOTOS.items()
    }
    return stages, [_ranking(lookalikes, crowd) for lookalikes in galleries]


def _stages(lookalikes: Lookalikes, data: bytes, rounds: int) -> dict[str, list[float]]:
    """Seconds of each stage in each round, after a warm-up round."""
    models = lookalikes.models
    found: dict[str, list[float]] = {"read": [], "detect": [], "embed": [], "rank": []}
    for _ in range(1 + rounds):
        read, picture = times(lambda: photo.read(data), 1)
        detect, faces = times(lambda: models.faces(picture), 1)  # noqa: B023
        embed, probe = times(lambda: models.probe(picture, faces[0]), 1)  # noqa: B023
        rank, _ = times(lambda: lookalikes.rank([probe], TOP), 1)  # noqa: B023
        for stage, seconds in zip(found.values(), (read, detect, embed, rank), strict=True):
            stage.append(seconds)
    return {name: stage[1:] for name, stage in found.items()}


def _ranking(lookalikes: Lookalikes, crowd: Crowd) -> float:
    """Median seconds of ranking faces of LFW."""
    chosen = np.random.default_rng(1).choice(len(crowd.rows), 1 + PROBES, replace=False)
    probes = [Probe(row, np.empty((0, 0, 3), np.uint8)) for row in crowd.rows[chosen]]
    seconds = [times(lambda: lookalikes.rank([probe], TOP), 1)[0] for probe in probes]  # noqa: B023
    return float(np.median(seconds[1:]))


def _deepface(place: Path, models: Models) -> dict[Any, Any]:
    """Seconds of ``find`` both ways for each photo in the largest gallery, and without face detection by size.

    Raises RuntimeError where its embedding of a crop is not ours.
    """
    examples = demonstration.example_photos()
    picture = photo.read(examples["Madonna"][1])
    facenet, facenet_crowd = facenet_embedder(), Crowd(FACENET_128.name)
    crop = facenet.crops(picture, models.faces(picture)[0])[0]
    np.save(place / "crop.npy", crop)
    jobs: dict[Any, dict[str, Any]] = {"row": {"do": "row", "crop": str(place / "crop.npy")}}
    files = [str(path) for paths in examples.values() for path in paths]
    for size in SIZES:
        folder, rows = str(place / f"deepface-{size}"), str(place / f"{size}.npy")
        np.save(rows, np.concatenate(list(facenet_crowd.blocks(size))))
        jobs["made", size] = {"do": "gallery", "folder": folder, "rows": rows, "photos": files}
        ways = {DEFAULT: {"folder": folder, "quick": False}, QUICK: {"folder": folder, "quick": True}}
        for way, how in ways.items():
            jobs[way, size] = {"do": "rank", "crop": str(place / "crop.npy"), "rounds": 3, **how}
            if size == SIZES[-1]:
                for name, (_, _, rounds, _) in PHOTOS.items():
                    jobs[way, name] = {"do": "find", "photo": str(place / f"{name}.jpg"), "rounds": rounds, **how}
    found = peers.deepface(jobs)
    row = np.array(found["row"])
    agreement = float(facenet.rows(crop[None])[0] @ row / np.linalg.norm(row))
    print(f"deepface's embedding of one crop and ours: cosine {agreement:.6f}")
    if agreement < 0.99:
        raise RuntimeError("deepface has other weights.")
    return found


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
