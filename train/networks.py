"""The encoder and the similarity net: two embeddings in, a distance in 0..1 out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from pipeline.similarity import Network

Tensor = Any
Metric = Literal["concatenate", "product"]


@dataclass(frozen=True)
class NetworkSettings:
    """Shape of both networks. The defaults are the ones this project grew from.

    encoder_units: sizes of the encoder's dense layers; the last is the size of the code.
    encoder_activation: between the encoder's layers; the last one is linear.
    encoder_residual: the code is the embedding plus what the encoder makes of it, which starts at zero.
    dropout: rate before the encoder's first layer.
    metric: "concatenate" feeds both codes to the net one after the other; "product" feeds their products and sums
        and starts at the cosine, so that d(a, b) = d(b, a) by construction.
    metric_units: sizes of the hidden layers of the similarity net. metric_activation: between them.
    both_orders: average d(a, b) and d(b, a), which makes "concatenate" symmetric.
    """

    encoder_units: tuple[int, ...] = (128,)
    encoder_activation: str = "relu"
    encoder_residual: bool = False
    dropout: float = 0.3
    metric: Metric = "concatenate"
    metric_units: tuple[int, ...] = (30, 20, 10)
    metric_activation: str = "relu"
    both_orders: bool = False


SEED = NetworkSettings()
SYMMETRIC = NetworkSettings(both_orders=True)
# Starts at the cosine exactly: the encoder adds nothing yet, the net corrects nothing yet.
RESIDUAL = NetworkSettings(encoder_residual=True, metric="product", dropout=0.0)


@keras.saving.register_keras_serializable("lookslikewho")
class Similarity(keras.Model):
    """Encoder and similarity net as one model: ``model([a, b])`` of float32 (n, 128) each gives distances (n,)."""

    def __init__(self, settings: NetworkSettings | dict[str, Any] = SEED, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(settings, dict):
            tuples = {name: tuple(settings[name]) for name in ("encoder_units", "metric_units")}
            settings = NetworkSettings(**(settings | tuples))
        self.settings = settings
        start = "zeros" if settings.encoder_residual else "glorot_uniform"
        last = len(settings.encoder_units) - 1
        self.dropout = keras.layers.Dropout(settings.dropout)
        self.encoder_layers = [
            keras.layers.Dense(
                units,
                activation=None if place == last else settings.encoder_activation,
                kernel_initializer=start if place == last else "glorot_uniform",
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
            # Resemblance starts where the calibrated cosine has it: steepness 10, even chance at cosine 0.4.
            self.steepness = self.add_weight((), initializer=keras.initializers.Constant(10.0), name="steepness")
            self.middle = self.add_weight((), initializer=keras.initializers.Constant(0.4), name="middle")

    def codes(self, embeddings: Tensor, training: bool = False) -> Tensor:
        """What the encoder makes of embeddings (n, 128): float32 (n, units)."""
        values = self.dropout(embeddings, training=training)
        for layer in self.encoder_layers:
            values = layer(values)
        return embeddings + values if self.settings.encoder_residual else values

    def distances(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances (n,) in 0..1 of codes (n, units) to codes (n, units)."""
        if self.settings.metric == "product":
            first, second = ops.normalize(first, axis=-1), ops.normalize(second, axis=-1)
            cosine = ops.sum(first * second, axis=-1)
            correction = self._net(ops.concatenate([first * second, first + second], axis=-1))
            return ops.sigmoid(self.steepness * (self.middle - cosine) + correction)
        one = ops.sigmoid(self._net(ops.concatenate([first, second], axis=-1)))
        if not self.settings.both_orders:
            return one
        return (one + ops.sigmoid(self._net(ops.concatenate([second, first], axis=-1)))) / 2

    def _net(self, values: Tensor) -> Tensor:
        for layer in self.metric_layers:
            values = layer(values)
        return self.metric_out(values)[:, 0]

    def call(self, inputs: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        """Distances (n,) of two batches of embeddings."""
        first, second = inputs
        return self.distances(self.codes(first, training), self.codes(second, training))

    def get_config(self) -> dict[str, Any]:
        """What ``.keras`` files remember."""
        return {**super().get_config(), "settings": asdict(self.settings)}

    def arrays(self) -> Network:
        """The same network for scoring whole galleries without Keras."""

        def layer(dense: keras.layers.Dense) -> tuple[np.ndarray, np.ndarray]:
            return ops.convert_to_numpy(dense.kernel), ops.convert_to_numpy(dense.bias)

        product = self.settings.metric == "product"
        return Network(
            encoder=tuple(map(layer, self.encoder_layers)),
            metric=tuple(map(layer, [*self.metric_layers, self.metric_out])),
            encoder_activation=self.settings.encoder_activation,
            encoder_residual=self.settings.encoder_residual,
            metric_activation=self.settings.metric_activation,
            product=product,
            both_orders=self.settings.both_orders,
            steepness=float(self.steepness) if product else 1.0,
            middle=float(self.middle) if product else 0.0,
        )
