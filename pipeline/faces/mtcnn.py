"""The three networks of MTCNN (Zhang et al. 2016, arXiv 1604.02878) as compiled graphs over a batch of photos.

Weights, steps, thresholds and results are those of the package ``mtcnn``. The package takes three times as long: it
runs its networks layer by layer in Python and converts the photos again for each scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import tensorflow_loader
from pipeline.faces.base import DetectorEntry
from pipeline.faces.face import Face

# Settings of the package: the smallest face, the first network's cell and stride, and the factor between scales.
FACE_PX_MIN, CELL_PX, STEP_PX, SIZE_RATIO = 20, 12, 2, 0.709
CONFIDENCE_MIN = (0.6, 0.7, 0.8)
COLUMNS = 16
# One graph serves photos of all sizes, because tracing another takes longer than searching a photo. It holds several
# scales, so that the small ones share the cores; larger photos need it more than once.
SCALES_PER_CALL = 8


class CompiledMTCNN:
    """MTCNN over photos of one size. Loading it takes a second."""

    def __init__(self) -> None:
        tf = tensorflow_loader.load_tensorflow()
        from mtcnn import MTCNN

        proposals, refinement, output = (stage.model for stage in MTCNN().stages)
        photos = tf.TensorSpec((None, None, None, 3), tf.uint8)

        def normalised(pixels: Any) -> Any:
            return (tf.cast(pixels, tf.float32) - 127.5) / 128

        def propose(photos: Any, sizes: Any, regions: Any) -> Any:
            pixels = normalised(photos)
            return [propose_at(pixels, sizes[place], regions[place]) for place in range(SCALES_PER_CALL)]

        def propose_at(pixels: Any, size: Any, region: Any) -> Any:
            seen = tf.slice(pixels, (0, 0, 0, 0), tf.concat([[-1], region, [-1]], axis=0))
            # The convolutions are only fused where the number of channels is known.
            seen.set_shape((None, None, None, 3))
            offsets, scores = proposals(tf.image.resize(seen, size, tf.image.ResizeMethod.AREA))
            cells = tf.where(scores[..., 1] > CONFIDENCE_MIN[0])
            return cells, tf.gather_nd(offsets, cells), tf.gather_nd(scores[..., 1], cells)

        def on_patches(network: Any, side: int) -> Any:
            def run(photos: Any, corners: Any, owners: Any) -> Any:
                # Grey outside the photo: zero to the network.
                patches = tf.image.crop_and_resize(photos, corners, owners, (side, side), extrapolation_value=127.5)
                return network(normalised(patches))

            return tf.function(
                run, input_signature=[photos, tf.TensorSpec((None, 4), tf.float32), tf.TensorSpec((None,), tf.int32)]
            )

        each_scale = tf.TensorSpec((SCALES_PER_CALL, 2), tf.int32)
        self._propose = tf.function(propose, input_signature=[photos, each_scale, each_scale])
        self._refine, self._output = on_patches(refinement, 24), on_patches(output, 48)

    def __call__(self, photos: NDArray[np.uint8]) -> list[list[Face]]:
        """The faces of each photo, RGB (n, height, width, 3), the most confident first."""
        rows = self.rows(photos)
        return [[_face(row) for row in rows[rows[:, 0] == number]] for number in range(len(photos))]

    def rows(self, photos: NDArray[np.uint8]) -> NDArray[np.float64]:
        """A row for each face in ``photos``, RGB (n, height, width, 3): float64 (faces, 16).

        Columns: number of the photo, x0, y0, x1, y1, confidence, then x and then y of the five landmarks. Rows are
        ordered by photo, then the most confident first. Boxes may lie partly outside.
        """
        tf = tensorflow_loader.load_tensorflow()
        images = tf.constant(photos)
        shape = np.array(photos.shape[1:3])
        boxes = to_squares(suppress_overlaps(self._proposals(images, shape), overlap_max=0.7))
        if not len(boxes):
            return np.empty((0, COLUMNS))
        offsets, scores = self._refine(images, *_regions(boxes, shape))
        refined = _refine_boxes(boxes, offsets.numpy(), scores.numpy()[:, 1], CONFIDENCE_MIN[1])
        boxes = to_squares(suppress_overlaps(refined, overlap_max=0.7))
        if not len(boxes):
            return np.empty((0, COLUMNS))
        offsets, points, scores = self._output(images, *_regions(boxes, shape))
        origin, lengths = boxes[:, 1:3], boxes[:, 3:5] - boxes[:, 1:3] + 1
        places = points.numpy().reshape(-1, 2, 5) * lengths[:, :, None] + origin[:, :, None] - 1
        landmarks = places.reshape(-1, 10)
        found = _refine_boxes(boxes, offsets.numpy(), scores.numpy()[:, 1], CONFIDENCE_MIN[2], landmarks)
        return suppress_overlaps(found, overlap_max=0.7, of_smaller=True)

    def _proposals(self, images: Any, shape: NDArray[np.int64]) -> NDArray[np.float64]:
        scales = pyramid_scales(*shape)
        parts = [np.empty((0, 6))]
        for start in range(0, len(scales), SCALES_PER_CALL):
            some = scales[start : start + SCALES_PER_CALL]
            # Where there are fewer scales, the rest of the graph sees a single cell, and its result is dropped.
            sizes = np.full((SCALES_PER_CALL, 2), CELL_PX, np.int32)
            regions = sizes.copy()
            sizes[: len(some)], regions[: len(some)] = shape * some[:, None], shape
            for found, scale in zip(self._propose(images, sizes, regions), some, strict=False):
                parts.append(_boxes([part.numpy() for part in found], scale))
        return np.concatenate(parts)


MTCNN_DETECTOR = DetectorEntry(
    name="mtcnn", help="MTCNN, three cascaded networks with five landmarks", load=CompiledMTCNN
)


def _face(row: NDArray[np.float64]) -> Face:
    x0, y0, x1, y1 = row[1:5].tolist()
    landmarks = tuple(zip(row[6:11].tolist(), row[11:16].tolist(), strict=True))
    return Face((x0, y0, x1 - x0, y1 - y0), landmarks, float(row[5]))


def _boxes(found: Sequence[NDArray[Any]], scale: float) -> NDArray[np.float64]:
    """The proposals of one scale as boxes (photo, x0, y0, x1, y1, confidence)."""
    cells, offsets, scores = found
    corners = cells[:, [2, 1, 2, 1]] * STEP_PX + (1, 1, CELL_PX, CELL_PX) + offsets * np.float64(CELL_PX - 1)
    return suppress_overlaps(np.column_stack([cells[:, 0], corners / scale, scores]), overlap_max=0.5)


def pyramid_scales(height: int, width: int) -> NDArray[np.float64]:
    """The factors by which a photo is shrunk for the first network, the largest first."""
    count = round(-(np.log(min(height, width) / CELL_PX) / np.log(SIZE_RATIO) + 1))
    return CELL_PX / FACE_PX_MIN * SIZE_RATIO ** np.arange(max(count, 0))


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


def _regions(boxes: NDArray[np.float64], shape: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Boxes as ``tf.image.crop_and_resize`` takes them: relative corners (y0, x0, y1, x1) and photo numbers."""
    corners = boxes[:, [2, 1, 4, 3]] / shape[[0, 1, 0, 1]]
    return corners.astype(np.float32), boxes[:, 0].astype(np.int32)


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
