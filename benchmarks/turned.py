"""``make benchmark-turned``: photos that are turned, faces that are small or cut, by MTCNN, by YuNet and by both.

A face is right where its box and landmarks are those that MTCNN finds in the photo as it is, moved with the pixels.
The limits of :mod:`pipeline.faces.second_opinion` were chosen on LFW's DevTest people; these photos are of DevTrain
people.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import report, tables, times
from pipeline import photo
from pipeline.errors import UserError
from pipeline.faces import geometry
from pipeline.faces.detector import BOTH, Detector, load_detector
from pipeline.faces.face import Face
from pipeline.faces.mtcnn import MTCNN_DETECTOR
from pipeline.faces.second_opinion import SQUARE_PX
from pipeline.faces.yunet import YUNET_DETECTOR
from pipeline.lookalikes import Lookalikes, Models
from pipeline.sources import demonstration
from train.datasets.lfw import LFW

PHOTOS, TIMED_PHOTOS, ROUNDS = 200, 1024, 5
DEGREES = range(0, 181, 15)
FACE_SIDES_PX = (64, 48, 32, 24, 16, 12)
CUT_SHARES = (0.1, 0.2, 0.3, 0.4)
CANVAS = (480, 640)
DETECTORS = (MTCNN_DETECTOR.name, YUNET_DETECTOR.name, BOTH.name)
LOST = "photos lost"
Photo = NDArray[np.uint8]


def main() -> None:
    """Measure all tables and fill those in ``docs/``."""
    lfw = LFW()
    chosen = np.random.default_rng(0).permutation(lfw.photos_of("peopleDevTrain.txt"))
    kept = [number for number in chosen[: PHOTOS + 5].tolist() if lfw.faces[number]][:PHOTOS]
    photos = [lfw.photo(number) for number in kept]
    faces = [face for number in kept if (face := lfw.faces[number])]
    report(
        "turned",
        {
            f"Right faces turned, {PHOTOS} photos": _turned(photos, faces),
            f"Right faces by the face's side in 640 x 480 pixels, {PHOTOS} photos": _small(photos, faces),
            f"Right faces by the share that the frame cuts, {PHOTOS} photos": _cut(photos, faces),
            "Example photos whose first match is the person, of 25": _examples(),
            f"Photos of LFW as they are, {TIMED_PHOTOS:,}": _costs([lfw.photo(n) for n in chosen[:TIMED_PHOTOS]]),
        },
    )
    tables.fill("turned", "turned-examples")


@cache
def _detector(name: str) -> Detector:
    return load_detector(name)


def _compared(what: str, value: str, photos: Sequence[Photo], faces: Sequence[Face]) -> dict[str, Any]:
    """A row: the share of right faces by each detector, and the photos that only MTCNN alone got right."""
    right = {
        name: np.array([bool(found) and is_right(found[0], face) for found, face in zip(every, faces, strict=True)])
        for name in DETECTORS
        for every in [_detector(name)(photos)]
    }
    lost = int((right[MTCNN_DETECTOR.name] & ~right[BOTH.name]).sum())
    return {what: value, **{name: float(right[name].mean()) for name in DETECTORS}, LOST: lost}


def is_right(found: Face, expected: Face) -> bool:
    """Whether two faces share most of their boxes and have nearly the same landmarks."""
    distances = np.linalg.norm(np.subtract(found.landmarks, expected.landmarks), axis=1)
    return geometry.overlap(found.box, expected.box) >= 0.5 and distances.mean() <= 0.15 * expected.side_px


def _turned(photos: Sequence[Photo], faces: Sequence[Face]) -> list[dict[str, Any]]:
    """Every other photo is turned the other way."""
    rows = []
    for degrees in DEGREES:
        signs = [1 if index % 2 else -1 for index in range(len(photos))]
        moved = [turned(photo, face, sign * degrees) for photo, face, sign in zip(photos, faces, signs, strict=True)]
        value = f"{degrees}°" if degrees in (0, 180) else f"±{degrees}°"
        rows.append(_compared("turned by", value, *zip(*moved, strict=True)))
    return rows


def turned(photo: Photo, face: Face, degrees: float) -> tuple[Photo, Face]:
    """A square photo turned clockwise, its edge repeated in the corners, and its face."""
    side = photo.shape[0]
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), -degrees, 1)
    pixels = cv2.warpAffine(photo, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Coordinates count from the corner of a pixel, OpenCV's from its centre.
    whole = geometry.Square(photo, (side / 2, side / 2), side / 2, 1.0, -degrees)
    return np.asarray(pixels), whole.moved(face)


def _small(photos: Sequence[Photo], faces: Sequence[Face]) -> list[dict[str, Any]]:
    rows = []
    for side_px in FACE_SIDES_PX:
        moved = [_on_canvas(photo, face, side_px) for photo, face in zip(photos, faces, strict=True)]
        rows.append(_compared("face", f"{side_px} px", *zip(*moved, strict=True)))
    return rows


def _on_canvas(photo: Photo, face: Face, side_px: int) -> tuple[Photo, Face]:
    """The photo shrunk so that its face has this side, on the left of a grey canvas, and its face."""
    small = geometry.shrink_to(photo, max(round(side_px / face.side_px * photo.shape[0]), 1))
    canvas = np.full((*CANVAS, 3), 127, np.uint8)
    height, width = small.shape[:2]
    canvas[:height, :width] = small
    return canvas, geometry.scale_face(face, height / photo.shape[0])


def _cut(photos: Sequence[Photo], faces: Sequence[Face]) -> list[dict[str, Any]]:
    rows = []
    for share in CUT_SHARES:
        moved = [
            _cut_off(photo, face, share, side=index % 4)
            for index, (photo, face) in enumerate(zip(photos, faces, strict=True))
        ]
        rows.append(_compared("outside", f"{share:.0%}", *zip(*moved, strict=True)))
    return rows


def _cut_off(photo: Photo, face: Face, share: float, *, side: int) -> tuple[Photo, Face]:
    """The photo without what lies beyond this share of the face's box, from the left, top, right or bottom."""
    x, y, width, height = face.box
    left, top = max(round(x + share * width), 0), max(round(y + share * height), 0)
    right, bottom = round(x + (1 - share) * width), round(y + (1 - share) * height)
    if side == 0:
        return photo[:, left:], _shifted(face, left, 0)
    if side == 1:
        return photo[top:], _shifted(face, 0, top)
    return (photo[:, :right] if side == 2 else photo[:bottom]), face


def _shifted(face: Face, left: int, top: int) -> Face:
    x, y, width, height = face.box
    points = tuple((across - left, down - top) for across, down in face.landmarks)
    return Face((x - left, y - top, width, height), points, face.confidence)


def _examples() -> list[dict[str, Any]]:
    """The 25 example photos against the demonstration, in all orientations."""
    opened = Lookalikes.open()
    rows = []
    for degrees in (0, 90, 180, 270):
        row: dict[str, Any] = {"turned by": f"{degrees}°"}
        for name in DETECTORS:
            finder = Lookalikes(opened.gallery, Models(_detector(name), opened.models.embedder), opened.scorer)
            row[name] = sum(
                _first_match(finder, np.ascontiguousarray(np.rot90(photo.read(path), -degrees // 90))) == person
                for person, paths in demonstration.example_photos().items()
                for path in paths
            )
        rows.append(row)
    return rows


def _first_match(finder: Lookalikes, pixels: Photo) -> str:
    try:
        return finder.find(pixels, top=1).matches[0].name
    except UserError:
        return ""


def _costs(photos: Sequence[Photo]) -> list[dict[str, Any]]:
    """What YuNet costs on photos that MTCNN alone gets right."""
    asked: list[tuple[int, ...]] = []
    second = YUNET_DETECTOR.load()

    def counted(photos: Photo) -> list[list[Face]]:
        asked.append(photos.shape[1:3])
        return second(photos)

    counting = Detector(_detector(BOTH.name).network, BOTH.settings, second=counted)
    looked, searched = 0, 0
    for pixels in photos:
        asked.clear()
        counting([pixels])
        looked += bool(asked)
        searched += any(shape != (SQUARE_PX, SQUARE_PX) for shape in asked)
    batch = photos[:256]
    seconds = {name: _seconds(_detector(name), batch) for name in (MTCNN_DETECTOR.name, BOTH.name)}
    return [
        {
            "YuNet looks at the face": looked / len(photos),
            "YuNet searches the photo": searched / len(photos),
            **{f"{name}, ms a photo": 1000 * value / len(batch) for name, value in seconds.items()},
            "times as long": seconds[BOTH.name] / seconds[MTCNN_DETECTOR.name],
        }
    ]


def _seconds(detector: Detector, photos: Sequence[Photo]) -> float:
    detector(photos)
    return times(lambda: detector(photos), ROUNDS)[0]


if __name__ == "__main__":
    main()
