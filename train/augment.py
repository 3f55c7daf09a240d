"""Data augmentation: mirrored, turned, scaled, shifted and recoloured variants of a gallery's photos, embedded.

Variants are made of the portraits that a gallery stores of its faces; faces are detected again in each. One variant
of all faces is one file in the gallery's folder ``training/``, so a killed run keeps the finished ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from pipeline import photo, storage
from pipeline.embedding.base import Embedder
from pipeline.faces import geometry
from pipeline.faces.detector import Detector
from pipeline.faces.face import Face
from pipeline.faces.geometry import View
from pipeline.gallery.gallery import Gallery
from pipeline.settings import check, decimal, setting

Box = tuple[float, float, float, float]
_FOLDER = "training"
_BATCH = 32
_FACTOR = decimal(1, 10)


@dataclass(frozen=True)
class PhotoChange:
    """A change of one photo. Factors of 1 and values of 0 change nothing.

    scale: the crop grows by this factor, so the face becomes smaller. shift_right, shift_down: shares of the box.
    """

    mirror: bool = False
    turn_degrees: float = 0.0
    scale: float = 1.0
    shift_right: float = 0.0
    shift_down: float = 0.0
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    gamma: float = 1.0


@dataclass(frozen=True)
class Variation:
    """The range of random changes: degrees and shares uniform in ±value, factors log-uniform in 1/value..value.

    mirror_share: probability of mirroring, 0..1.
    turn_degrees: by default the roll up to which heads are not levelled (``EmbeddingSettings.level_over_degrees``).
    """

    mirror_share: float = setting(0.5, decimal(0, 1))
    turn_degrees: float = setting(10.0, decimal(0, 180))
    scale_factor: float = setting(1.1, _FACTOR)
    shift_ratio: float = setting(0.05, decimal(0, 1))
    brightness_factor: float = setting(1.4, _FACTOR)
    contrast_factor: float = setting(1.4, _FACTOR)
    saturation_factor: float = setting(1.5, _FACTOR)
    gamma_factor: float = setting(1.4, _FACTOR)

    def __post_init__(self) -> None:
        check(self)

    def draw(self, random: np.random.Generator) -> PhotoChange:
        """Draw a random change."""

        def factor(most: float) -> float:
            return float(most ** random.uniform(-1, 1))

        return PhotoChange(
            mirror=bool(random.random() < self.mirror_share),
            turn_degrees=random.uniform(-1, 1) * self.turn_degrees,
            scale=factor(self.scale_factor),
            shift_right=random.uniform(-1, 1) * self.shift_ratio,
            shift_down=random.uniform(-1, 1) * self.shift_ratio,
            brightness=factor(self.brightness_factor),
            contrast=factor(self.contrast_factor),
            saturation=factor(self.saturation_factor),
            gamma=factor(self.gamma_factor),
        )


def apply_change(
    picture: NDArray[np.uint8], box: Box, change: PhotoChange, view: View, side_px: int
) -> NDArray[np.uint8]:
    """The crop (side_px, side_px, 3) of a box (x, y, width, height) after a change.

    The change's turn and mirroring replace those of ``view``.
    """
    x, y, width, height = box
    moved = Face((x + change.shift_right * width, y + change.shift_down * height, width, height), (), 1.0)
    margin = (0.5 + view.margin_ratio) * change.scale - 0.5
    seen = View(view.squareness, margin, change.turn_degrees, change.mirror)
    return _adjust_colours(geometry.crop(picture, moved, seen, size=(side_px, side_px)), change)


def _adjust_colours(picture: NDArray[np.uint8], change: PhotoChange) -> NDArray[np.uint8]:
    image = Image.fromarray(picture)
    image = ImageEnhance.Brightness(image).enhance(change.brightness)
    image = ImageEnhance.Contrast(image).enhance(change.contrast)
    image = ImageEnhance.Color(image).enhance(change.saturation)
    return np.asarray(image.point([round(255 * (value / 255) ** change.gamma) for value in range(256)] * 3))


def embed_variants(
    opened: Gallery,
    count: int,
    detector: Detector,
    embedder: Embedder,
    *,
    variation: Variation = Variation(),
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float32]:
    """The gallery's embeddings and those of ``count`` variants: (faces, 1 + count, d), the original first.

    A variant in which no face is found gets the original embedding. progress: called with the number of faces done,
    counted once per variant.
    """
    arrays = [np.asarray(opened.embeddings)]
    for number in range(count):
        make = partial(_embed_variant, opened, (seed, number), detector, embedder, variation, progress)
        arrays.append(_computed_once(opened, ["variant", asdict(variation), seed, number], make))
        progress((number + 1) * len(opened))
    return np.stack(arrays, axis=1)


def portrait_boxes(
    opened: Gallery, detector: Detector, progress: Callable[[int], None] = lambda _: None
) -> NDArray[np.float32]:
    """The box of the face in each portrait: (faces, 4) of x, y, width and height in its pixels.

    If no face is found, the square around which the portrait was cut.
    """
    return _computed_once(opened, ["boxes"], partial(_find_boxes, opened, detector, progress))


def _computed_once(
    opened: Gallery, about: list[object], make: Callable[[], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The array that ``make`` gives, computed once per state of the gallery. Arrays of older states are deleted."""
    state = _digest(opened.manifest["files"])
    for old in (opened.folder / _FOLDER).glob("*.npy"):
        if not old.name.startswith(state):
            old.unlink()
    path = opened.folder / _FOLDER / f"{state}-{_digest(about)}.npy"
    with suppress(OSError, ValueError, EOFError):  # Missing or damaged.
        known: NDArray[np.float32] = np.load(path, allow_pickle=False)
        return known
    array = make()
    with storage.atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)
    return array


def _digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _embed_variant(
    opened: Gallery,
    seed: tuple[int, int],
    detector: Detector,
    embedder: Embedder,
    variation: Variation,
    progress: Callable[[int], None],
) -> NDArray[np.float32]:
    """The embeddings of one variant of each face, (faces, d)."""
    embeddings = np.array(opened.embeddings)
    for rows in _batches(opened):
        pictures = [_draw_variant(photo.read(opened.crop_path(row)), (*seed, row), variation) for row in rows]
        found = detector(pictures)
        places = [place for place, detected in enumerate(found) if detected]
        crops = [embedder.crops(pictures[place], found[place][0]) for place in places]
        embeddings[rows.start + np.array(places, np.int64)] = embedder(crops)
        progress(seed[1] * len(opened) + rows.stop)
    return embeddings


def _find_boxes(opened: Gallery, detector: Detector, progress: Callable[[int], None]) -> NDArray[np.float32]:
    found = np.empty((len(opened), 4), np.float32)
    for rows in _batches(opened):
        portraits = [photo.read(opened.crop_path(row)) for row in rows]
        for row, portrait, detected in zip(rows, portraits, detector(portraits), strict=True):
            side = len(portrait) / (1 + 2 * geometry.PORTRAIT_MARGIN_RATIO)
            corner = (len(portrait) - side) / 2
            found[row] = detected[0].box if detected else (corner, corner, side, side)
        progress(rows.stop)
    return found


def _batches(opened: Gallery) -> Iterator[range]:
    for start in range(0, len(opened), _BATCH):
        yield range(start, min(start + _BATCH, len(opened)))


def _draw_variant(portrait: NDArray[np.uint8], seed: tuple[int, ...], variation: Variation) -> NDArray[np.uint8]:
    change = variation.draw(np.random.default_rng(seed))
    side = len(portrait)
    return apply_change(portrait, (0, 0, side, side), change, View(squareness=1.0, margin_ratio=0.0), side)
