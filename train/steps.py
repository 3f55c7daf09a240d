"""Many steps of training in one call: the photos lie where the network is, and only their numbers are handed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from pipeline import tensorflow_loader
from train.losses.base import Loss
from train.networks import Similarity

Tensor = Any
# The photos whose distances losses take: anchor and positive, anchor and first negative, both negatives.
PAIRS = ((0, 1), (0, 2), (2, 3))
Train = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


class Learner(keras.Model):
    """What a loss takes, of embeddings: distances of quadruplets (n, 4, 128), codes or logits of photos (n, 128)."""

    def __init__(self, similarity: Similarity, takes: str, people: int) -> None:
        super().__init__()
        self.similarity, self.takes = similarity, takes
        self.head = keras.layers.Dense(people, name="people") if takes == "logits" else None

    def build(self, shape: Any) -> None:
        """Nothing of its own to build."""

    def call(self, embeddings: Tensor, seed: Tensor = None) -> Tensor:
        """float32 (n, 3), (n, units) or (n, people). seed: of the dropout, none without it."""
        if self.takes == "distances":
            return self.similarity.distances_within(embeddings, PAIRS, seed)
        codes = self.similarity.encoded(embeddings, seed)
        return self.head(codes) if self.head else codes


def compiled(learner: Learner, optimizer: keras.optimizers.Optimizer, loss: Loss, table: np.ndarray) -> Train:
    """A function that takes steps: rows of the table, int32 (steps, n) or (steps, n, 4), what the loss compares with,
    int32 (steps, n), and the seeds of the dropout, uint32 (steps,). It gives the mean loss of the steps.

    table float32 (photos, 128). Everything that is built must be built before. XLA makes one piece of a step's many
    small ones; it would compile anew for each number of photos, and batches of codes differ in theirs.
    """
    tf = tensorflow_loader.load()
    held, variables = tf.constant(table), learner.trainable_variables
    drawn = (None, None, 4) if learner.takes == "distances" else (None, None)
    shapes = ((None, table.shape[1]), "float32"), (drawn, "int32"), ((None, None), "int32"), ((None,), "uint32")
    given = [tf.TensorSpec(*shape) for shape in shapes]

    def train(table: Tensor, rows: Tensor, targets: Tensor, seeds: Tensor) -> Tensor:
        total = tf.constant(0.0)
        for step in tf.range(tf.shape(rows)[0]):
            with tf.GradientTape() as tape:
                found = learner(tf.gather(table, rows[step]), seeds[step])
                value = loss(targets[step], found)
            optimizer.apply(tape.gradient(value, variables), variables)
            total += value
        return total / tf.cast(tf.shape(rows)[0], tf.float32)

    run = tf.function(train, input_signature=given, jit_compile=learner.takes != "codes")
    return lambda *drawn: float(run(held, *map(tf.constant, drawn)))
