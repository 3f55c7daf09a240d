"""The cosine of two embeddings as a scorer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.similarity import shipped
from pipeline.similarity.base import MatrixProduct, ScorerEntry
from pipeline.similarity.calibration import UNCALIBRATED, Calibration


class CosineScorer:
    """Half of one minus the cosine of the two embeddings."""

    name = "cosine"
    digest = ""

    def __init__(self, calibration: Calibration = UNCALIBRATED) -> None:
        self.calibration = calibration

    def prepare(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows themselves."""
        return rows

    def distances(self, probe: NDArray[np.float32], prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances, float32 (n,), of a unit row (d,) to unit rows (n, d)."""
        return self.product_of(probe[None]).distances(prepared)[:, 0]

    def product_of(self, probes: NDArray[np.float32]) -> MatrixProduct:
        """The distances to unit rows (m, d)."""
        weights = (probes / -2).astype(np.float32).T
        start = np.full(len(probes), 0.5, np.float32)
        return MatrixProduct(weights, start, lambda values: np.clip(values, 0, 1), cosine_scale=-0.5)


COSINE = ScorerEntry(
    name=CosineScorer.name,
    label="Cosine",
    help="the cosine of the embeddings",
    distance="Half of one minus the cosine of the two embeddings",
    load=lambda identity: CosineScorer(shipped.cosine_calibration(identity)),
)
