"""What MTCNN's networks see: photos at many scales, and patches of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Settings of the package: the smallest face, the first network's cell and stride, and the factor between scales.
FACE_PX_MIN, CELL_PX, STEP_PX, SIZE_RATIO = 20, 12, 2, 0.709
# Canvases grow by this step, so that photos of many sizes share a few: a new size costs the runtime some time.
_CANVAS_STEP_PX = 32
# Lower than anything the first layer returns.
_VERY_LOW = -1e4


def pyramid_scales(height: int, width: int) -> NDArray[np.float64]:
    """The factors by which a photo is shrunk for the first network, the largest first."""
    count = round(-(np.log(min(height, width) / CELL_PX) / np.log(SIZE_RATIO) + 1))
    return CELL_PX / FACE_PX_MIN * SIZE_RATIO ** np.arange(max(count, 0))


class Pyramid:
    """Photos at all scales side by side on one canvas, so that the first network runs once.

    pixels: float32 (n, height, width, 3), -1..1. outside: float32 (1, height - 2, width - 2, 1), what is added to the
    network's first layer: 0 at each scale, very low around it. So each scale's cells are those that it has alone.
    cells: where the cells of each scale are in the network's outputs, as rows and columns.
    """

    def __init__(self, photos: NDArray[np.uint8], scales: NDArray[np.float64]) -> None:
        """photos: RGB (n, height, width, 3)."""
        import cv2

        sizes = [(int(photos.shape[1] * scale), int(photos.shape[2] * scale)) for scale in scales]
        corners, (canvas_height, canvas_width) = _arrange(sizes)
        self.pixels = np.zeros((len(photos), canvas_height, canvas_width, 3), np.float32)
        self.outside = np.full((1, canvas_height - 2, canvas_width - 2, 1), _VERY_LOW, np.float32)
        self.cells: list[tuple[slice, slice]] = []
        whole = photos.astype(np.float32)
        for (height, width), (top, left) in zip(sizes, corners, strict=True):
            place = self.pixels[:, top : top + height, left : left + width]
            for photo, shrunk in zip(whole, place, strict=True):
                shrunk[:] = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
            self.outside[:, top : top + height - 2, left : left + width - 2] = 0
            self.cells.append((_cells(top, height), _cells(left, width)))
        _normalise(self.pixels)


def _arrange(sizes: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """The top left corner of each rectangle (height, width) on a canvas as high as the first, and the canvas' size.

    Rectangles shrink, and are put below each other in columns. Corners lie where the network's strides do.
    """
    corners = []
    top = left = widest = 0
    canvas_height = _rounded_up(sizes[0][0], _CANVAS_STEP_PX)
    for height, width in sizes:
        if top + height > canvas_height:
            top, left, widest = 0, left + widest, 0
        corners.append((top, left))
        top, widest = top + _rounded_up(height, STEP_PX), max(widest, _rounded_up(width, STEP_PX))
    return corners, (canvas_height, _rounded_up(left + widest, _CANVAS_STEP_PX))


def _cells(start: int, length: int) -> slice:
    """Where the network's cells of ``length`` pixels from ``start`` are in its outputs, along one axis."""
    # Three convolutions of 3 pixels each, a pooling of 2 after the first.
    count = -(-(length - 2) // STEP_PX) - 4
    return slice(start // STEP_PX, start // STEP_PX + count)


def _rounded_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _normalise(pixels: NDArray[np.float32]) -> None:
    """From 0..255 to -1..1, in place."""
    pixels -= 127.5
    pixels /= 128


class Patches:
    """Cuts boxes from photos as ``tf.image.crop_and_resize`` does, which the package uses."""

    def __init__(self, photos: NDArray[np.uint8]) -> None:
        """photos: RGB (n, height, width, 3)."""
        self._height, self._width = photos.shape[1:3]
        # A pixel is one number, so that it is fetched at once.
        padded = np.zeros((*photos.shape[:3], 4), np.uint8)
        padded[..., :3] = photos
        self._pixels = padded.view(np.uint32).reshape(-1)

    def cut(self, boxes: NDArray[np.float64], side_px: int) -> NDArray[np.float32]:
        """The squares (photo, x0, y0, x1, y1, …): float32 (n, side, side, 3), -1..1, 0 outside the photo."""
        owners = boxes[:, 0].astype(np.int64)[:, None, None]
        above, below, down, inside_rows = _sampled(boxes[:, [2, 4]], self._height, side_px)
        before, after, right, inside_columns = _sampled(boxes[:, [1, 3]], self._width, side_px)
        upper, lower = ((owners * self._height + rows[:, :, None]) * self._width for rows in (above, below))
        right = right[:, None, :, None]
        lines = []
        for start in (upper, lower):
            one, other = (self._at(start + columns[:, None, :]) for columns in (before, after))
            lines.append(one + (other - one) * right)
        patches = lines[0] + (lines[1] - lines[0]) * down[:, :, None, None]
        cut = np.ascontiguousarray(patches[..., :3])
        _normalise(cut)
        cut[~(inside_rows[:, :, None] & inside_columns[:, None, :])] = 0
        return cut

    def _at(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The pixels of these numbers, float32 (…, 4)."""
        return self._pixels[numbers].view(np.uint8).reshape(*numbers.shape, 4).astype(np.float32)


def _sampled(
    ends: NDArray[np.float64], length: int, side_px: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
    """Where ``side_px`` points between two ends lie along one axis of a photo, each (n, side).

    The pixel before each point, the one after it, the share of the latter, and whether the point is in the photo.
    """
    first, last = (ends / length).astype(np.float32).T
    step = (last - first) * np.float32(length - 1) / np.float32(side_px - 1)
    points = first[:, None] * np.float32(length - 1) + np.arange(side_px, dtype=np.float32) * step[:, None]
    inside = (points >= 0) & (points <= length - 1)
    points = np.where(inside, points, 0)
    before = np.floor(points)
    return before.astype(np.int64), np.ceil(points).astype(np.int64), points - before, inside
