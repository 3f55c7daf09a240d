"""Geometry of faces on arrays: crops, rotations and portraits.

Photos are RGB, uint8 (height, width, 3). Coordinates are pixels of the full-resolution photo, x to the right, y down.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.faces import edges
from pipeline.faces.face import Box, Face

_Point = tuple[float, float]

# A head that is rolled further than this is turned upright, for people and for networks.
LEVEL_OVER_DEGREES = 10.0
# Added on each side of a portrait, as a share of the face's side.
PORTRAIT_MARGIN_RATIO = 0.35
# The longer side, in pixels, of the cut-out that is levelled.
_LEVEL_SIDE_PX = 640


@dataclass(frozen=True)
class View:
    """How a crop is cut from a photo around a face.

    squareness: 0 takes the box itself, stretched to the crop's shape; 1 the smallest region of that shape around the
        box, such as a square around its longer side; values between add that share of the difference.
    margin_ratio: added on each side, as a share of the side.
    turn_degrees: turns the crop, clockwise as the network sees it.
    mirror: flips left and right, before turning.
    """

    squareness: float
    margin_ratio: float
    turn_degrees: float = 0.0
    mirror: bool = False


def shrink_to(photo: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """The photo, shrunk where its longer side is more than ``side_px``."""
    height, width = photo.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return photo
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return resize(photo, size)


def resize(photo: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Shrink to ``size`` (width, height) by area averaging."""
    import cv2

    # Halving takes a tenth of the time of other factors.
    while min(photo.shape[1] / size[0], photo.shape[0] / size[1]) >= 4:
        height, width = photo.shape[0] // 2, photo.shape[1] // 2
        photo = cv2.resize(photo[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA)


def scale_face(face: Face, scale: float) -> Face:
    """The face in a photo that is ``scale`` times as large."""
    x, y, width, height = (value * scale for value in face.box)
    return Face((x, y, width, height), tuple((x * scale, y * scale) for x, y in face.landmarks), face.confidence)


def rotate_back(face: Face, shape: tuple[int, ...], *, quarters: int) -> Face:
    """A face found in ``np.rot90(photo, quarters)``, in coordinates of the photo, which has this shape."""
    height, width = shape[:2]
    back: Callable[[float, float], _Point] = {
        1: lambda x, y: (width - y, x),
        2: lambda x, y: (width - x, height - y),
        3: lambda x, y: (y, height - x),
    }[quarters]
    x, y, box_width, box_height = face.box
    (x0, y0), (x1, y1) = back(x, y), back(x + box_width, y + box_height)
    box = (min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
    return Face(box, tuple(back(*point) for point in face.landmarks), face.confidence)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes (x, y, width, height), 0..1."""
    lengths = (
        min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) - max(one[axis], other[axis]) for axis in (0, 1)
    )
    across, down = (max(length, 0.0) for length in lengths)
    both = across * down
    return both / (one[2] * one[3] + other[2] * other[3] - both)


def prominence(face: Face, shape: tuple[int, ...]) -> float:
    """The face's side in pixels, weighted down to zero towards the corners of the photo, which has this shape."""
    height, width = shape[:2]
    x, y = face.centre
    offset = math.hypot(x - width / 2, y - height / 2) / math.hypot(width / 2, height / 2)
    return face.side_px * (1 - min(offset, 1.0))


def is_cut_off(face: Face, shape: tuple[int, ...], *, tolerance_ratio: float = 0.1) -> bool:
    """Whether more than ``tolerance_ratio`` of the box's width or height lies outside the photo."""
    height, width = shape[:2]
    x, y, box_width, box_height = face.box
    return (
        max(-x, x + box_width - width) > tolerance_ratio * box_width
        or max(-y, y + box_height - height) > tolerance_ratio * box_height
    )


def cut_and_resize(
    photo: NDArray[np.uint8], region: tuple[float, float, float, float], *, size: tuple[int, int], soft: bool = False
) -> NDArray[np.uint8]:
    """Cut ``region`` (x0, y0, x1, y1), which may lie partly outside, and resize it to ``size`` (width, height).

    Outside the photo, its edge is repeated, for networks, or with ``soft`` blurred, for people. Shrinking is
    antialiased.
    """
    height, width = photo.shape[:2]
    x0, y0, x1, y1 = region
    left, top, right, bottom = math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)
    part = photo[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    times = int(min((x1 - x0) / size[0], (y1 - y0) / size[1]) / 2)
    if times > 1 and min(part.shape[:2]) > times:
        # Shrink by a whole factor first: many times as fast where the region is far larger than the result.
        smaller = resize(part, (part.shape[1] // times, part.shape[0] // times))
        x_scale, y_scale = smaller.shape[1] / part.shape[1], smaller.shape[0] / part.shape[0]
        x, y = max(left, 0), max(top, 0)
        shrunk = ((x0 - x) * x_scale, (y0 - y) * y_scale, (x1 - x) * x_scale, (y1 - y) * y_scale)
        return cut_and_resize(smaller, shrunk, size=size, soft=soft)
    outside = ((max(-top, 0), max(bottom - height, 0)), (max(-left, 0), max(right - width, 0)), (0, 0))
    if any(map(any, outside)):
        (above, below), (before, after), _ = outside
        margins = (before, above, after, below)
        part = edges.extend(part, margins) if soft and part.size else np.pad(part, outside, mode="edge")
    inner = (x0 - left, y0 - top, x1 - left, y1 - top)
    return np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BILINEAR, box=inner))


def crop(
    photo: NDArray[np.uint8], face: Face, view: View, *, size: tuple[int, int], soft: bool = False
) -> NDArray[np.uint8]:
    """One view of a face, of ``size`` (width, height): uint8 (height, width, 3). soft: see cut_and_resize()."""
    x, y = face.centre
    box, (width, height) = face.box[2:], size
    around = (max(box[0], box[1] * (width / height)), max(box[1], box[0] * (height / width)))
    # Cut with room around the crop, so that turning it leaves no empty corner.
    angle = math.radians(abs(view.turn_degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    room = (
        max(math.ceil((width * cosine + height * sine - width) / 2), 0),
        max(math.ceil((height * cosine + width * sine - height) / 2), 0),
    )
    half_width, half_height = (
        (0.5 + view.margin_ratio) * (1 + 2 * room_px / side_px) * (length + view.squareness * (full - length))
        for room_px, side_px, length, full in zip(room, size, box, around, strict=True)
    )
    region = (x - half_width, y - half_height, x + half_width, y + half_height)
    cropped = cut_and_resize(photo, region, size=(width + 2 * room[0], height + 2 * room[1]), soft=soft)
    if view.mirror:
        cropped = cropped[:, ::-1]
    if any(room):
        turned = np.asarray(Image.fromarray(cropped).rotate(-view.turn_degrees, Image.Resampling.BICUBIC))
        cropped = turned[room[1] : room[1] + height, room[0] : room[0] + width]
    return cropped


@dataclass(frozen=True)
class Square:
    """A square cut from a photo around a face and turned.

    pixels: uint8 (side, side, 3). centre: its centre in the photo. reach: half its side, in pixels of the photo.
    scale: pixels of the square for one of the photo. roll_degrees: by how much it was turned counterclockwise.
    """

    pixels: NDArray[np.uint8]
    centre: _Point
    reach: float
    scale: float
    roll_degrees: float

    def moved(self, face: Face) -> Face:
        """A face of the photo in coordinates of the square."""
        (x, y), (cosine, sine) = self.centre, _direction(self.roll_degrees)

        def place(point: _Point) -> _Point:
            right, down = point[0] - x, point[1] - y
            return (
                (right * cosine + down * sine + self.reach) * self.scale,
                (down * cosine - right * sine + self.reach) * self.scale,
            )

        return _placed(face, place, self.scale, lying=_is_lying(self.roll_degrees))

    def moved_back(self, face: Face) -> Face:
        """A face of the square in coordinates of the photo."""
        (x, y), (cosine, sine) = self.centre, _direction(self.roll_degrees)

        def place(point: _Point) -> _Point:
            right, down = (value / self.scale - self.reach for value in point)
            return x + right * cosine - down * sine, y + down * cosine + right * sine

        return _placed(face, place, 1 / self.scale, lying=_is_lying(self.roll_degrees + face.roll_degrees))


def square_around(
    photo: NDArray[np.uint8], face: Face, *, reach_ratio: float, side_px: int, roll_degrees: float = 0.0
) -> Square:
    """The square around a face that reaches ``reach_ratio`` of the face's side from its centre, shown at ``side_px``.

    roll_degrees: of the face, to level it.
    """
    reach = max(face.side_px, 1.0) * reach_ratio
    return _square(photo, face.centre, reach, side_px / (2 * reach), roll_degrees)


def level(
    photo: NDArray[np.uint8], face: Face, *, over_degrees: float, soft: bool = False
) -> tuple[NDArray[np.uint8], Face]:
    """Turn the photo around a face so that its eyes are level, where the roll exceeds ``over_degrees``.

    Returns a cut-out and the face in its coordinates, or both arguments unchanged. The box of a head that lies on
    its side swaps width and height. soft: see cut_and_resize().
    """
    roll = face.roll_degrees
    if abs(roll) <= over_degrees:
        return photo, face
    reach = face.side_px * 1.5
    square = _square(photo, face.centre, reach, min(1.0, _LEVEL_SIDE_PX / (2 * reach)), roll, soft=soft)
    return square.pixels, square.moved(face)


def _square(
    photo: NDArray[np.uint8], centre: _Point, reach: float, scale: float, roll_degrees: float, *, soft: bool = False
) -> Square:
    side, (x, y) = max(round(2 * reach * scale), 2), centre
    pixels = cut_and_resize(photo, (x - reach, y - reach, x + reach, y + reach), size=(side, side), soft=soft)
    return Square(_rotate(pixels, roll_degrees) if roll_degrees else pixels, centre, reach, scale, roll_degrees)


def _placed(face: Face, place: Callable[[_Point], _Point], scale: float, *, lying: bool) -> Face:
    """The face with its points moved and its box scaled; ``lying`` swaps the box's width and height."""
    (x, y), (width, height) = place(face.centre), (length * scale for length in face.box[2:])
    if lying:
        width, height = height, width
    box = (x - width / 2, y - height / 2, width, height)
    return Face(box, tuple(place(point) for point in face.landmarks), face.confidence)


def _is_lying(roll_degrees: float) -> bool:
    return 45 < abs(math.remainder(roll_degrees, 360)) < 135


def _direction(degrees: float) -> _Point:
    """Cosine and sine."""
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


def _rotate(square: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Rotate counterclockwise about the centre; black outside. OpenCV takes a sixth of Pillow's time."""
    import cv2

    middle = (square.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, 1.0)
    return np.asarray(cv2.warpAffine(square, matrix, square.shape[1::-1], flags=cv2.INTER_CUBIC))


def portrait(
    photo: NDArray[np.uint8], face: Face, *, level_over_degrees: float = LEVEL_OVER_DEGREES, side_px: int = 256
) -> NDArray[np.uint8]:
    """The upright face with some of its surroundings, to show to people: uint8, at most ``side_px`` square."""
    side_px = min(side_px, max(round(face.side_px * (1 + 2 * PORTRAIT_MARGIN_RATIO)), 1))
    view = View(squareness=1.0, margin_ratio=PORTRAIT_MARGIN_RATIO)
    levelled = level(photo, face, over_degrees=level_over_degrees, soft=True)
    return crop(*levelled, view, size=(side_px, side_px), soft=True)
