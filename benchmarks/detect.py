"""``make benchmark-detect``: face detection, compared with the unmodified package ``mtcnn`` and the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import Line, exponent, report, times
from pipeline import photo, tensorflow_loader
from pipeline.faces.base import DetectionSettings
from pipeline.faces.mtcnn import CompiledMTCNN
from train.datasets.lfw import LFW

PHOTOS = 1024
SIDES_PX = (320, 640, 1280)
ROUNDS = 15
TIMES_MIN = 3
AGREEMENT, LOST = "its boxes found, IoU 0.8", "photos whose faces are lost"


def main() -> None:
    """Measure both tables."""
    tensorflow_loader.load_tensorflow()
    from mtcnn import MTCNN

    package, network = MTCNN(), CompiledMTCNN()
    paths = LFW().paths
    chosen = np.random.default_rng(0).choice(len(paths), PHOTOS, replace=False)
    photos = np.stack([photo.read(paths[index]) for index in chosen])

    def theirs(picture: np.ndarray) -> np.ndarray:
        options = {"output_type": "numpy", "box_format": "xyxy", "fit_to_image": False}
        return np.atleast_2d(package.detect_faces([picture], **options))

    many, sizes = _many(photos, theirs, network), _sizes(photos[0], theirs, network)
    report(
        "detect",
        {f"{PHOTOS:,} photos of LFW, 250 x 250 pixels": many, "One photo, by its size": sizes},
        [*map(_line, many[1:]), _line_of_size(sizes[1])],
    )


def _line(row: dict[str, Any]) -> Line:
    share, lost = row[AGREEMENT], row[LOST]
    return Line(
        f"face detection, a photo of 250 x 250: {row['way']}",
        f"{row['ms a photo']:.1f} ms, {share:.1%} of its boxes, {lost} photos lost",
        f"mtcnn: {row['ms a photo'] * row['times faster']:.0f} ms",
        row["times faster"],
        f"{TIMES_MIN} times, 99.5% of its boxes, none lost",
        row["times faster"] >= TIMES_MIN and share >= 0.995 and not lost,
    )


def _line_of_size(row: dict[str, Any]) -> Line:
    return Line(
        f"face detection, one photo of {row['pixels']}",
        f"{row['compiled, ms']:.0f} ms",
        f"mtcnn: {row['mtcnn, ms']:.0f} ms",
        row["times faster"],
        f"{TIMES_MIN} times",
        row["times faster"] >= TIMES_MIN,
    )


def _many(
    photos: np.ndarray, theirs: Callable[[np.ndarray], np.ndarray], network: CompiledMTCNN
) -> list[dict[str, Any]]:
    batch = DetectionSettings().batch_max
    parts = [photos[start : start + batch] for start in range(0, len(photos), batch)]
    theirs(photos[0]), network.rows(parts[0])
    slow, expected = times(lambda: [theirs(picture) for picture in photos], 1)
    rows = []
    for name, find in (
        ("mtcnn, photo by photo", None),
        ("compiled, photo by photo", lambda: [network.rows(picture[None]) for picture in photos]),
        (f"compiled, batches of {batch} (as shipped)", lambda: _split([network.rows(part) for part in parts], batch)),
    ):
        seconds, found = times(find, 1) if find else (slow, expected)
        share, lost = _agreement(expected, found)
        rows.append(
            {
                "way": name,
                "ms a photo": 1000 * seconds / len(photos),
                "times faster": slow / seconds,
                AGREEMENT: share,
                LOST: lost,
            }
        )
    return rows


def _split(parts: list[np.ndarray], batch: int) -> list[np.ndarray]:
    return [rows[rows[:, 0] == place] for rows in parts for place in range(batch)]


def _sizes(
    picture: np.ndarray, theirs: Callable[[np.ndarray], np.ndarray], network: CompiledMTCNN
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for side in SIDES_PX:
        resized = np.asarray(Image.fromarray(picture).resize((side, side * 3 // 4)))
        theirs(resized), network.rows(resized[None])
        slow, _ = times(lambda: theirs(resized), ROUNDS)  # noqa: B023
        fast, _ = times(lambda: network.rows(resized[None]), ROUNDS)  # noqa: B023
        rows.append(
            {
                "pixels": f"{side} x {side * 3 // 4}",
                "mtcnn, ms": 1000 * slow,
                "compiled, ms": 1000 * fast,
                "times faster": slow / fast,
            }
        )
    areas = [0.75 * side**2 for side in SIDES_PX]
    grown = {name: exponent(areas, [float(row[name]) for row in rows]) for name in ("mtcnn, ms", "compiled, ms")}
    return [*rows, {"pixels": "grows with pixels to the power", **grown, "times faster": ""}]


def _agreement(expected: list[np.ndarray], found: list[np.ndarray]) -> tuple[float, int]:
    """The share of the expected boxes that were found, and the number of photos whose faces were all missed."""
    hits = [
        any(_overlap(box[1:5], other[1:5]) >= 0.8 for other in ours)
        for theirs, ours in zip(expected, found, strict=True)
        for box in theirs
    ]
    return float(np.mean(hits)), sum(
        len(theirs) > 0 and not len(ours) for theirs, ours in zip(expected, found, strict=True)
    )


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    lengths = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    common = np.maximum(lengths, 0).prod()
    return float(common / ((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - common))


if __name__ == "__main__":
    main()
