"""What every embedder is made of: a network, and the views of a face it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import geometry
from pipeline.faces.face import Face
from pipeline.faces.geometry import View

# Faces embedded in one go: bounds the memory that their views take, and still fills the network's batches.
_FACES_MAX = 64


@dataclass(frozen=True)
class EmbeddingSettings:
    """What the network is shown of a face.

    views: the crops whose embeddings are averaged.
    level_over_degrees: a head rolled further than this is turned upright first.
    """

    views: tuple[View, ...]
    level_over_degrees: float = 10.0

    def identity(self, model: str) -> dict[str, Any]:
        """What a gallery and a probe must share: the model and everything that is done before it."""
        views = [asdict(view) for view in self.views]
        return {"model": model, "views": views, "level_over_degrees": self.level_over_degrees}


# A square crop with a tenth added on each side, and its mirror image: for networks without a crop of their own.
SQUARE_CROP = EmbeddingSettings(views=(View(1.0, 0.1), View(1.0, 0.1, mirror=True)))


@dataclass(frozen=True)
class FaceNetwork:
    """A network that turns crops into unit rows.

    model: the id of the network, weights included.
    parameters: the number of trained weights.
    rows: from crops, uint8 (n, side_px, side_px, 3), to unit rows, float32 (n, dimensions).
    """

    model: str
    side_px: int
    dimensions: int
    parameters: int
    rows: Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Embedder:
    """A network and the views it is shown. Loading a network takes seconds, so embedders are shared."""

    def __init__(self, network: FaceNetwork, settings: EmbeddingSettings) -> None:
        self.network = network
        self.settings = settings

    @property
    def identity(self) -> dict[str, Any]:
        """What a gallery and a probe must share, as the gallery's manifest stores it."""
        return self.settings.identity(self.network.model)

    @property
    def dimensions(self) -> int:
        """The length of a row."""
        return self.network.dimensions

    @property
    def parameters(self) -> int:
        """The number of trained weights."""
        return self.network.parameters

    def upright(self, photo: NDArray[np.uint8], face: Face) -> tuple[NDArray[np.uint8], Face]:
        """The photo and the face in it, turned upright where the head is rolled too far."""
        return geometry.level(photo, face, over_degrees=self.settings.level_over_degrees)

    def crops(self, photo: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
        """The views of one face, uint8 (views, side_px, side_px, 3)."""
        photo, face = self.upright(photo, face)
        side_px = self.network.side_px
        return np.stack([geometry.crop(photo, face, view, side_px=side_px) for view in self.settings.views])

    def rows(self, crops: NDArray[np.uint8], *, batch_max: int = 32) -> NDArray[np.float32]:
        """Unit rows, float32 (n, dimensions), of single crops, uint8 (n, side_px, side_px, 3)."""
        parts = [self.network.rows(crops[start : start + batch_max]) for start in range(0, len(crops), batch_max)]
        return np.concatenate(parts) if parts else np.empty((0, self.dimensions), np.float32)

    def __call__(self, faces_crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Unit rows, float32 (n, dimensions), of n faces, each given by its views (:meth:`crops`)."""
        if not len(faces_crops):
            return np.empty((0, self.dimensions), np.float32)
        blocks = [faces_crops[start : start + _FACES_MAX] for start in range(0, len(faces_crops), _FACES_MAX)]
        views = np.concatenate([self.rows(np.concatenate(block)) for block in blocks])
        return unit(views.reshape(len(faces_crops), -1, self.dimensions).mean(axis=1))


@dataclass(frozen=True)
class EmbedderEntry:
    """An embedder's line in the registry.

    name: what ``--embedder`` takes.
    title: a short name for tables.
    help: one line for help texts.
    model: the "model" of its identity, by which a gallery's embedder is recognised.
    load: loads it; raises UserError where its weights are missing.
    """

    name: str
    title: str
    help: str
    model: str
    load: Callable[[], Embedder]


def unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Rows scaled to length one, float32; rows of zeros stay as they are."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
