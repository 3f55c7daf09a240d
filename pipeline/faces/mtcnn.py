"""MTCNN (Zhang et al. 2016, arXiv 1604.02878) over a batch of photos.

Weights, steps, thresholds and results are those of the package ``mtcnn``, which takes many times as long: it runs its
networks layer by layer in Python, once for each scale, and converts the photos again for each of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import mtcnn_networks
from pipeline.faces.base import DetectorEntry
from pipeline.faces.face import Box, Face
from pipeline.faces.mtcnn_networks import OUTPUT_SIDE_PX, REFINEMENT_SIDE_PX
from pipeline.faces.mtcnn_pixels import CELL_PX, STEP_PX, Patches, Pyramid, pyramid_scales

# Settings of the package.
CONFIDENCE_MIN = (0.6, 0.7, 0.8)
COLUMNS = 16
# So many pixels of photos pass the first network at once: its first layer takes 50 bytes and more for each.
PIXELS_MAX = 2_500_000
# Where the last network looks at a box that was drawn by hand: the box shifted by shares of its side, and scaled.
_SHIFTS = ((0.0, 0.0), (-0.12, 0.0), (0.12, 0.0), (0.0, -0.12), (0.0, 0.12))
_SCALES = (0.75, 1.0, 1.3)
# And again at what it has found; from this confidence on, it is a face.
_REFINEMENTS, _LIKELY = 2, 0.3


class CompiledMTCNN:
    """MTCNN over photos of one size."""

    def __init__(self) -> None:
        self._propose, self._refine, self._output = mtcnn_networks.load_networks()

    def __call__(self, photos: NDArray[np.uint8]) -> list[list[Face]]:
        """The faces of each photo, RGB (n, height, width, 3), the most confident first."""
        rows = self.rows(photos)
        return [[_face(row) for row in rows[rows[:, 0] == number]] for number in range(len(photos))]

    def rows(self, photos: NDArray[np.uint8]) -> NDArray[np.float64]:
        """A row for each face in ``photos``, RGB (n, height, width, 3): float64 (faces, 16).

        Columns: number of the photo, x0, y0, x1, y1, confidence, then x and then y of the five landmarks. Rows are
        ordered by photo, then the most confident first. Boxes may lie partly outside.
        """
        boxes = to_squares(suppress_overlaps(self._proposals(photos), overlap_max=0.7))
        if not len(boxes):
            return np.empty((0, COLUMNS))
        patches = Patches(photos)
        offsets, scores = self._refine.outputs(pixels=patches.cut(boxes, REFINEMENT_SIDE_PX))
        refined = _refine_boxes(boxes, offsets, scores[:, 1], CONFIDENCE_MIN[1])
        boxes = to_squares(suppress_overlaps(refined, overlap_max=0.7))
        if not len(boxes):
            return np.empty((0, COLUMNS))
        return suppress_overlaps(self._last(patches, boxes, CONFIDENCE_MIN[2]), overlap_max=0.7, of_smaller=True)

    def refine(self, photo: NDArray[np.uint8], box: Box) -> Face | None:
        """The face at a box, of which the last network is most confident, also where the others would not propose it.

        photo: RGB (height, width, 3). box: where the face is, roughly. None where no face is likely.
        """
        x, y, width, height = box
        patches, side = Patches(photo[None]), max(width, height)
        centres = [(x + width / 2 + right * side, y + height / 2 + down * side) for right, down in _SHIFTS]
        squares = [
            (0, centre_x - half, centre_y - half, centre_x + half, centre_y + half)
            for centre_x, centre_y in centres
            for half in (side * scale / 2 for scale in _SCALES)
        ]
        rows = np.array(squares)
        for _ in range(_REFINEMENTS):
            rows = self._last(patches, to_squares(rows), _LIKELY)
            rows = rows[np.argsort(-rows[:, 5], kind="stable")][:1]
        return _face(rows[0]) if len(rows) else None

    def _last(self, patches: Patches, boxes: NDArray[np.float64], score_min: float) -> NDArray[np.float64]:
        """The faces in squares, as :meth:`rows` returns them, by the last network."""
        if not len(boxes):
            return np.empty((0, COLUMNS))
        offsets, points, scores = self._output.outputs(pixels=patches.cut(boxes, OUTPUT_SIDE_PX))
        origin, lengths = boxes[:, 1:3], boxes[:, 3:5] - boxes[:, 1:3] + 1
        places = points.reshape(-1, 2, 5) * lengths[:, :, None] + origin[:, :, None] - 1
        return _refine_boxes(boxes, offsets, scores[:, 1], score_min, places.reshape(-1, 10))

    def _proposals(self, photos: NDArray[np.uint8]) -> NDArray[np.float64]:
        scales = pyramid_scales(*photos.shape[1:3])
        if not len(scales):
            return np.empty((0, 6))
        step = max(PIXELS_MAX // (photos.shape[1] * photos.shape[2]), 1)
        starts = range(0, len(photos), step)
        return np.concatenate([self._proposed(photos[start : start + step], scales, start) for start in starts])

    def _proposed(self, photos: NDArray[np.uint8], scales: NDArray[np.float64], first: int) -> NDArray[np.float64]:
        """The proposals of photos that are numbered from ``first``."""
        pyramid = Pyramid(photos, scales)
        offsets, scores = self._propose.outputs(pixels=pyramid.pixels, outside=pyramid.outside)
        parts = []
        for scale, (rows, columns) in zip(scales, pyramid.cells, strict=True):
            sure = scores[:, rows, columns, 1]
            cells = np.argwhere(sure > CONFIDENCE_MIN[0])
            chosen = tuple(cells.T)
            found = offsets[:, rows, columns][chosen], sure[chosen]
            parts.append(_boxes(cells + np.array([first, 0, 0]), *found, scale))
        return np.concatenate(parts)


MTCNN_DETECTOR = DetectorEntry(
    name="mtcnn", help="MTCNN, three cascaded networks with five landmarks", load=CompiledMTCNN
)


def _face(row: NDArray[np.float64]) -> Face:
    x0, y0, x1, y1 = row[1:5].tolist()
    landmarks = tuple(zip(row[6:11].tolist(), row[11:16].tolist(), strict=True))
    return Face((x0, y0, x1 - x0, y1 - y0), landmarks, float(row[5]))


def _boxes(
    cells: NDArray[np.int64], offsets: NDArray[np.float32], scores: NDArray[np.float32], scale: float
) -> NDArray[np.float64]:
    """The proposals of one scale as boxes (photo, x0, y0, x1, y1, confidence). cells: photo, row, column."""
    corners = cells[:, [2, 1, 2, 1]] * STEP_PX + (1, 1, CELL_PX, CELL_PX) + offsets * np.float64(CELL_PX - 1)
    return suppress_overlaps(np.column_stack([cells[:, 0], corners / scale, scores]), overlap_max=0.5)


def to_squares(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes (photo, x0, y0, x1, y1, …) lengthened to squares around their centres."""
    lengths = boxes[:, 3:5] - boxes[:, 1:3]
    side = lengths.max(axis=1, keepdims=True, initial=0)
    start = boxes[:, 1:3] + (lengths - side) / 2
    return np.column_stack([boxes[:, 0], start, start + side, boxes[:, 5:]])


def suppress_overlaps(
    boxes: NDArray[np.float64], *, overlap_max: float, of_smaller: bool = False
) -> NDArray[np.float64]:
    """Non-maximum suppression of boxes (photo, x0, y0, x1, y1, confidence, …), as the package does it.

    Returns boxes ordered by photo, then the most confident first. A box that is dropped still drops others.
    overlap_max: share of the union, or with ``of_smaller`` of the smaller box, 0..1.
    """
    # The package's sorting is not stable; among equal confidences it mostly puts the last one first.
    boxes = boxes[::-1]
    boxes = boxes[np.lexsort((-boxes[:, 5], boxes[:, 0]))]
    kept = [_not_overlapped(part[:, 1:5], overlap_max, of_smaller) for part in _by_photo(boxes)]
    return boxes[np.concatenate(kept)] if kept else boxes


def _by_photo(boxes: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return np.split(boxes, np.flatnonzero(np.diff(boxes[:, 0])) + 1) if len(boxes) else []


def _not_overlapped(corners: NDArray[np.float64], overlap_max: float, of_smaller: bool) -> NDArray[np.bool_]:
    """Whether each box, (n, 4), overlaps none of the boxes before it by more than ``overlap_max``."""
    low, high = corners[:, :2], corners[:, 2:]
    areas = (high - low).prod(axis=1)
    lengths = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    common = np.maximum(lengths, 0).prod(axis=2)
    reference = np.minimum(areas[:, None], areas) if of_smaller else areas[:, None] + areas - common
    with np.errstate(divide="ignore", invalid="ignore"):
        return ~np.triu(common / reference > overlap_max, k=1).any(axis=0)


def _refine_boxes(
    boxes: NDArray[np.float64],
    offsets: NDArray[np.float32],
    scores: NDArray[np.float32],
    score_min: float,
    landmarks: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """The boxes that score more than ``score_min``, moved by the network's offsets."""
    lengths = boxes[:, 3:5] - boxes[:, 1:3] + 1
    corners = boxes[:, 1:5] + offsets * np.tile(lengths, 2)
    columns: list[NDArray[Any]] = [boxes[:, 0], corners, scores, *([] if landmarks is None else [landmarks])]
    return np.column_stack(columns)[scores > score_min]
