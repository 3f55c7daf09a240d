"""What every embedder does, and what most are made of: a network, and the views of a face it is shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import geometry
from pipeline.faces.face import Face
from pipeline.faces.geometry import View

# FaceNet's; see EmbedderEntry.
COPY_DISTANCE_MAX = 0.015
# Faces embedded in one go: bounds the memory that their views take, and still fills the network's batches.
_FACES_MAX = 64


@dataclass(frozen=True)
class EmbeddingSettings:
    """What the network is shown of a face.

    views: the crops whose embeddings are averaged.
    level_over_degrees: a head rolled further than this is turned upright first.
    """

    views: tuple[View, ...]
    level_over_degrees: float = geometry.LEVEL_OVER_DEGREES

    def identity(self, model: str) -> dict[str, Any]:
        """What a gallery and a probe must share: the model and everything that is done before it."""
        views = [asdict(view) for view in self.views]
        return {"model": model, "views": views, "level_over_degrees": self.level_over_degrees}

    @classmethod
    def of(cls, identity: dict[str, Any]) -> EmbeddingSettings:
        """The settings in an identity."""
        return cls(tuple(View(**view) for view in identity["views"]), identity["level_over_degrees"])


# A square crop with a tenth added on each side, and its mirror image: for networks without a crop of their own.
SQUARE_CROP = EmbeddingSettings(views=(View(1.0, 0.1), View(1.0, 0.1, mirror=True)))


@dataclass(frozen=True)
class FaceNetwork:
    """A network that turns crops into unit rows.

    model: the id of the network, weights included.
    size: of its crops, (width, height) in pixels.
    parameters: the number of trained weights.
    rows: from crops, uint8 (n, height, width, 3), to unit rows, float32 (n, dimensions).
    """

    model: str
    size: tuple[int, int]
    dimensions: int
    parameters: int
    rows: Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Embedder(ABC):
    """Turns faces into unit rows, in two steps: crops, then rows. Loading one takes seconds, so they are shared."""

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What a gallery and a probe must share, as the gallery's manifest stores it."""

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """The length of a row."""

    @property
    @abstractmethod
    def parameters(self) -> int:
        """The number of trained weights."""

    @property
    @abstractmethod
    def views(self) -> int:
        """How many views of a face it is shown."""

    @abstractmethod
    def crops(self, photo: NDArray[np.uint8], face: Face) -> list[NDArray[np.uint8]]:
        """The views of one face, each uint8 (height, width, 3). Those for different networks may differ in size."""

    @abstractmethod
    def __call__(self, faces_crops: Sequence[Sequence[NDArray[np.uint8]]]) -> NDArray[np.float32]:
        """Unit rows, float32 (n, dimensions), of n faces, each given by its views (:meth:`crops`)."""


class NetworkEmbedder(Embedder):
    """One network and the views it is shown. A head that is rolled too far is turned upright first."""

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

    @property
    def views(self) -> int:
        """How many views of a face the network is shown."""
        return len(self.settings.views)

    def crops(self, photo: NDArray[np.uint8], face: Face) -> list[NDArray[np.uint8]]:
        """The views of one face, each uint8 (height, width, 3)."""
        photo, face = geometry.level(photo, face, over_degrees=self.settings.level_over_degrees)
        size = self.network.size
        return [geometry.crop(photo, face, view, size=size) for view in self.settings.views]

    def rows(self, crops: NDArray[np.uint8], *, batch_max: int = 32) -> NDArray[np.float32]:
        """Unit rows, float32 (n, dimensions), of single crops, uint8 (n, height, width, 3)."""
        parts = [self.network.rows(crops[start : start + batch_max]) for start in range(0, len(crops), batch_max)]
        return np.concatenate(parts) if parts else np.empty((0, self.dimensions), np.float32)

    def __call__(self, faces_crops: Sequence[Sequence[NDArray[np.uint8]]]) -> NDArray[np.float32]:
        """Unit rows, float32 (n, dimensions), of n faces: the mean over the views of each."""
        if not len(faces_crops):
            return np.empty((0, self.dimensions), np.float32)
        blocks = [faces_crops[start : start + _FACES_MAX] for start in range(0, len(faces_crops), _FACES_MAX)]
        views = np.concatenate([self.rows(np.stack([crop for face in block for crop in face])) for block in blocks])
        return unit(views.reshape(len(faces_crops), -1, self.dimensions).mean(axis=1))


@dataclass(frozen=True)
class EmbedderEntry:
    """An embedder's line in the registry.

    name: what ``--embedder`` takes.
    title: a short name for tables.
    help: one line for help texts.
    identity: of the loaded embedder, by which a gallery's embedder is recognised.
    load: loads it; raises UserError where its weights are missing.
    dimensions: the length of a row; None where only the loaded network tells.
    fetch: fetches the weights unless they are here; raises UserError where that fails.
    copy_distance_max: half of one minus the cosine; nearer photos are copies of one another. Nineteen in twenty
        copies in another size or quality are nearer, but fewer than one in a thousand other photos of the same person
        (``make benchmark-crop``).
    same_cosine_min: photos with a larger cosine surely show one person: fewer than one in a thousand photos of others
        have one (``make benchmark-portraits``). None where that was not measured.
    """

    name: str
    title: str
    help: str
    identity: dict[str, Any]
    load: Callable[[], Embedder]
    dimensions: int | None = None
    fetch: Callable[[], None] = lambda: None
    copy_distance_max: float = COPY_DISTANCE_MAX
    same_cosine_min: float | None = None

    @property
    def model(self) -> str:
        """The "model" of its identity, which no other embedder has."""
        return str(self.identity["model"])


def usable(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Which unit rows (n, d) can be compared: bool (n,), False for zeros and for what is not a number."""
    return np.isfinite(rows).all(axis=-1) & rows.any(axis=-1)


def unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Rows scaled to length one, float32; rows of zeros stay as they are."""
    # Values that are not numbers stay so; see usable().
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
        return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
