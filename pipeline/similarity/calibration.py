"""From distance to resemblance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# Logits beyond those of float32 say no more.
_LEAST = 1e-7


@dataclass(frozen=True)
class Calibration:
    """Distance to resemblance by a logistic curve, fitted on people outside every gallery (``make calibrate``).

    A resemblance of 70 says: of pairs of photos this alike, half of all pairs being of one person, 70 in 100
    show one person. It is a measure of likeness and never says who somebody is.

    middle: the distance of resemblance 50. slope: steepness per unit of distance, or of its logit where
    ``on_logit``, as fits a distance that is a sigmoid (Platt 1999).
    """

    middle: float
    slope: float
    on_logit: bool = False

    def resemblance(self, distances: np.ndarray) -> np.ndarray:
        """0..100, larger is more alike, of distances in 0..1."""
        beyond = self.scale(distances) - self.scale(np.array(self.middle))
        return 100 / (1 + np.exp(np.clip(self.slope * beyond, -700, 700)))

    def scale(self, distances: np.ndarray) -> np.ndarray:
        """What the curve is logistic in, float64."""
        values = np.asarray(distances, np.float64)
        if not self.on_logit:
            return values
        values = np.clip(values, _LEAST, 1 - _LEAST)
        return np.log(values / (1 - values))


# For distances that nothing was fitted on: every resemblance is NaN.
UNCALIBRATED = Calibration(math.nan, math.nan)
