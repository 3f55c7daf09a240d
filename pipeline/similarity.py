"""How alike two faces are: scorers that give a distance, and a resemblance for people to read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

_CALIBRATION = Path(__file__).parent.parent / "assets" / "cosine.json"


@dataclass(frozen=True)
class Calibration:
    """Distance to resemblance by a logistic curve, fitted on people outside every gallery (``make calibrate``).

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


Layer = tuple[np.ndarray, np.ndarray]
_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda values: values,
    "relu": lambda values: np.maximum(values, 0, out=values),
    "tanh": np.tanh,
}


@dataclass(frozen=True)
class Network:
    """A trained encoder and similarity net as arrays: the same numbers as ``train.networks.Similarity``.

    encoder, metric: kernel (inputs, units) and bias (units,) of each dense layer, the output layer of the net last.
    For the other fields see ``train.networks.NetworkSettings``; steepness, middle and cohort, codes (faces, units),
    are those of "product", which may have no net.
    """

    encoder: tuple[Layer, ...]
    metric: tuple[Layer, ...]
    encoder_activation: str = "relu"
    encoder_residual: bool = False
    metric_activation: str = "relu"
    product: bool = False
    both_orders: bool = False
    steepness: float = 1.0
    middle: float = 0.0
    cohort: np.ndarray | None = None
    cohort_nearest: int = 5
    cohort_weight: float = 0.0

    def codes(self, embeddings: np.ndarray) -> np.ndarray:
        """What is known of faces by themselves, embeddings (n, 128): float32 (n, columns).

        That is what the encoder makes of them: of unit length where "product", and with a last column that says how
        near the nearest faces of the cohort are where there is one.
        """
        values = embeddings
        for place, (kernel, bias) in enumerate(self.encoder):
            values = values @ kernel + bias
            if place < len(self.encoder) - 1:
                values = _ACTIVATIONS[self.encoder_activation](values)
        if self.encoder_residual:
            values = values + embeddings
        if self.product:
            values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
        if self.cohort is not None:
            values = np.hstack([values, self._ordinary(values)[:, None]])
        return values.astype(np.float32)

    def _ordinary(self, codes: np.ndarray) -> np.ndarray:
        """Mean cosine to the nearest faces of the cohort, (n,): blocks keep the cosines to all of them small."""
        assert self.cohort is not None
        parts = []
        for start in range(0, len(codes), 4096):
            cosines = codes[start : start + 4096] @ self.cohort.T
            parts.append(np.partition(cosines, -self.cohort_nearest, axis=1)[:, -self.cohort_nearest :].mean(axis=1))
        return np.concatenate([np.empty(0, np.float32), *parts])

    def prepare(self, codes: np.ndarray) -> np.ndarray:
        """What of the first layer depends on the gallery alone, once for all probes: float32 (n, columns).

        The first layer on concat(a, b) is W_a a + W_b b + c, so its half for b is known beforehand.
        """
        if self.product:
            return codes
        kernel = self.metric[0][0]
        half = len(kernel) // 2
        return codes @ np.hstack([kernel[half:], kernel[:half]] if self.both_orders else [kernel[half:]])

    def distances(self, code: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        """Distances, float32 (n,), of one code (units,) to a prepared gallery."""
        middle = self.middle
        if self.cohort is not None:
            middle = middle + self.cohort_weight * (code[-1] + prepared[:, -1])
            code, prepared = code[:-1], prepared[:, :-1]
        if not self.metric:
            return _sigmoid(self.steepness * (middle - prepared @ code))
        kernel, bias = self.metric[0]
        half, units = len(kernel) // 2, kernel.shape[1]
        if self.product:
            # One product with the gallery gives the first layer and, in the last column, the cosine.
            weights = np.hstack([kernel[:half] * code[:, None] + kernel[half:], code[:, None]])
            values = prepared @ weights
            correction = self._rest(values[:, :-1] + (code @ kernel[half:] + bias))
            return _sigmoid(self.steepness * (middle - values[:, -1]) + correction)
        one = _sigmoid(self._rest(prepared[:, :units] + (code @ kernel[:half] + bias)))
        if not self.both_orders:
            return one
        return (one + _sigmoid(self._rest(prepared[:, units:] + (code @ kernel[half:] + bias)))) / 2

    def _rest(self, values: np.ndarray) -> np.ndarray:
        activation = _ACTIVATIONS[self.metric_activation]
        for kernel, bias in self.metric[1:]:
            values = activation(values) @ kernel + bias
        return values[:, 0]


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-values))).astype(np.float32)
