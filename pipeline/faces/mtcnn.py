"""The three networks of MTCNN (Zhang et al. 2016, arXiv 1604.02878) as compiled graphs over a batch of photos.

The weights are those of the package ``mtcnn``, and so are steps, thresholds and results; its networks run layer by
layer in Python, on photos that are converted anew for each size, which costs three times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from pipeline import tensorflow_loader

# Of the package: the smallest face, the cell of the first network and its step, and how sizes follow each other.
FACE_PX_MIN, CELL_PX, STEP_PX, SIZE_RATIO = 20, 12, 2, 0.709
CONFIDENCE_MIN = (0.6, 0.7, 0.8)
COLUMNS = 16


class Cascade:
    """MTCNN over photos of one size. Loading it takes a second."""

    def __init__(self) -> None:
        tf = tensorflow_loader.load()
        from mtcnn import MTCNN

        proposals, refinement, output = (stage.model for stage in MTCNN().stages)
        photos = tf.TensorSpec((None, None, None, 3), tf.uint8)

        def normal(pixels: Any) -> Any:
            return (tf.cast(pixels, tf.float32) - 127.5) / 128

        def propose(photos: Any, size: Any) -> Any:
            offsets, chances = proposals(tf.image.resize(normal(photos), size, tf.image.ResizeMethod.AREA))
            cells = tf.where(chances[..., 1] > CONFIDENCE_MIN[0])
            return cells, tf.gather_nd(offsets, cells), tf.gather_nd(chances[..., 1], cells)

        @cache
        def proposing(looks: int) -> Any:
            # All looks in one graph, so that small ones share the cores; their number is a matter of the size.
            return tf.function(
                lambda photos, sizes: [propose(photos, sizes[look]) for look in range(looks)],
                input_signature=[photos, tf.TensorSpec((looks, 2), tf.int32)],
            )

        def on_patches(network: Any, side: int) -> Any:
            def run(photos: Any, corners: Any, owners: Any) -> Any:
                # Outside of the photo is grey, which is nought to the network.
                patches = tf.image.crop_and_resize(photos, corners, owners, (side, side), extrapolation_value=127.5)
                return network(normal(patches))

            return tf.function(
                run, input_signature=[photos, tf.TensorSpec((None, 4), tf.float32), tf.TensorSpec((None,), tf.int32)]
            )

        self._proposing = proposing
        self._refine, self._output = on_patches(refinement, 24), on_patches(output, 48)

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        """A row for each face of ``photos`` (uint8 RGB, (n, height, width, 3)), float64, (faces, 16).

        Columns: number of the photo, x0, y0, x1, y1, confidence, x and then y of the five landmarks; by photo, the
        surest first. A box may lie partly outside.
        """
        tf = tensorflow_loader.load()
        images = tf.constant(photos)
        shape = np.array(photos.shape[1:3])
        boxes = squares(suppressed(self._proposals(images, shape), 0.7))
        if not len(boxes):
            return np.empty((0, COLUMNS))
        offsets, chances = self._refine(images, *_regions(boxes, shape))
        boxes = squares(suppressed(_refined(boxes, offsets.numpy(), chances.numpy()[:, 1], CONFIDENCE_MIN[1]), 0.7))
        if not len(boxes):
            return np.empty((0, COLUMNS))
        offsets, points, chances = self._output(images, *_regions(boxes, shape))
        origin, lengths = boxes[:, 1:3], boxes[:, 3:5] - boxes[:, 1:3] + 1
        places = points.numpy().reshape(-1, 2, 5) * lengths[:, :, None] + origin[:, :, None] - 1
        landmarks = places.reshape(-1, 10)
        found = _refined(boxes, offsets.numpy(), chances.numpy()[:, 1], CONFIDENCE_MIN[2], landmarks)
        return suppressed(found, 0.7, of_smaller=True)

    def _proposals(self, images: Any, shape: np.ndarray) -> np.ndarray:
        looks = scales(*shape)
        if not len(looks):
            return np.empty((0, 6))
        found = self._proposing(len(looks))(images, (shape * looks[:, None]).astype(np.int32))
        parts = [[part.numpy() for part in of] for of in found]
        return np.concatenate([_boxes(part, scale) for part, scale in zip(parts, looks, strict=True)])


def _boxes(found: Sequence[np.ndarray], scale: float) -> np.ndarray:
    cells, offsets, chances = found
    corners = cells[:, [2, 1, 2, 1]] * STEP_PX + (1, 1, CELL_PX, CELL_PX) + offsets * np.float64(CELL_PX - 1)
    return suppressed(np.column_stack([cells[:, 0], corners / scale, chances]), 0.5)


def scales(height: int, width: int) -> np.ndarray:
    """By how much a photo is reduced for each look of the first network."""
    count = round(-(np.log(min(height, width) / CELL_PX) / np.log(SIZE_RATIO) + 1))
    return CELL_PX / FACE_PX_MIN * SIZE_RATIO ** np.arange(max(count, 0))


def squares(boxes: np.ndarray) -> np.ndarray:
    """Boxes (photo, x0, y0, x1, y1, …) lengthened to squares around their middles."""
    lengths = boxes[:, 3:5] - boxes[:, 1:3]
    side = lengths.max(axis=1, keepdims=True, initial=0)
    start = boxes[:, 1:3] + (lengths - side) / 2
    return np.column_stack([boxes[:, 0], start, start + side, boxes[:, 5:]])


def suppressed(boxes: np.ndarray, overlap_max: float, of_smaller: bool = False) -> np.ndarray:
    """Boxes (photo, x0, y0, x1, y1, confidence, …) by photo, the surest first, less those that overlap a surer one.

    As the package does it, a box that is dropped still drops others. overlap_max: share of the union, or of the
    smaller box, 0..1.
    """
    # Of boxes that are equally sure the last comes first, as mostly in the package, whose sorting is not stable.
    boxes = boxes[::-1]
    boxes = boxes[np.lexsort((-boxes[:, 5], boxes[:, 0]))]
    kept = [_apart(part[:, 1:5], overlap_max, of_smaller) for part in _by_photo(boxes)]
    return boxes[np.concatenate(kept)] if kept else boxes


def _by_photo(boxes: np.ndarray) -> list[np.ndarray]:
    return np.split(boxes, np.flatnonzero(np.diff(boxes[:, 0])) + 1) if len(boxes) else []


def _apart(corners: np.ndarray, overlap_max: float, of_smaller: bool) -> np.ndarray:
    low, high = corners[:, :2], corners[:, 2:]
    areas = (high - low).prod(axis=1)
    lengths = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    common = np.maximum(lengths, 0).prod(axis=2)
    whole = np.minimum(areas[:, None], areas) if of_smaller else areas[:, None] + areas - common
    with np.errstate(divide="ignore", invalid="ignore"):
        return ~np.triu(common / whole > overlap_max, k=1).any(axis=0)


def _regions(boxes: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    corners = boxes[:, [2, 1, 4, 3]] / shape[[0, 1, 0, 1]]
    return corners.astype(np.float32), boxes[:, 0].astype(np.int32)


def _refined(
    boxes: np.ndarray, offsets: np.ndarray, chances: np.ndarray, chance_min: float, more: np.ndarray | None = None
) -> np.ndarray:
    lengths = boxes[:, 3:5] - boxes[:, 1:3] + 1
    corners = boxes[:, 1:5] + offsets * np.tile(lengths, 2)
    columns = [boxes[:, 0], corners, chances] + ([] if more is None else [more])
    return np.column_stack(columns)[chances > chance_min]
