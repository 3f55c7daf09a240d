"""Keras callbacks that every training of a run shares: history, best weights, patience, checkpoint.

A killed run must resume with the history it would have had. Keras' own callbacks cannot promise that:
``EarlyStopping`` and ``ReduceLROnPlateau`` count epochs in memory, and ``BackupAndRestore`` writes weights and epoch
to two files, so that a kill between them resumes at the wrong epoch. These read the history and write atomically.
Their order matters: divergence, history, patience, checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from pipeline.errors import UserError
from train.runs.checkpoints import save_variables
from train.runs.files import BEST_WEIGHTS, CHECKPOINT
from train.runs.history import append_row, best_epoch, best_row, read_history
from train.usage import Usage

Logs = dict[str, float] | None
# The squares of such numbers are infinite in float32.
_TOO_LARGE = 1e18


class DivergedError(UserError):
    """The loss or the variables of a training grew without limit."""


class DivergenceCheck(keras.callbacks.Callback):
    """Ends a training whose loss or variables grow without limit or are no longer numbers.

    Nothing of the epoch is written, so the last good checkpoint stays. Raises DivergedError.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer, variables: Callable[[], Sequence[Any]]) -> None:
        super().__init__()
        self.optimizer, self.variables = optimizer, variables

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Check the loss, and the variables that the next epoch would start from."""
        values = [(logs or {})["loss"], *map(ops.convert_to_numpy, self.variables())]
        # NaN is not below anything.
        if not all((np.abs(value) < _TOO_LARGE).all() for value in values):
            rate = float(ops.convert_to_numpy(self.optimizer.learning_rate))
            raise DivergedError(
                f"In epoch {epoch + 1} the loss or the weights grew without limit. "
                f"Start another run with a learning rate below {rate:g}."
            )


class HistoryWriter(keras.callbacks.Callback):
    """Appends a row of measures after each epoch, and saves the variables whenever held-out rank-1 improves.

    Epoch 0 is the model before training; if it stays the best, the run ends with it.

    measure: measures the model after an epoch, given its number; returns columns, among them ``held_out_rank_1``.
    variables: those saved as the best weights.
    """

    def __init__(
        self,
        folder: Path,
        optimizer: keras.optimizers.Optimizer,
        *,
        measure: Callable[[int], dict[str, float]],
        variables: Callable[[], Sequence[Any]],
        epochs: int,
    ) -> None:
        super().__init__()
        self.folder, self.optimizer, self.epochs = folder, optimizer, epochs
        self.measure, self.variables = measure, variables
        self.started = Usage()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Write the row of epoch 0, unless the run is resumed."""
        if not read_history(self.folder):
            nothing = dict.fromkeys(("seconds", "cpu_seconds", "data_seconds"), 0.0)
            self._write(0, loss=math.nan, used=Usage().since_then() | nothing)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start the clocks."""
        self.started = Usage()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Measure and write the row. logs: the loss, and how long drawing the batches took, if that is known."""
        used = self.started.since_then()
        known = logs or {}
        loss, seconds = known["loss"], used["seconds"]
        row = self._write(epoch + 1, loss=loss, used=used | {"data_seconds": known.get("data_seconds", math.nan)})
        print(
            f"Epoch {epoch + 1} of {self.epochs}: loss {loss:.4f}, held-out rank-1 {row['held_out_rank_1']:.4f}; "
            f"{seconds:.1f} s"
        )

    def _write(self, epoch: int, *, loss: float, used: dict[str, float]) -> dict[str, float]:
        rate = float(ops.convert_to_numpy(self.optimizer.learning_rate))
        row = {"epoch": epoch, "learning_rate": rate, "train_loss": loss, **used, **self.measure(epoch)}
        # The weights first: a row without them could not be restored.
        if not read_history(self.folder) or row["held_out_rank_1"] > best_epoch(self.folder)["held_out_rank_1"]:
            save_variables(self.variables(), self.folder / BEST_WEIGHTS, epoch)
        append_row(self.folder, row)
        return row


class Patience(keras.callbacks.Callback):
    """Ends the training when held-out rank-1 has not improved for ``epochs`` epochs.

    optimizer: if given, its learning rate is halved after half of that time.
    """

    def __init__(self, folder: Path, epochs: int, optimizer: keras.optimizers.Optimizer | None = None) -> None:
        super().__init__()
        self.folder, self.epochs, self.optimizer = folder, epochs, optimizer

    @property
    def exhausted(self) -> bool:
        """Whether the run should end. Ask before resuming: it may have been killed after its last epoch."""
        return self._waited() >= self.epochs

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Halve the learning rate, or end the training."""
        waited = self._waited()
        if waited >= self.epochs:
            self.model.stop_training = True
        elif self.optimizer and waited and not waited % max(self.epochs // 2, 1):
            self.optimizer.learning_rate.assign(self.optimizer.learning_rate * 0.5)

    def _waited(self) -> int:
        """Epochs since the best one."""
        rows = read_history(self.folder)
        best = best_row(rows)
        return int(rows[-1]["epoch"] - best["epoch"]) if best else 0


class Checkpoint(keras.callbacks.Callback):
    """Saves everything that a step changes after each epoch: weights, optimizer moments, learning rate.

    :func:`train.runs.checkpoints.resume` restores it.
    """

    def __init__(self, folder: Path, variables: Callable[[], Sequence[Any]]) -> None:
        super().__init__()
        self.path, self.variables = folder / CHECKPOINT, variables

    def on_train_begin(self, logs: Logs = None) -> None:
        """Save the state before training."""
        if not self.path.is_file():
            save_variables(self.variables(), self.path, 0)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save the state after the epoch."""
        save_variables(self.variables(), self.path, epoch + 1)
