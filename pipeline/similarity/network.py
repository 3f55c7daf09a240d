"""A trained encoder and similarity net as arrays, so that whole galleries are scored without Keras."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.similarity import blocks
from pipeline.similarity.base import MatrixProduct

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]
_BlockFunction = Callable[[NDArray[np.float32]], NDArray[np.float32]]
_ACTIVATIONS: dict[str, _BlockFunction] = {
    "linear": lambda values: values,
    "relu": lambda values: np.maximum(values, 0, out=values),
    "tanh": lambda values: np.tanh(values, out=values),
}
# Matrix products are fastest if their width is a multiple of this.
_WIDTH_MULTIPLE = 16


@dataclass(frozen=True)
class SimilarityNetwork:
    """A trained encoder and similarity net: the same numbers as ``train.networks.Similarity``.

    encoder, metric: kernel (inputs, units) and bias (units,) of each dense layer; ``metric`` ends with the output
    layer. The other fields are those of ``train.networks.NetworkSettings``. steepness, middle and cohort, codes
    (faces, units), belong to networks with ``product``, which may have no net.
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
    cohort: NDArray[np.float32] | None = None
    cohort_nearest: int = 3
    cohort_weight: float = 0.0

    def codes(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """The encoder's output for embeddings (n, d): float32 (n, columns).

        Codes have unit length with ``product``. With a cohort, a last column holds the mean cosine to the nearest
        faces of the cohort.
        """
        return blocks.map_rows(self._codes, embeddings)

    def codes_row_by_row(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """As :meth:`codes`, but a row has the same bits whatever other rows are given."""

        def part(rows: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.concatenate([self._codes(rows[place : place + 1]) for place in range(max(len(rows), 1))])

        parts = max(min(len(embeddings), os.cpu_count() or 1), 1)
        return np.concatenate(blocks.map_parallel(part, np.array_split(embeddings, parts)))

    def _codes(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
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

    def prepare(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """The part of the first layer that depends on the gallery alone, once for all probes: float32 (n, columns).

        The first layer on concat(a, b) is W_a a + W_b b + c, so its half for b does not need the probe.
        """
        if self.product:
            return codes
        kernel = self.metric[0][0]
        half = len(kernel) // 2
        return codes @ np.hstack([kernel[half:], kernel[:half]] if self.both_orders else [kernel[half:]])

    def product_of(self, codes: NDArray[np.float32]) -> MatrixProduct | None:
        """The distances to codes (m, columns) of a network without a net; None for any other."""
        if not self.product or self.metric:
            return None
        # Without an encoder, codes begin with the embeddings.
        cosine_scale = -self.steepness if not self.encoder and self.steepness > 0 else None
        return MatrixProduct(*self._logit_weights(codes), _sigmoid, cosine_scale)

    def _logit_weights(self, codes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights (columns, m) and start (m,) of the logits that the product gives, before the net's correction."""
        weights = -self.steepness * codes.T
        start = np.full(len(codes), self.steepness * self.middle, np.float32)
        if self.cohort is not None:
            start += np.float32(self.steepness * self.cohort_weight) * codes[:, -1]
            weights[-1] = self.steepness * self.cohort_weight
        return weights, start

    def distances(self, code: NDArray[np.float32], prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances, float32 (n,), of one code (columns,) to a prepared gallery (n, columns)."""
        if product := self.product_of(code[None]):
            return product.distances(prepared)[:, 0]
        rows_max = min(len(prepared), blocks.BLOCK_ROWS)
        score = self._score_product if self.product else self._score_concatenation
        return blocks.map_rows(score(code, rows_max), prepared)

    def _score_product(self, code: NDArray[np.float32], rows_max: int) -> _BlockFunction:
        """From prepared rows to distances: a matrix product gives the first layer and, as last column, the cosine."""
        cosines, starts = self._logit_weights(code[None])
        cosine, start = cosines[:, 0], starts[0]
        if self.cohort is not None:
            code = code[:-1]
        kernel, bias = self.metric[0]
        half, units = len(kernel) // 2, kernel.shape[1]
        width = -(-(units + 1) // _WIDTH_MULTIPLE) * _WIDTH_MULTIPLE
        weights = np.zeros((len(cosine), width), np.float32)
        weights[:half, :units] = kernel[:half] * code[:, None] + kernel[half:]
        weights[:, -1] = cosine
        shift = np.pad(code @ kernel[half:] + bias, (0, width - units))
        correction = self._net(shift[None], rows_max)

        def distances(rows: NDArray[np.float32]) -> NDArray[np.float32]:
            values = rows @ weights
            return _sigmoid(correction(values)[:, 0] + values[:, -1] + start)

        return distances

    def _score_concatenation(self, code: NDArray[np.float32], rows_max: int) -> _BlockFunction:
        """From prepared rows to distances; with ``both_orders`` the mean over the orders."""
        kernel, bias = self.metric[0]
        halves = kernel.reshape(2, len(kernel) // 2, -1)[: 1 + self.both_orders]
        logits = self._net(code @ halves + bias, rows_max)
        share = np.full(len(halves), 1 / len(halves), np.float32)
        return lambda rows: _sigmoid(logits(rows)) @ share

    def _net(self, shift: NDArray[np.float32], rows_max: int) -> _BlockFunction:
        """The net behind its first matrix product, from values (n, orders * width) to logits (n, orders).

        shift: what is still to be added to the values, (orders, width). n is at most ``rows_max``. As relu(v + s) is
        max(v, -s) + s, that last s moves into the shift of the next layer: one pass instead of two. Shifts are tiled
        to the size of a block, since NumPy is slow on rows of thirty.
        """
        orders, width = shift.shape
        activation, folded = _ACTIVATIONS[self.metric_activation], self.metric_activation == "relu"
        steps = []
        for kernel, bias in self.metric[1:]:
            kernel = np.pad(kernel, ((0, shift.shape[1] - len(kernel)), (0, 0)))
            steps.append((np.tile(-shift if folded else shift, (rows_max, 1)), kernel))
            shift = (shift @ kernel if folded else 0) + np.tile(bias, (orders, 1))

        def logits(values: NDArray[np.float32]) -> NDArray[np.float32]:
            values = values.reshape(-1, width)
            for tiled, kernel in steps:
                tiled = tiled[: len(values)]
                values = (np.maximum(values, tiled) if folded else activation(values + tiled)) @ kernel
            return values[:, 0].reshape(-1, orders) + shift[:, 0]

        return logits


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    # exp overflows float32 beyond about 88.
    return np.reciprocal(1 + np.exp(np.minimum(-values, 80)))
