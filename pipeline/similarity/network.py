"""The trained encoder and similarity net as arrays: whole galleries are scored without Keras."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.similarity import blocks

Layer = tuple[np.ndarray, np.ndarray]
_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda values: values,
    "relu": lambda values: np.maximum(values, 0, out=values),
    "tanh": lambda values: np.tanh(values, out=values),
}
# A product of matrices is fastest where its width is a multiple of this.
_LANES = 16


@dataclass(frozen=True)
class Product:
    """Distances of prepared rows (n, columns) to m probes, ``link(rows @ weights + start)``.

    weights: float32 (columns, m). start: float32 (m,). link: turns values into distances, 0..1; it never falls.
    cosine_scale: a negative number if prepared rows begin with the embeddings, weights begin with the probes times
    that number, and the other weights are the same for all probes. None otherwise.
    """

    weights: NDArray[np.float32]
    start: NDArray[np.float32]
    link: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    cosine_scale: float | None = None

    def distances(self, prepared: np.ndarray) -> np.ndarray:
        """Distances, float32 (n, m), block by block."""
        return blocks.apply(lambda rows: self.link(rows @ self.weights + self.start), prepared)

    def column(self, place: int) -> Product:
        """The product for one of the probes."""
        own = slice(place, place + 1)
        return replace(self, weights=self.weights[:, own], start=self.start[own])


@dataclass(frozen=True)
class Network:
    """A trained encoder and similarity net as arrays: the same numbers as ``train.networks.Similarity``.

    encoder, metric: kernel (inputs, units) and bias (units,) of each dense layer, the output layer of the net last.
    For the other fields see ``train.settings.NetworkSettings``; steepness, middle and cohort, codes (faces, units),
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
    cohort_nearest: int = 3
    cohort_weight: float = 0.0

    def codes(self, embeddings: np.ndarray) -> np.ndarray:
        """What is known of faces by themselves, embeddings (n, 128): float32 (n, columns).

        That is what the encoder makes of them: of unit length where "product", and with a last column that says how
        near the nearest faces of the cohort are where there is one.
        """
        return blocks.apply(self._codes, embeddings)

    def codes_each(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """As :meth:`codes`, row by row, so that a row has the same bits alone as among others."""

        def each(rows: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.concatenate([self._codes(rows[place : place + 1]) for place in range(max(len(rows), 1))])

        return np.concatenate(
            blocks.each(each, np.array_split(embeddings, max(min(len(embeddings), os.cpu_count() or 1), 1)))
        )

    def _codes(self, embeddings: np.ndarray) -> np.ndarray:
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
            nearest = np.partition(values @ self.cohort.T, -self.cohort_nearest, axis=1)[:, -self.cohort_nearest :]
            values = np.hstack([values, nearest.mean(axis=1, keepdims=True)])
        return values.astype(np.float32)

    def prepare(self, codes: np.ndarray) -> np.ndarray:
        """What of the first layer depends on the gallery alone, once for all probes: float32 (n, columns).

        The first layer on concat(a, b) is W_a a + W_b b + c, so its half for b is known beforehand.
        """
        if self.product:
            return codes
        kernel = self.metric[0][0]
        half = len(kernel) // 2
        return codes @ np.hstack([kernel[half:], kernel[:half]] if self.both_orders else [kernel[half:]])

    def product_of(self, codes: np.ndarray) -> Product | None:
        """The distances to codes (m, columns) where there is no net: else None."""
        if not self.product or self.metric:
            return None
        # Without an encoder, codes begin with the embeddings.
        cosine_scale = -self.steepness if not self.encoder and self.steepness > 0 else None
        return Product(*self._logits_of(codes), _sigmoid, cosine_scale)

    def _logits_of(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What prepared rows are multiplied by, (columns, m), and what is added, (m,), for all but the net's part."""
        weights = -self.steepness * codes.T
        start = np.full(len(codes), self.steepness * self.middle, np.float32)
        if self.cohort is not None:
            start += np.float32(self.steepness * self.cohort_weight) * codes[:, -1]
            weights[-1] = self.steepness * self.cohort_weight
        return weights, start

    def distances(self, code: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        """Distances, float32 (n,), of one code (columns,) to a prepared gallery (n, columns)."""
        if product := self.product_of(code[None]):
            return product.distances(prepared)[:, 0]
        rows = min(len(prepared), blocks.ROWS)
        return blocks.apply(self._product(code, rows) if self.product else self._concatenation(code, rows), prepared)

    def _product(self, code: np.ndarray, rows_max: int) -> Callable[[np.ndarray], np.ndarray]:
        """From prepared rows to distances. One product of matrices gives the first layer and, last, the cosine."""
        cosines, starts = self._logits_of(code[None])
        cosine, start = cosines[:, 0], starts[0]
        if self.cohort is not None:
            code = code[:-1]
        kernel, bias = self.metric[0]
        half, units = len(kernel) // 2, kernel.shape[1]
        weights = np.zeros((len(cosine), -(-(units + 1) // _LANES) * _LANES), np.float32)
        weights[:half, :units] = kernel[:half] * code[:, None] + kernel[half:]
        weights[:, -1] = cosine
        shift = np.pad(code @ kernel[half:] + bias, (0, weights.shape[1] - units))
        correction = self._net(shift[None], rows_max)

        def distances(rows: np.ndarray) -> np.ndarray:
            values = rows @ weights
            return _sigmoid(correction(values)[:, 0] + values[:, -1] + start)

        return distances

    def _concatenation(self, code: np.ndarray, rows_max: int) -> Callable[[np.ndarray], np.ndarray]:
        """From prepared rows to distances, the mean of both orders where there are both."""
        kernel, bias = self.metric[0]
        halves = kernel.reshape(2, len(kernel) // 2, -1)[: 1 + self.both_orders]
        logits = self._net(code @ halves + bias, rows_max)
        share = np.full(len(halves), 1 / len(halves), np.float32)
        return lambda rows: _sigmoid(logits(rows)) @ share

    def _net(self, shift: np.ndarray, rows_max: int) -> Callable[[np.ndarray], np.ndarray]:
        """The net from its first layer's values, to which ``shift`` (orders, width) is still to be added.

        What it gives takes values (n, orders * width), n at most ``rows_max``, to logits (n, orders). As relu(v + s)
        is max(v, -s) + s, that last s goes into the shift of the next layer: one pass instead of two. Shifts are
        tiled to the size of a block, since NumPy is slow on rows of thirty.
        """
        orders, width = shift.shape
        activation, folded = _ACTIVATIONS[self.metric_activation], self.metric_activation == "relu"
        steps = []
        for kernel, bias in self.metric[1:]:
            kernel = np.pad(kernel, ((0, shift.shape[1] - len(kernel)), (0, 0)))
            steps.append((np.tile(-shift if folded else shift, (rows_max, 1)), kernel))
            shift = (shift @ kernel if folded else 0) + np.tile(bias, (orders, 1))

        def logits(values: np.ndarray) -> np.ndarray:
            values = values.reshape(-1, width)
            for tiled, kernel in steps:
                tiled = tiled[: len(values)]
                values = (np.maximum(values, tiled) if folded else activation(values + tiled)) @ kernel
            return values[:, 0].reshape(-1, orders) + shift[:, 0]

        return logits


def parts(network: Network) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A network for a file: its settings, as JSON has them, and its arrays by name."""
    settings: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for name in (field.name for field in fields(network)):
        value = getattr(network, name)
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value, tuple):
            for place, (kernel, bias) in enumerate(value):
                arrays |= {f"{name}_{place}_kernel": kernel, f"{name}_{place}_bias": bias}
        else:
            settings[name] = value
    return settings, arrays


def joined(settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Network:
    """The network of such parts. Raises KeyError or TypeError where a part is missing or unknown."""
    layers: dict[str, list[Layer]] = {"encoder": [], "metric": []}
    others: dict[str, Any] = {}
    for name in arrays:
        if name.endswith("_kernel"):
            layer = name.removesuffix("_kernel")
            layers[layer.rpartition("_")[0]].append((arrays[name], arrays[f"{layer}_bias"]))
        elif not name.endswith("_bias"):
            others[name] = arrays[name]
    values: dict[str, Any] = {name: tuple(found) for name, found in layers.items()}
    return Network(**values, **others, **settings)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    # What is nearer to 0 than float32 can say would only warn.
    return 1 / (1 + np.exp(np.minimum(-values, 80)))
