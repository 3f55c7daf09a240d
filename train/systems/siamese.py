"""Learning embeddings from batches of people with some photos each: one trunk for all photos of a pair or triplet.

The losses are those of :mod:`train.losses`; here is which pairs and triplets of a batch they are given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from train import sampling
from train.evaluation import protocols
from train.losses.binary import binary_loss
from train.losses.cluster import cluster_loss
from train.losses.contrastive import contrastive_loss, similar_different_loss
from train.losses.n_pairs import n_pairs_loss
from train.losses.softmax import softmax_loss
from train.losses.triplet import triplet_loss
from train.runs import history
from train.runs.checkpoints import restore_variables, save_variables
from train.runs.files import BEST_WEIGHTS, CHECKPOINT
from train.systems.protocol import Budget

Tensor = Any
SiameseLoss = Literal["triplet", "contrastive", "binary", "similar_different", "n_pairs", "cluster", "softmax"]
OptimizerName = Literal["adam", "sgd", "rmsprop", "adagrad"]


@dataclass(frozen=True)
class SiameseSettings:
    """How a trunk is taught.

    margin: of the loss, in lengths between codes of unit length (0..2), squared ones for the triplet loss.
    positives, negatives: of each anchor; each with each is a triplet, and the pairs are as many.
    optimizer: a name that Keras knows, with its learning_rate, which is halved when a measure on the choosing
        pairs no longer gets better.
    """

    loss: SiameseLoss = "triplet"
    margin: float = 0.6
    positives: int = 4
    negatives: int = 4
    optimizer: OptimizerName = "adam"
    learning_rate: float = 1e-3


def triplets(people: int, photos: int, positives: int, negatives: int, random: np.random.Generator) -> np.ndarray:
    """Places in a batch of people in sequence with so many photos each: int64 (people * photos * p * n, 3).

    Every photo is an anchor; its positives and negatives are drawn with repetition, each with each.
    """
    anchors = np.arange(people * photos)
    own, size = (anchors // photos * photos)[:, None], len(anchors)
    to_near = 1 + random.integers(photos - 1, size=(size, positives))
    to_far = photos + random.integers(size - photos, size=(size, negatives))
    near = own + (anchors[:, None] - own + to_near) % photos
    far = (own + to_far) % size
    shape = (size, positives, negatives)
    parts = (anchors[:, None, None], near[:, :, None], far[:, None, :])
    return np.stack([np.broadcast_to(part, shape).ravel() for part in parts], axis=1)


class Manhattan(keras.layers.Layer):
    """The distance of two codes as a weighted sum of their differences through a sigmoid (Koch et al. 2015)."""

    def build(self, shape: Any) -> None:
        """A weight for each number of a code, and a bias: from the start, FaceNet's rows are told apart by them."""
        self.weight = self.add_weight(shape=(shape[-1],), initializer=keras.initializers.Constant(1.0), name="weight")
        self.bias = self.add_weight(shape=(), initializer=keras.initializers.Constant(-7.0), name="bias")

    def call(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances (n,) in 0..1."""
        return ops.sigmoid(ops.sum(ops.abs(first - second) * self.weight, axis=-1) + self.bias)


class Siamese(keras.Model):
    """A trunk and what its loss needs beside it."""

    def __init__(self, trunk: keras.Model, learning: SiameseSettings, budget: Budget, classes: int) -> None:
        super().__init__()
        self.trunk, self.learning, self.budget = trunk, learning, budget
        self.manhattan = Manhattan() if learning.loss == "binary" else None
        self.classes = keras.layers.Dense(classes, name="people") if learning.loss == "softmax" else None
        random = np.random.default_rng(budget.seed)
        sizes = (budget.people, budget.photos, learning.positives, learning.negatives)
        self.places = triplets(*sizes, random).astype(np.int32)

    def build(self, shape: Any) -> None:
        """Build trunk and head by running them once."""
        codes = self.trunk(ops.zeros((1, *shape[1:])))
        if self.classes:
            self.classes(codes)
        if self.manhattan:
            self.manhattan(codes, codes)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Codes (n, d) of photos, as they come from the trunk."""
        return self.trunk(inputs, training=training)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Tensor:
        """The mean loss of a batch: y int (n,) the class of each photo, people in sequence."""
        name, margin = self.learning.loss, self.learning.margin
        if self.classes:
            return ops.mean(softmax_loss(self.classes(y_pred), y))
        people, photos = self.budget.people, self.budget.photos
        if name == "n_pairs":
            return ops.mean(n_pairs_loss(y_pred[::photos], y_pred[1::photos]))
        codes = ops.normalize(y_pred, axis=-1)
        if name == "cluster":
            return cluster_loss(codes, ops.repeat(ops.arange(people), photos), people, margin)
        anchors, near, far = (ops.take(codes, self.places[:, column], axis=0) for column in range(3))
        apart = self.manhattan or _length
        ap, an = apart(anchors, near), apart(anchors, far)
        if name == "triplet":
            return ops.mean(triplet_loss(ap, an, margin))
        distances = ops.concatenate([ap, an])
        same = ops.concatenate([ops.ones_like(ap), ops.zeros_like(an)])
        if name == "similar_different":
            return similar_different_loss(distances, same, margin)
        if name == "binary":
            return ops.mean(binary_loss(distances, same))
        return ops.mean(contrastive_loss(distances, same, margin))

    def distances(self) -> protocols.Distances:
        """What gives the distances of rows that :func:`codes` made."""
        if self.manhattan is None:
            return protocols.cosine_distances
        weight, bias = (ops.convert_to_numpy(part) for part in (self.manhattan.weight, self.manhattan.bias))

        def distances(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
            sums = np.stack([np.abs(gallery - probe) @ weight for probe in probes]) + bias
            return 1 / (1 + np.exp(-sums))

        return distances


def _length(first: Tensor, second: Tensor) -> Tensor:
    # The root has no slope at zero.
    return ops.sqrt(ops.maximum(ops.sum((first - second) ** 2, axis=-1), 1e-12))


class PeopleBatches(keras.utils.PyDataset):
    """Batches of people with some photos each, at random but always the same ones, from an epoch on.

    A photo is shown as one of its variants: inputs (photos, variants, ...), labels (photos,) numbered from 0.
    """

    def __init__(self, inputs: np.ndarray, labels: np.ndarray, budget: Budget, epoch: int = 0) -> None:
        super().__init__()
        self.inputs, self.labels, self.budget = inputs, labels, budget
        self.people, self.epoch = sampling.People(labels), epoch

    def __len__(self) -> int:
        return self.budget.steps

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((self.budget.seed, self.epoch, step))
        rows = sampling.p_by_k(self.people, self.budget.people, self.budget.photos, random)
        variants = random.integers(self.inputs.shape[1], size=len(rows))
        return self.inputs[rows, variants].astype(np.float32), self.labels[rows]

    def on_epoch_end(self) -> None:
        """The next epoch draws other batches."""
        self.epoch += 1


class EpochRecorder(keras.callbacks.Callback):
    """Measures each epoch on the choosing pairs, writes the history, halves the rate, keeps the best weights.

    What was not taught is no candidate for the best, however good it was before.
    """

    def __init__(self, folder: Path, measure: Callable[[], dict[str, float]], patience: int = 2) -> None:
        super().__init__()
        self.folder, self.measure, self.patience = folder, measure, patience

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """The row of the trunk before training, unless the training goes on."""
        if not (self.folder / CHECKPOINT).is_file():
            self._write(0, math.nan, 0.0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """The row of the epoch."""
        seconds = time.perf_counter() - self.begun
        self._write(epoch + 1, float((logs or {})["loss"]), seconds)
        waited = epoch + 1 - best_siamese_epoch(self.folder)
        if waited and waited % self.patience == 0:
            self.model.optimizer.learning_rate.assign(self.model.optimizer.learning_rate * 0.5)
        save_variables(_state(self.model), self.folder / CHECKPOINT, epoch + 1)

    def _write(self, epoch: int, loss: float, seconds: float) -> None:
        rate = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row = {"epoch": float(epoch), "learning_rate": rate, "train_loss": loss, "seconds": seconds, **self.measure()}
        history.append_row(self.folder, row)
        if epoch and best_siamese_epoch(self.folder) == epoch:
            save_variables(self.model.variables, self.folder / BEST_WEIGHTS, epoch)


def best_siamese_epoch(folder: Path) -> int:
    """The first epoch after which the choosing pairs were told apart best."""
    rows = history.read_history(folder)[1:]
    return int(max(rows, key=lambda row: row["held_out_auc"])["epoch"]) if rows else 0


def _state(model: keras.Model) -> list[Any]:
    """All that a step changes."""
    return [*model.variables, *model.optimizer.variables]


def train_siamese(
    trunk: keras.Model,
    inputs: np.ndarray,
    labels: np.ndarray,
    choose: tuple[np.ndarray, np.ndarray, np.ndarray],
    learning: SiameseSettings,
    budget: Budget,
    folder: Path,
) -> Siamese:
    """Teach a trunk and give it with its best weights; what was stopped in ``folder`` is gone on with.

    inputs (photos, variants, ...), labels (photos,) numbered from 0. choose: inputs of pairs' photos (m, ...), the
    places of the pairs among them (n, 2), and whether they show one person (n,).
    """
    from sklearn.metrics import roc_auc_score

    model = Siamese(trunk, learning, budget, int(labels.max()) + 1)
    model.build((None, *inputs.shape[2:]))
    optimizer = keras.optimizers.get(
        {"class_name": learning.optimizer, "config": {"learning_rate": learning.learning_rate}}
    )
    model.compile(optimizer=optimizer, jit_compile=False)
    optimizer.build(model.trainable_variables)
    photos, pairs, same = choose

    def measure() -> dict[str, float]:
        rows = embed_photos(model, photos)
        apart = model.distances()
        values = np.concatenate([apart(rows[[one]], rows[[other]])[0] for one, other in pairs])
        threshold = protocols.best_threshold(values, same)
        return {
            "held_out_auc": float(roc_auc_score(same, -values)),
            "held_out_accuracy": float(np.mean((values < threshold) == same)),
        }

    begun = 0
    if (folder / CHECKPOINT).is_file():
        begun = restore_variables(_state(model), folder / CHECKPOINT)
    history.truncate_history(folder, begun if begun else -1)
    model.fit(
        PeopleBatches(inputs, labels, budget, begun),
        initial_epoch=begun,
        epochs=budget.epochs,
        callbacks=[EpochRecorder(folder, measure)],
        shuffle=False,
        verbose=0,
    )
    restore_variables(model.variables, folder / BEST_WEIGHTS)
    for part in (BEST_WEIGHTS, CHECKPOINT):
        (folder / part).unlink()
    return model


def embed_photos(model: Siamese, inputs: np.ndarray) -> np.ndarray:
    """Unit rows, float32 (n, d), of photos (n, ...)."""
    from pipeline.embedding.base import unit

    parts = [
        ops.convert_to_numpy(model(inputs[start : start + 256].astype(np.float32), training=False))
        for start in range(0, len(inputs), 256)
    ]
    return unit(np.concatenate(parts))
