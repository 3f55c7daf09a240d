"""The encoder and the similarity net: two embeddings in, a distance in 0..1 out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
from keras import ops

from pipeline.similarity.network import SimilarityNetwork
from train.options import ORIGINAL
from train.settings import NetworkSettings

Tensor = Any


def hashed_dropout(values: Tensor, rate: float, seed: Tensor) -> Tensor:
    """Dropout by a hash of position and seed (uint32): the same seed drops the same values on every machine.

    Keras' dropout has a random state that a resumed run would lack, and compiled by XLA it takes longer than the rest
    of a step. The hash is the finaliser of MurmurHash3.
    """

    def mixed(bits: Tensor) -> Tensor:
        bits = ops.bitwise_xor(bits, ops.right_shift(bits, np.uint32(16))) * np.uint32(0x85EBCA6B)
        bits = ops.bitwise_xor(bits, ops.right_shift(bits, np.uint32(13))) * np.uint32(0xC2B2AE35)
        return ops.bitwise_xor(bits, ops.right_shift(bits, np.uint32(16)))

    places = ops.reshape(ops.cast(ops.arange(ops.size(values), dtype="int32"), "uint32"), ops.shape(values))
    bits = mixed(ops.bitwise_xor(mixed(places), seed))
    return ops.where(bits >= np.uint32(rate * 2**32), values / (1 - rate), 0.0)


@keras.saving.register_keras_serializable("lookslikewho")
class Similarity(keras.Model):
    """Encoder and similarity net as one model: ``model([a, b])`` of float32 (n, 128) each gives distances (n,)."""

    def __init__(self, settings: NetworkSettings | dict[str, Any] = ORIGINAL, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(settings, dict):
            tuples = {name: tuple(settings[name]) for name in ("encoder_units", "metric_units")}
            settings = NetworkSettings(**(settings | tuples))
        self.settings = settings
        start = "zeros" if settings.encoder_residual else "glorot_uniform"
        last = len(settings.encoder_units) - 1
        self.encoder_layers = [
            keras.layers.Dense(
                units,
                activation=None if place == last else settings.encoder_activation,
                kernel_initializer=start if place == last else "glorot_uniform",
                trainable=not settings.wccn,
                name=f"encoder_{place}",
            )
            for place, units in enumerate(settings.encoder_units)
        ]
        self.metric_layers = [
            keras.layers.Dense(units, activation=settings.metric_activation, name=f"metric_{place}")
            for place, units in enumerate(settings.metric_units)
        ]
        product = settings.metric == "product"
        self.metric_out = keras.layers.Dense(
            1, kernel_initializer="zeros" if product else "glorot_uniform", name="metric_out"
        )
        if product:
            # Starts as a calibrated cosine: steepness 10, even chance at cosine 0.4.
            self.steepness = self.add_weight((), initializer=keras.initializers.Constant(10.0), name="steepness")
            self.middle = self.add_weight((), initializer=keras.initializers.Constant(0.4), name="middle")

    def build(self, shapes: Any) -> None:
        """Create the weights of all layers, for embeddings of ``shapes[0][-1]`` numbers."""
        width = shapes[0][-1]
        if self.settings.cohort:
            # Embeddings of people not trained on, assigned by fit before the first step.
            self.cohort = self.add_weight(
                (self.settings.cohort, width), initializer="zeros", trainable=False, name="cohort"
            )
            self.cohort_weight = self.add_weight((), initializer="zeros", name="cohort_weight")
        for layer in self.encoder_layers:
            layer.build((None, width))
            width = layer.units
        if self.metric_layers or self.settings.metric == "concatenate":
            width *= 2
            for layer in [*self.metric_layers, self.metric_out]:
                layer.build((None, width))
                width = layer.units

    def codes(self, embeddings: Tensor, seed: Tensor = None) -> Tensor:
        """What can be computed of single faces, from embeddings (n, 128): float32 (n, columns).

        The encoder's output, of unit length for "product", and with a cohort the hubness of the face as last column.
        seed: uint32, of the dropout; no dropout without it.
        """
        codes = self.encoded(embeddings, seed)
        if self.settings.metric == "product":
            codes = ops.normalize(codes, axis=-1)
        if not self.settings.cohort:
            return codes
        cosines = ops.matmul(codes, ops.transpose(self._cohort_codes()))
        near, _ = ops.top_k(cosines, self.settings.cohort_nearest)
        return ops.concatenate([codes, ops.mean(near, axis=-1, keepdims=True)], axis=-1)

    def encoded(self, embeddings: Tensor, seed: Tensor = None) -> Tensor:
        """The encoder's output for embeddings (n, 128): float32 (n, units)."""
        values = self._dropped(embeddings, seed)
        for layer in self.encoder_layers:
            values = layer(values)
        return embeddings + values if self.settings.encoder_residual else values

    def _dropped(self, embeddings: Tensor, seed: Tensor) -> Tensor:
        rate = self.settings.dropout
        return embeddings if seed is None or not rate else hashed_dropout(embeddings, rate, seed)

    def _cohort_codes(self) -> Tensor:
        return ops.normalize(self.encoded(self.cohort), axis=-1)

    def distances(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances (n,) in 0..1 of codes (n, columns) to codes (n, columns)."""
        if self.settings.metric == "product":
            hubness: Tensor = 0.0
            if self.settings.cohort:
                hubness = self.cohort_weight * (first[:, -1] + second[:, -1])
                first, second = first[:, :-1], second[:, :-1]
            cosine = ops.sum(first * second, axis=-1)
            correction: Tensor = 0.0
            if self.metric_layers:
                correction = self._net(ops.concatenate([first * second, first + second], axis=-1))
            return ops.sigmoid(self.steepness * (self.middle - cosine + hubness) + correction)
        one = ops.sigmoid(self._net(ops.concatenate([first, second], axis=-1)))
        if not self.settings.both_orders:
            return one
        return (one + ops.sigmoid(self._net(ops.concatenate([second, first], axis=-1)))) / 2

    def _net(self, values: Tensor) -> Tensor:
        for layer in self.metric_layers:
            values = layer(values)
        return self.metric_out(values)[:, 0]

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """Distances (n,) of two batches of embeddings."""
        first, second = inputs
        return self.distances(self.codes(first), self.codes(second))

    def distances_within(self, embeddings: Tensor, pairs: Sequence[tuple[int, int]], seed: Tensor = None) -> Tensor:
        """Distances (n, pairs) between the photos of groups, embeddings (n, k, 128). pairs: positions in a group."""
        count = embeddings.shape[1]
        embeddings = ops.reshape(embeddings, (-1, embeddings.shape[2]))
        if self.settings.metric == "product":
            codes = self.codes(embeddings, seed)
            codes = ops.reshape(codes, (-1, count, codes.shape[-1]))
            return ops.stack([self.distances(codes[:, one], codes[:, other]) for one, other in pairs], axis=1)
        halves = self._halves(embeddings, seed)
        halves = ops.reshape(halves, (-1, count, 2, halves.shape[-1] // 2))
        orders = [pairs, [(other, one) for one, other in pairs]][: 1 + self.settings.both_orders]
        found = [
            ops.stack([halves[:, one, 0] + halves[:, other, 1] for one, other in order], axis=1) for order in orders
        ]
        net = [*self.metric_layers, self.metric_out]
        values = net[0].activation(ops.reshape(ops.stack(found), (-1, halves.shape[-1])) + net[0].bias)
        for layer in net[1:]:
            values = layer(values)
        return ops.mean(ops.reshape(ops.sigmoid(values), (len(orders), -1, len(pairs))), axis=0)

    def _halves(self, embeddings: Tensor, seed: Tensor) -> Tensor:
        """The net's first layer applied to faces as either side of a pair, without bias: float32 (n, 2 * units).

        The layer on concat(a, b) is W_a a + W_b b + c. The encoder's last layer is linear, so both kernels are
        multiplied first: a fifth of the work, as no codes are computed.
        """
        kernel = (self.metric_layers or [self.metric_out])[0].kernel
        kernel = ops.concatenate(ops.split(kernel, 2), axis=1)
        values = self._dropped(embeddings, seed)
        for layer in self.encoder_layers[:-1]:
            values = layer(values)
        if self.encoder_layers:
            last = self.encoder_layers[-1]
            halves = ops.matmul(values, ops.matmul(last.kernel, kernel)) + ops.matmul(last.bias[None], kernel)
        else:
            halves = ops.matmul(values, kernel)
        return halves + ops.matmul(embeddings, kernel) if self.settings.encoder_residual else halves

    def get_config(self) -> dict[str, Any]:
        """The settings, as stored in ``.keras`` files."""
        return {**super().get_config(), "settings": asdict(self.settings)}

    def to_numpy(self) -> SimilarityNetwork:
        """The same network in NumPy, for scoring whole galleries without Keras."""

        def layer(dense: keras.layers.Dense) -> tuple[np.ndarray, np.ndarray]:
            return ops.convert_to_numpy(dense.kernel), ops.convert_to_numpy(dense.bias)

        product = self.settings.metric == "product"
        has_net = bool(self.metric_layers) or not product
        return SimilarityNetwork(
            encoder=tuple(map(layer, self.encoder_layers)),
            metric=tuple(map(layer, [*self.metric_layers, self.metric_out])) if has_net else (),
            encoder_activation=self.settings.encoder_activation,
            encoder_residual=self.settings.encoder_residual,
            metric_activation=self.settings.metric_activation,
            product=product,
            both_orders=self.settings.both_orders,
            steepness=float(self.steepness) if product else 1.0,
            middle=float(self.middle) if product else 0.0,
            cohort=ops.convert_to_numpy(self._cohort_codes()) if self.settings.cohort else None,
            cohort_nearest=self.settings.cohort_nearest,
            cohort_weight=float(self.cohort_weight) if self.settings.cohort else 0.0,
        )
