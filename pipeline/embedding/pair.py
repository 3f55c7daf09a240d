"""Two embedders side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import Embedder, EmbedderEntry, unit
from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.facenet_512 import FACENET_512
from pipeline.faces.face import Face

_MODEL_ID = "facenet-pair"
# Factor on the second embedder's rows, chosen on LFW view 1.
PAIR_WEIGHT = 0.5


class PairEmbedder(Embedder):
    """The rows of two embedders side by side, the second scaled: the cosine is a weighted mean of both cosines."""

    def __init__(self, first: Embedder, second: Embedder, *, weight: float = PAIR_WEIGHT) -> None:
        super().__init__(first.network, first.settings)
        self.first, self.second, self.weight = first, second, weight

    @property
    def identity(self) -> dict[str, Any]:
        """The identities of both, and the weight."""
        return {"model": _MODEL_ID, "parts": [self.first.identity, self.second.identity], "weight": self.weight}

    @property
    def dimensions(self) -> int:
        """The length of a row of both."""
        return self.first.dimensions + self.second.dimensions

    @property
    def parameters(self) -> int:
        """The number of trained weights of both."""
        return self.first.parameters + self.second.parameters

    def crops(self, photo: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
        """The views of the first embedder, then those of the second: uint8 (views, side_px, side_px, 3)."""
        return np.concatenate([self.first.crops(photo, face), self.second.crops(photo, face)])

    def __call__(self, faces_crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Unit rows, float32 (n, dimensions), of n faces, each given by its views (:meth:`crops`)."""
        views = len(self.first.settings.views)
        return side_by_side(
            self.first([crops[:views] for crops in faces_crops]),
            self.second([crops[views:] for crops in faces_crops]),
            weight=self.weight,
        )


def side_by_side(
    first: NDArray[np.float32], second: NDArray[np.float32], *, weight: float = PAIR_WEIGHT
) -> NDArray[np.float32]:
    """Unit rows (n, a) and (n, b) side by side, the second scaled by ``weight``: unit rows (n, a + b)."""
    return unit(np.hstack([first, weight * second]))


PAIR_PARTS = (FACENET_128, FACENET_512)
FACENET_PAIR = EmbedderEntry(
    name="facenet-pair",
    title="both FaceNets",
    help="both FaceNets side by side, 640 dimensions",
    model=_MODEL_ID,
    load=lambda: PairEmbedder(*(part.load() for part in PAIR_PARTS)),
)
