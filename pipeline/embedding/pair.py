"""Two embedders side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.embedding.base import Embedder, unit
from pipeline.faces.face import Face

FACENET_512, FACENET_PAIR = "facenet-512", "facenet-pair"
# By how much less the second one's cosine counts in the pair, chosen on view 1 (README).
PAIR_WEIGHT = 0.5


class Pair(Embedder):
    """Two embedders' rows side by side, the second one weighted, so that the cosine is a mean of both cosines."""

    def __init__(self, first: Embedder, second: Embedder, weight: float = PAIR_WEIGHT) -> None:
        super().__init__(first.settings, first.network)
        self.first, self.second, self.weight = first, second, weight

    @property
    def identity(self) -> dict[str, Any]:
        """Those of both."""
        return {"model": FACENET_PAIR, "parts": [self.first.identity, self.second.identity], "weight": self.weight}

    @property
    def dimensions(self) -> int:
        """Those of both."""
        return self.first.dimensions + self.second.dimensions

    @property
    def parameters(self) -> int:
        """Those of both."""
        return self.first.parameters + self.second.parameters

    def crops(self, photo: np.ndarray, face: Face) -> np.ndarray:
        """The views of the first, then those of the second: uint8, (views, side, side, 3)."""
        return np.concatenate([self.first.crops(photo, face), self.second.crops(photo, face)])

    def __call__(self, faces_crops: Sequence[np.ndarray]) -> np.ndarray:
        """Unit rows, float32, (n, dimensions)."""
        views = len(self.first.settings.views)
        return side_by_side(
            self.first([crops[:views] for crops in faces_crops]),
            self.second([crops[views:] for crops in faces_crops]),
            self.weight,
        )


def side_by_side(first: np.ndarray, second: np.ndarray, weight: float = PAIR_WEIGHT) -> np.ndarray:
    """Unit rows (n, a) and (n, b) side by side, the second weighted: unit rows (n, a + b)."""
    return unit(np.hstack([first, weight * second]))
