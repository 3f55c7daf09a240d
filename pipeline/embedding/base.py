"""Embedders: a network over the crops of a face, giving one unit row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.embedding import facenet as weights
from pipeline.faces import geometry
from pipeline.faces.face import Face
from pipeline.faces.geometry import View


@dataclass(frozen=True)
class EmbeddingSettings:
    """What is shown to the network. The defaults are chosen on LFW view 1 (``make benchmark-crop``).

    views: the crops of one face whose embeddings are averaged.
    level_over_degrees: a head rolled further than this is turned upright first.
    """

    views: tuple[View, ...] = (
        View(squareness=0.5, margin_ratio=0.03, turn_degrees=-4.0),
        View(squareness=0.5, margin_ratio=0.03, turn_degrees=-4.0, mirror=True),
        View(squareness=0.5, margin_ratio=0.07, turn_degrees=4.0),
        View(squareness=0.5, margin_ratio=0.07, turn_degrees=4.0, mirror=True),
    )
    level_over_degrees: float = 10.0

    @property
    def identity(self) -> dict[str, Any]:
        """What a gallery must share with a probe: the model and all that is done before it."""
        views = [asdict(view) for view in self.views]
        return {"model": weights.MODEL_ID, "views": views, "level_over_degrees": self.level_over_degrees}


# What is laid side by side at one time; views of so many faces are few batches of the network.
_FACES = 64


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length one, float32; a row of zeros stays as it is."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


@dataclass(frozen=True)
class FaceNetwork:
    """What turns crops into numbers.

    model: says which network it is, weights included. parameters: how many numbers it has learned.
    rows: unit rows, float32 (n, dimensions), of crops, uint8 (n, side_px, side_px, 3).
    """

    model: str
    side_px: int
    dimensions: int
    parameters: int
    rows: Callable[[np.ndarray], np.ndarray]


def facenet_network() -> FaceNetwork:
    """FaceNet as one compiled function. Raises WeightsError where its weights are missing."""
    return FaceNetwork(
        weights.MODEL_ID, weights.CROP_SIDE_PX, weights.DIMENSIONS, weights.parameters(), weights.graph()
    )


class Embedder:
    """A network over the views of faces, FaceNet where none is given. Loading it takes seconds, so one is shared."""

    def __init__(self, settings: EmbeddingSettings = EmbeddingSettings(), network: FaceNetwork | None = None) -> None:
        self.settings = settings
        self.network = network or facenet_network()

    @property
    def identity(self) -> dict[str, Any]:
        """What a gallery must share with a probe: the model and all that is done before it."""
        return {**self.settings.identity, "model": self.network.model}

    @property
    def dimensions(self) -> int:
        """How many numbers a row has."""
        return self.network.dimensions

    @property
    def parameters(self) -> int:
        """How many numbers it has learned."""
        return self.network.parameters

    def upright(self, photo: np.ndarray, face: Face) -> tuple[np.ndarray, Face]:
        """What is cut from: the photo and the face in it, turned upright where it is rolled too far."""
        return geometry.level(photo, face, self.settings.level_over_degrees)

    def crops(self, photo: np.ndarray, face: Face) -> np.ndarray:
        """The views of one face, uint8, (views, side, side, 3), which takes longer where it is not upright yet."""
        photo, face = self.upright(photo, face)
        return np.stack([geometry.crop(photo, face, view, self.network.side_px) for view in self.settings.views])

    def rows(self, crops: np.ndarray, batch_max: int = 32) -> np.ndarray:
        """Unit rows, float32, (n, dimensions), of single crops, uint8, (n, side, side, 3)."""
        parts = [self.network.rows(crops[start : start + batch_max]) for start in range(0, len(crops), batch_max)]
        return np.concatenate(parts) if parts else np.empty((0, self.dimensions), np.float32)

    def __call__(self, faces_crops: Sequence[np.ndarray]) -> np.ndarray:
        """Unit rows, float32, (n, dimensions), of n faces, each with its views as :meth:`crops` gives them."""
        if not len(faces_crops):
            return np.empty((0, self.dimensions), np.float32)
        views = np.concatenate(
            [
                self.rows(np.concatenate(faces_crops[start : start + _FACES]))
                for start in range(0, len(faces_crops), _FACES)
            ]
        )
        return unit(views.reshape(len(faces_crops), -1, self.dimensions).mean(axis=1))
