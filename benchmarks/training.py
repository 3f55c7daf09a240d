"""``make benchmark-training``: quadruplets per second, compared with the original project's training.

The original training is rewritten here after its published code, as far as Keras 3 allows: labels as a one-hot
matrix, quadruplets drawn one by one (a person, a mask over the matrix for the photos of each of three people, a list
of everybody else to draw two others from), float64 batches of 8, an encoder and a network with an L2 penalty that
ends in a softmax of two, the loss added by a layer, and Keras' ``fit`` on the generator with Adam. Its progress bar
and its metrics at the end of each epoch are left out.

It needs two photos of every person, so it gets only those people of LFW; ``train.fit`` gets all. The first epoch,
which compiles, is not timed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks import Line, exponent, report, times
from benchmarks.crowd import PER_PERSON, Crowd
from pipeline import tensorflow_loader
from train.batches import FitBatches
from train.datasets.lfw import LFW
from train.fit import fit
from train.runs import history
from train.settings import FitSettings
from train.steps import PAIRS

PUBLISHED, LARGE = 8, 1024
SIZES = (256, 1024, 4096)
# People of the original tiers "Medium_10" and "Final", with ten photos each.
PEOPLE = (100, 9131)
EPOCHS = 6
# Quadruplets per epoch, and most steps per epoch.
QUADRUPLETS, STEPS_MAX = 100_000, 2000
AIM, INPUT_AIM = 100, 0.1


def main() -> None:
    """Measure all tables."""
    lfw = LFW()
    embeddings = lfw.embeddings()
    known = embeddings.any(axis=1)
    photos = embeddings[known], np.unique(lfw.people[known], return_inverse=True)[1]
    here = {size: step(*photos, size) for size in (PUBLISHED, *SIZES)}
    # First: sampling is several times slower in a process in which the original generators have run.
    inputs = [inputs_of(*photos, size, here[size]) for size in SIZES]
    published = {size: published_step(*_with_pairs(*photos), size) for size in (PUBLISHED, LARGE)}
    first = PUBLISHED / published[PUBLISHED]
    ways = [("published", *item) for item in published.items()] + [("here", *item) for item in here.items()]
    grown = exponent(SIZES, [here[size] for size in SIZES])
    rate, share = LARGE / here[LARGE], max(row["share of the step"] for row in inputs)
    report(
        "training",
        {
            "Quadruplets a second, LFW": [
                {
                    "training": way,
                    "batch": f"{size:,}",
                    "ms a step": 1000 * seconds,
                    "quadruplets a second": f"{size / seconds:,.0f}",
                    "times the published at 8": f"{size / seconds / first:,.1f}",
                }
                for way, size, seconds in ways
            ],
            f"At published sizes, {PER_PERSON} photos of each person, crowd": [at_size(people) for people in PEOPLE],
            f"What a step costs, which grows with the batch to the power {grown:.2f}": inputs,
            "A whole run with the defaults of `python -m train fit`, LFW": whole(*photos),
        },
        [
            Line(
                f"training, quadruplets per second, batches of {LARGE:,}",
                f"{rate:,.0f}",
                f"the original generator and fit, batches of {PUBLISHED}: {first:,.0f}",
                rate / first,
                f"{AIM} times",
                rate >= AIM * first,
            ),
            Line(
                "sampling and gathering the batches",
                f"{share:.0%} of a step",
                "–",
                float("nan"),
                f"below {INPUT_AIM:.0%}",
                share < INPUT_AIM,
            ),
        ],
    )


def step(embeddings: np.ndarray, labels: np.ndarray, size: int) -> float:
    """Seconds per step of ``fit``, sampling included, evaluation excluded."""
    settings = _settings(size)
    with tempfile.TemporaryDirectory() as folder:
        fit(Path(folder) / "run", embeddings, labels, settings)
        seconds = [row["seconds"] for row in history.read_history(Path(folder) / "run")[2:]]
    return float(np.median(seconds)) / settings.steps_per_epoch


def inputs_of(embeddings: np.ndarray, labels: np.ndarray, size: int, step_seconds: float) -> dict[str, Any]:
    """Seconds per step for its input: sampling the rows, and gathering them in a separate call."""
    settings = _settings(size)
    batches = FitBatches(embeddings[:, None], labels, settings)
    drawing, ((rows, _, _), *_) = times(lambda: list(batches.blocks(0)), 5)
    tf = tensorflow_loader.load_tensorflow()
    table, held = tf.constant(batches.table), tf.constant(rows)

    def gather(table: Any, rows: Any) -> Any:
        found = tf.zeros((*rows.shape[1:], table.shape[1]))
        for one in tf.range(len(rows)):
            # Summed, because XLA drops unused results.
            found += tf.gather(table, rows[one])
        return found[0, 0, 0]

    gathered = tf.function(gather, jit_compile=True)
    gathered(table, held)
    gathering, _ = times(lambda: float(gathered(table, held)), 5)
    drawing, gathering = drawing / settings.steps_per_epoch, gathering / len(rows)
    return {
        "batch": f"{size:,}",
        "ms a step": 1000 * step_seconds,
        "drawing, ms": 1000 * drawing,
        "gathering, ms": 1000 * gathering,
        "share of the step": (drawing + gathering) / step_seconds,
    }


def at_size(people: int) -> dict[str, Any]:
    """Both trainings on this many synthetic people."""
    embeddings = np.concatenate(list(Crowd().blocks(people * PER_PERSON)))
    labels = np.arange(len(embeddings)) // PER_PERSON
    theirs = PUBLISHED / published_step(embeddings, labels, PUBLISHED)
    rate = LARGE / step(embeddings, labels, LARGE)
    return {
        "people": f"{people:,}",
        f"published, batches of {PUBLISHED}": f"{theirs:,.0f} a second",
        f"here, batches of {LARGE:,}": f"{rate:,.0f} a second",
        "times": f"{rate / theirs:,.0f}",
    }


def whole(embeddings: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    """Profile of a run."""
    names = [f"Person {label}" for label in labels]
    with tempfile.TemporaryDirectory() as folder:
        taken, _ = times(lambda: fit(Path(folder) / "run", embeddings, labels, FitSettings(), names=names), 1)
        seconds = [row["seconds"] for row in history.read_history(Path(folder) / "run")[1:]]
    training = len(seconds) * float(np.median(seconds))
    parts = {
        f"training, {len(seconds)} epochs": training,
        "compiling": sum(seconds) - training,
        "measuring each epoch, and the network at the end": taken - sum(seconds),
    }
    return [{"part": part, "s": value, "share": value / taken} for part, value in parts.items()]


def published_step(embeddings: np.ndarray, labels: np.ndarray, size: int) -> float:
    """Seconds per step of the original training; labels (photos,) of people with two photos or more."""
    one_hot = keras.utils.to_categorical(labels)
    begun, seconds = [0.0], []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: begun.append(time.perf_counter()),
        on_epoch_end=lambda *_: seconds.append(time.perf_counter() - begun[-1]),
    )
    steps = max(320 // size, 2)
    drawn = _generator(embeddings, one_hot, size)
    _published(size).fit(drawn, steps_per_epoch=steps, epochs=EPOCHS, callbacks=[clock], verbose=0)
    return float(np.median(seconds[1:])) / steps


def _generator(data: np.ndarray, one_hot: np.ndarray, size: int) -> Iterator[tuple[tuple[np.ndarray, ...]]]:
    """Endless batches, four arrays (size, 128) each."""
    random, people = np.random.RandomState(0), one_hot.shape[1]
    while True:
        batch = [np.zeros((size, data.shape[1])) for _ in range(4)]
        for place, person in enumerate(random.choice(people, size=size)):
            own = data[one_hot[:, person] == 1]
            batch[0][place], batch[1][place] = own[random.choice(len(own), size=2, replace=False)]
            others = random.choice([other for other in range(people) if other != person], size=2, replace=False)
            for array, other in zip(batch[2:], others, strict=True):
                theirs = data[one_hot[:, other] == 1]
                array[place] = theirs[random.randint(len(theirs))]
        yield (tuple(batch),)


class _Loss(layers.Layer):
    """The quadruplet loss of three distances, divided by the batch size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def call(self, distances: Any) -> Any:
        ap, an, nn = map(ops.square, distances)
        loss = (ops.sum(ops.maximum(ap - an + 0.25, 0)) + ops.sum(ops.maximum(ap - nn + 0.03, 0))) / self.size
        self.add_loss(loss)
        return loss


def _published(size: int) -> keras.Model:
    def dense(units: int) -> layers.Dense:
        penalty = keras.regularizers.L2(1e-3)
        return layers.Dense(units, activation="relu", kernel_regularizer=penalty, kernel_initializer="he_uniform")

    encode = layers.Dense(128, kernel_initializer="he_uniform")
    encoder = keras.Sequential([keras.Input((128,)), layers.Flatten(), layers.Dropout(0.3), encode])
    net = [keras.Input((256,)), *map(dense, (30, 20, 10)), layers.Dense(2, activation="softmax")]
    metric = keras.Sequential([*net, layers.Lambda(lambda values: values[:, 0])])
    inputs = [keras.Input((128,)) for _ in range(4)]
    codes = [encoder(one) for one in inputs]
    distances = [metric(layers.Concatenate()([codes[one], codes[other]])) for one, other in PAIRS]
    model = keras.Model(inputs, _Loss(size)(distances))
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=None)
    return model


def _settings(size: int) -> FitSettings:
    steps = min(QUADRUPLETS // size, STEPS_MAX)
    return replace(FitSettings(), batch_size=size, steps_per_epoch=steps, epochs=EPOCHS, patience_epochs=EPOCHS + 1)


def _with_pairs(embeddings: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    several = np.bincount(labels)[labels] > 1
    return embeddings[several], np.unique(labels[several], return_inverse=True)[1]


if __name__ == "__main__":
    main()
