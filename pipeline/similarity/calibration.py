"""What a distance means: how likely it is one person, and how many strangers are as near."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.similarity.resemblance import Likeness, resemblance

# Distances are clipped to this far from 0 and 1 before the logit; float32 resolves no more near 1.
_CLIP = 1e-7
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Calibration:
    """What distances mean, fitted on people outside every gallery (``make calibrate``).

    How likely two faces are one person is a logistic curve. middle: the distance where half of the pairs show one
    person, if half of all pairs do. slope: steepness per unit of distance, or of its logit with ``on_logit``, which
    suits distances that are sigmoids (Platt 1999).

    How alike strangers are is measured. strangers: shares of strangers and the distances that these shares do not
    exceed, both ascending. Empty where it is not known.
    """

    middle: float
    slope: float
    on_logit: bool = False
    strangers: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        # JSON has lists.
        object.__setattr__(self, "strangers", tuple((share, distance) for share, distance in self.strangers))

    def same_person(self, distances: ArrayLike) -> NDArray[np.float64]:
        """How many of 100 pairs as near show one person, 0..100, if half of all pairs do. Distances are 0..1."""
        beyond = self.scale(distances) - self.scale(self.middle)
        return 100 / (1 + np.exp(np.clip(self.slope * beyond, -700, 700)))

    def strangers_within(self, distances: ArrayLike) -> NDArray[np.float64]:
        """The share of strangers, 0..1, who are as near as distances in 0..1; NaN where it is not known.

        Between and beyond the measured shares, distances are taken as normally distributed.
        """
        scaled = self.scale(distances)
        if not self.strangers:
            return np.full(scaled.shape, np.nan)
        shares, at = zip(*self.strangers, strict=True)
        known, deviates = self.scale(at), np.array([_NORMAL.inv_cdf(share) for share in shares])
        segment = np.clip(np.searchsorted(known, scaled), 1, len(known) - 1)
        slopes = np.diff(deviates) / np.diff(known)
        found = deviates[segment - 1] + slopes[segment - 1] * (scaled - known[segment - 1])
        # NormalDist.cdf loses the small shares.
        return np.vectorize(lambda deviate: math.erfc(-deviate / math.sqrt(2)) / 2, otypes=[np.float64])(found)

    def likenesses(self, distances: ArrayLike, people: int, *, photos: int = 1) -> list[Likeness]:
        """What users see of distances (n,) in 0..1, found among so many people.

        photos: that were looked up as one. Strangers are nearer to the mean of several photos than to one, so each
        photo counts as one more try (make benchmark-together).
        """
        strangers = np.minimum(photos * self.strangers_within(distances), 1)
        return [
            Likeness(*pair) for pair in zip(resemblance(strangers, people).tolist(), strangers.tolist(), strict=True)
        ]

    def scale(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Distances, or their logits: the scale on which the curve is logistic."""
        values = np.asarray(distances, np.float64)
        if not self.on_logit:
            return values
        values = np.clip(values, _CLIP, 1 - _CLIP)
        return np.log(values / (1 - values))


# For distances on which nothing was fitted: there is no resemblance.
UNCALIBRATED = Calibration(math.nan, math.nan)
