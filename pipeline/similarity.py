"""How alike two faces are: scorers that give a distance, and a resemblance for people to read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

_CALIBRATION = Path(__file__).parent.parent / "assets" / "cosine.json"


@dataclass(frozen=True)
class Calibration:
    """Distance to resemblance by a logistic curve, fitted on people outside every gallery (``make benchmark-lfw``).

    A resemblance of 70 says: of pairs of photos this alike, half of all pairs being of one person, 70 in 100
    show one person. It is a measure of likeness and never says who somebody is.

    middle: the distance of resemblance 50. slope: steepness per unit of distance.
    """

    middle: float
    slope: float

    def resemblance(self, distances: np.ndarray) -> np.ndarray:
        """0..100, larger is more alike, of distances in 0..1."""
        return 100 / (1 + np.exp(self.slope * (distances - self.middle)))


class Scorer(Protocol):
    """What ranks a gallery. The distance is 0..1 and symmetric; smaller is more alike."""

    name: str
    calibration: Calibration

    def distances(self, probe: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Distances, float32 (n,), of a unit row (128,) to unit rows (n, 128)."""
        ...


class CosineScorer:
    """Half of one minus the cosine of the two embeddings."""

    name = "cosine"

    def __init__(self) -> None:
        fitted = json.loads(_CALIBRATION.read_text(encoding="utf-8"))
        self.calibration = Calibration(fitted["middle"], fitted["slope"])

    def distances(self, probe: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Distances, float32 (n,), of a unit row (128,) to unit rows (n, 128)."""
        cosines = rows @ probe.astype(np.float32)
        return np.clip((1 - cosines) / 2, 0, 1).astype(np.float32)
