"""Embeddings trained on batches of people with several photos each: one trunk for all photos of a pair or triplet.

The losses are those of :mod:`train.losses`; this module chooses the pairs and triplets of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from train.evaluation.distances import Distances, cosine_distances
from train.losses.binary import binary_loss
from train.losses.cluster import cluster_loss
from train.losses.contrastive import contrastive_loss, similar_different_loss
from train.losses.n_pairs import n_pairs_loss
from train.losses.softmax import softmax_loss
from train.losses.triplet import triplet_loss
from train.systems.system import Budget

Tensor = Any
SiameseLoss = Literal["triplet", "contrastive", "binary", "similar_different", "n_pairs", "cluster", "softmax"]
OptimizerName = Literal["adam", "sgd", "rmsprop", "adagrad"]
_BATCH = 256


@dataclass(frozen=True)
class SiameseSettings:
    """How a trunk is trained.

    margin: of the loss, between codes of unit length (0..2); between squared distances for the triplet loss.
    positives, negatives: for each anchor. Each positive with each negative is a triplet; there are as many pairs.
    optimizer: a name Keras knows. learning_rate: its initial rate, halved when the validation pairs get no better.
    """

    loss: SiameseLoss = "triplet"
    margin: float = 0.6
    positives: int = 4
    negatives: int = 4
    optimizer: OptimizerName = "adam"
    learning_rate: float = 1e-3


def triplets(
    people: int, photos: int, *, positives: int, negatives: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Triplets of a batch of people with ``photos`` each, in order of people: places (people * photos * p * n, 3).

    Every photo is an anchor. Its positives and negatives are drawn with replacement; each meets each.
    """
    anchors = np.arange(people * photos)
    own, size = (anchors // photos * photos)[:, None], len(anchors)
    to_positive = 1 + random.integers(photos - 1, size=(size, positives))
    to_negative = photos + random.integers(size - photos, size=(size, negatives))
    positive = own + (anchors[:, None] - own + to_positive) % photos
    negative = (own + to_negative) % size
    shape = (size, positives, negatives)
    parts = (anchors[:, None, None], positive[:, :, None], negative[:, None, :])
    return np.stack([np.broadcast_to(part, shape).ravel() for part in parts], axis=1)


class Manhattan(keras.layers.Layer):
    """Distance of two codes: the sigmoid of a weighted sum of their absolute differences (Koch et al. 2015)."""

    def build(self, shape: Any) -> None:
        """Create a weight for each dimension and a bias, with initial values that suit FaceNet's rows."""
        self.weight = self.add_weight(shape=(shape[-1],), initializer=keras.initializers.Constant(1.0), name="weight")
        self.bias = self.add_weight(shape=(), initializer=keras.initializers.Constant(-7.0), name="bias")

    def call(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances (n,) in 0..1."""
        return ops.sigmoid(ops.sum(ops.abs(first - second) * self.weight, axis=-1) + self.bias)


class Siamese(keras.Model):
    """A trunk, and the head that its loss needs."""

    def __init__(self, trunk: keras.Model, settings: SiameseSettings, budget: Budget, classes: int) -> None:
        super().__init__()
        self.trunk, self.settings, self.budget = trunk, settings, budget
        self.manhattan = Manhattan() if settings.loss == "binary" else None
        self.classes = keras.layers.Dense(classes, name="people") if settings.loss == "softmax" else None
        self.places = triplets(
            budget.people,
            budget.photos,
            positives=settings.positives,
            negatives=settings.negatives,
            random=np.random.default_rng(budget.seed),
        ).astype(np.int32)

    def build(self, shape: Any) -> None:
        """Build trunk and head by running them once."""
        codes = self.trunk(ops.zeros((1, *shape[1:])))
        if self.classes:
            self.classes(codes)
        if self.manhattan:
            self.manhattan(codes, codes)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Codes (n, d) of photos, not normalised."""
        return self.trunk(inputs, training=training)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Tensor:
        """Mean loss of a batch in order of people. y int (n,): the class of each photo. y_pred (n, d): codes."""
        if self.classes:
            return ops.mean(softmax_loss(self.classes(y_pred), y))
        if self.settings.loss == "n_pairs":
            return ops.mean(n_pairs_loss(y_pred[:: self.budget.photos], y_pred[1 :: self.budget.photos]))
        codes = ops.normalize(y_pred, axis=-1)
        if self.settings.loss == "cluster":
            people = ops.repeat(ops.arange(self.budget.people), self.budget.photos)
            return cluster_loss(codes, people, self.budget.people, self.settings.margin)
        return self._loss_of_distances(codes)

    def _loss_of_distances(self, codes: Tensor) -> Tensor:
        name, margin = self.settings.loss, self.settings.margin
        anchors, positives, negatives = (ops.take(codes, self.places[:, column], axis=0) for column in range(3))
        distance = self.manhattan or _euclidean
        ap, an = distance(anchors, positives), distance(anchors, negatives)
        if name == "triplet":
            return ops.mean(triplet_loss(ap, an, margin))
        distances = ops.concatenate([ap, an])
        same = ops.concatenate([ops.ones_like(ap), ops.zeros_like(an)])
        if name == "similar_different":
            return similar_different_loss(distances, same, margin)
        if name == "binary":
            return ops.mean(binary_loss(distances, same))
        return ops.mean(contrastive_loss(distances, same, margin))

    def distances(self) -> Distances:
        """The distance function for rows of :func:`embed_photos`."""
        if self.manhattan is None:
            return cosine_distances
        weight, bias = (ops.convert_to_numpy(part) for part in (self.manhattan.weight, self.manhattan.bias))

        def distances(probes: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.float32]:
            sums = np.stack([np.abs(gallery - probe) @ weight for probe in probes]) + bias
            values: NDArray[np.float32] = 1 / (1 + np.exp(-sums))
            return values

        return distances


def _euclidean(first: Tensor, second: Tensor) -> Tensor:
    # The square root has no finite gradient at zero.
    return ops.sqrt(ops.maximum(ops.sum((first - second) ** 2, axis=-1), 1e-12))


def run_in_batches(model: keras.Model, inputs: NDArray[Any]) -> NDArray[np.float32]:
    """The output of a model for inputs (n, ...), a batch at a time."""
    parts = [
        ops.convert_to_numpy(model(inputs[start : start + _BATCH].astype(np.float32), training=False))
        for start in range(0, len(inputs), _BATCH)
    ]
    return np.concatenate(parts)


def embed_photos(model: Siamese, inputs: NDArray[Any]) -> NDArray[np.float32]:
    """Unit rows (n, d) of photos (n, ...)."""
    from pipeline.embedding.base import unit

    return unit(run_in_batches(model, inputs))
