"""The training of a :class:`~train.systems.siamese.Siamese`: batches, history, checkpoints, the best epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from train import sampling
from train.callbacks import DivergenceCheck
from train.evaluation import metrics
from train.evaluation.distances import pair_distances
from train.runs.checkpoints import restore_variables, resume, save_variables
from train.runs.files import BEST_WEIGHTS, CHECKPOINT
from train.runs.history import append_row, read_history
from train.systems.siamese import Siamese, SiameseSettings, embed_photos
from train.systems.system import Budget, ValidationPairs

_PATIENCE_EPOCHS = 2


class PeopleBatches(keras.utils.PyDataset):
    """Batches of people with several photos each, drawn from the seed, the epoch and the step alone.

    inputs (photos, variants, ...): one variant of a photo is drawn each time. labels (photos,), numbered from 0.
    """

    def __init__(self, inputs: NDArray[Any], labels: NDArray[np.int64], budget: Budget, epoch: int = 0) -> None:
        super().__init__()
        self.inputs, self.labels, self.budget = inputs, labels, budget
        self.people, self.epoch = sampling.PhotosByPerson(labels), epoch

    def __len__(self) -> int:
        return self.budget.steps

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        random = np.random.default_rng((self.budget.seed, self.epoch, step))
        rows = sampling.draw_p_by_k(self.people, self.budget.people, self.budget.photos, random)
        variants = random.integers(self.inputs.shape[1], size=len(rows))
        return self.inputs[rows, variants].astype(np.float32), self.labels[rows]

    def on_epoch_end(self) -> None:
        """Let the next epoch draw other batches."""
        self.epoch += 1


class EpochRecorder(keras.callbacks.Callback):
    """Measures each epoch on the validation pairs, writes the history, halves the rate and keeps the best weights.

    Epoch 0, the untrained trunk, is measured too, but cannot be the best.
    """

    def __init__(self, folder: Path, measure: Callable[[], dict[str, float]]) -> None:
        super().__init__()
        self.folder, self.measure = folder, measure

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Write the row of epoch 0, unless the training resumes."""
        if not (self.folder / CHECKPOINT).is_file():
            self._write(0, math.nan, 0.0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the row of the epoch and the checkpoint."""
        seconds = time.perf_counter() - self.begun
        self._write(epoch + 1, float((logs or {})["loss"]), seconds)
        waited = epoch + 1 - (best_validation_epoch(read_history(self.folder)) or 0)
        if waited and waited % _PATIENCE_EPOCHS == 0:
            self.model.optimizer.learning_rate.assign(self.model.optimizer.learning_rate * 0.5)
        save_variables(_state(self.model), self.folder / CHECKPOINT, epoch + 1)

    def _write(self, epoch: int, loss: float, seconds: float) -> None:
        rate = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row = {"epoch": float(epoch), "learning_rate": rate, "train_loss": loss, "seconds": seconds, **self.measure()}
        append_row(self.folder, row)
        if best_validation_epoch(read_history(self.folder)) == epoch:
            save_variables(self.model.variables, self.folder / BEST_WEIGHTS, epoch)


def best_validation_epoch(rows: list[dict[str, float]]) -> int | None:
    """The first trained epoch with the highest AUC on the validation pairs. None where there is none yet."""
    return int(max(rows[1:], key=lambda row: row["held_out_auc"])["epoch"]) if rows[1:] else None


def _state(model: keras.Model) -> list[Any]:
    """All variables that a step changes."""
    return [*model.variables, *model.optimizer.variables]


def validation_figures(model: Siamese, validation: ValidationPairs) -> dict[str, float]:
    """AUC and best accuracy on the validation pairs."""
    rows = embed_photos(model, validation.inputs)
    every = np.ones(len(rows), bool)
    values = pair_distances(rows, validation.pairs, model.distances(), has_face=every)
    curve = metrics.roc_curve(values[validation.same], values[~validation.same])
    threshold = metrics.best_threshold(values, validation.same)
    accuracy = metrics.confusion(values, validation.same, np.array([threshold]))["accuracy"][0]
    return {"held_out_auc": metrics.auc(curve), "held_out_accuracy": float(accuracy)}


def train_siamese(
    trunk: keras.Model,
    inputs: NDArray[Any],
    labels: NDArray[np.int64],
    *,
    validation: ValidationPairs,
    settings: SiameseSettings,
    budget: Budget,
    folder: Path,
) -> Siamese:
    """Train a trunk, resuming a training stopped in ``folder``. Returns it with the weights of its best epoch.

    inputs (photos, variants, ...), labels (photos,) numbered from 0.
    """
    model = Siamese(trunk, settings, budget, int(labels.max()) + 1)
    model.build((None, *inputs.shape[2:]))
    optimizer = keras.optimizers.get(
        {"class_name": settings.optimizer, "config": {"learning_rate": settings.learning_rate}}
    )
    model.compile(optimizer=optimizer, jit_compile=False)
    optimizer.build(model.trainable_variables)
    done = resume(folder, _state(model), best_epoch=best_validation_epoch) or 0
    model.fit(
        PeopleBatches(inputs, labels, budget, done),
        initial_epoch=done,
        epochs=budget.epochs,
        callbacks=[
            DivergenceCheck(optimizer, lambda: _state(model)),
            EpochRecorder(folder, lambda: validation_figures(model, validation)),
        ],
        shuffle=False,
        verbose=0,
    )
    restore_variables(model.variables, folder / BEST_WEIGHTS)
    for part in (BEST_WEIGHTS, CHECKPOINT):
        (folder / part).unlink()
    return model
