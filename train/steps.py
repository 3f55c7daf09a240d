"""Many training steps in one call: the embeddings stay on the device, and only their row numbers are passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline import tensorflow_loader
from train.losses.base import Loss
from train.networks import Similarity

Tensor = Any
# The pairs of a quadruplet that losses compare: anchor and positive, anchor and first negative, both negatives.
PAIRS = ((0, 1), (0, 2), (2, 3))
TrainBlock = Callable[[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint32]], float]


class Learner(keras.Model):
    """What a loss compares: distances of quadruplets (n, 4, 128), or codes or logits of photos (n, 128)."""

    def __init__(self, similarity: Similarity, takes: str, people: int) -> None:
        super().__init__()
        self.similarity, self.takes = similarity, takes
        self.head = keras.layers.Dense(people, name="people") if takes == "logits" else None

    def build(self, shape: Any) -> None:
        """Nothing to build: the layers build themselves."""

    def call(self, embeddings: Tensor, seed: Tensor = None) -> Tensor:
        """float32 (n, 3), (n, units) or (n, people). seed: of the dropout; no dropout without it."""
        if self.takes == "distances":
            return self.similarity.distances_within(embeddings, PAIRS, seed)
        codes = self.similarity.encoded(embeddings, seed)
        return self.head(codes) if self.head else codes


def compile_block(
    learner: Learner, optimizer: keras.optimizers.Optimizer, loss: Loss, table: NDArray[np.float32]
) -> TrainBlock:
    """Compile a function that trains a block of steps and returns their mean loss.

    Its arguments: rows of the table, int32 (steps, n) or (steps, n, 4); targets of the loss, int32 (steps, n); seeds
    of the dropout, uint32 (steps,). table float32 (photos, 128). Learner and optimizer must be built. XLA fuses the
    many small operations of a step, but would recompile for every batch size, and batches of codes differ in size.
    """
    tf = tensorflow_loader.load_tensorflow()
    variables = learner.trainable_variables

    def train(table: Tensor, rows: Tensor, targets: Tensor, seeds: Tensor) -> Tensor:
        total = tf.constant(0.0)
        for step in tf.range(tf.shape(rows)[0]):
            with tf.GradientTape() as tape:
                predicted = learner(tf.gather(table, rows[step]), seeds[step])
                value = loss(targets[step], predicted)
            optimizer.apply(tape.gradient(value, variables), variables)
            total += value
        return total / tf.cast(tf.shape(rows)[0], tf.float32)

    return _compile(train, learner, table)


def compile_forward(learner: Learner, loss: Loss, table: NDArray[np.float32]) -> TrainBlock:
    """Compile a function with the arguments and the result of :func:`compile_block` that changes nothing.

    Its time tells how much of a step is forward.
    """
    tf = tensorflow_loader.load_tensorflow()

    def forward(table: Tensor, rows: Tensor, targets: Tensor, seeds: Tensor) -> Tensor:
        total = tf.constant(0.0)
        for step in tf.range(tf.shape(rows)[0]):
            total += loss(targets[step], learner(tf.gather(table, rows[step]), seeds[step]))
        return total / tf.cast(tf.shape(rows)[0], tf.float32)

    return _compile(forward, learner, table)


def _compile(function: Callable[..., Tensor], learner: Learner, table: NDArray[np.float32]) -> TrainBlock:
    """A function of the table and a block as one that takes a block."""
    tf = tensorflow_loader.load_tensorflow()
    rows_shape = (None, None, 4) if learner.takes == "distances" else (None, None)
    shapes = ((None, table.shape[1]), "float32"), (rows_shape, "int32"), ((None, None), "int32"), ((None,), "uint32")
    signature = [tf.TensorSpec(*shape) for shape in shapes]
    on_device = tf.constant(table)
    run = tf.function(function, input_signature=signature, jit_compile=learner.takes != "codes")
    return lambda *block: float(run(on_device, *map(tf.constant, block)))
