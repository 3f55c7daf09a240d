"""From distance to resemblance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Distances are clipped to this far from 0 and 1 before the logit; float32 resolves no more near 1.
_CLIP = 1e-7


@dataclass(frozen=True)
class Calibration:
    """A logistic curve from distance to resemblance, fitted on people outside every gallery (``make calibrate``).

    A resemblance of 70 means: of pairs of photos this alike, if half of all pairs show one person, 70 in 100 do. It
    measures likeness and never says who somebody is.

    middle: the distance of resemblance 50. slope: steepness per unit of distance, or of its logit with ``on_logit``,
    which suits distances that are sigmoids (Platt 1999).
    """

    middle: float
    slope: float
    on_logit: bool = False

    def resemblance(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Resemblance, 0..100, larger is more alike, of distances in 0..1."""
        beyond = self.scale(distances) - self.scale(self.middle)
        return 100 / (1 + np.exp(np.clip(self.slope * beyond, -700, 700)))

    def scale(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Distances, or their logits: the scale on which the curve is logistic."""
        values = np.asarray(distances, np.float64)
        if not self.on_logit:
            return values
        values = np.clip(values, _CLIP, 1 - _CLIP)
        return np.log(values / (1 - values))


# For distances on which nothing was fitted: every resemblance is NaN.
UNCALIBRATED = Calibration(math.nan, math.nan)
