"""Checkpoints: the values of variables in one ``.npz`` file, by position, with the epoch they belong to.

A stopped run goes on from its last checkpoint. Where a file cannot be read, it goes on from an earlier state or
starts again. It ends as it would have ended: what a run draws follows from its seed and the epoch alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import notices, storage
from pipeline.errors import UserError
from train.runs.files import BEST_WEIGHTS, CHECKPOINT, HISTORY
from train.runs.history import best_row, read_history, write_history

Rows = list[dict[str, float]]


@dataclass(frozen=True)
class _State:
    """The values of all variables after an epoch."""

    epoch: int
    arrays: list[NDArray[Any]]

    def assign(self, variables: Sequence[Any], run: str) -> int:
        if [array.shape for array in self.arrays] != [tuple(one.shape) for one in variables]:
            raise UserError(f"The run {run} was started by another version. Choose another name.")
        for variable, array in zip(variables, self.arrays, strict=True):
            variable.assign(array)
        return self.epoch


def save_variables(variables: Sequence[Any], path: Path, epoch: int) -> None:
    """Write Keras variables atomically."""
    from keras import ops

    arrays = [ops.convert_to_numpy(variable) for variable in variables]
    with storage.atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, epoch=epoch, **{str(place): array for place, array in enumerate(arrays)})


def restore_variables(variables: Sequence[Any], path: Path) -> int:
    """Assign the values stored by :func:`save_variables`; returns their epoch.

    Raises UserError if the file is missing or damaged, or the shapes differ.
    """
    state = _read(path)
    if state is None:
        raise UserError(f"The weights of the run {path.parent.name} are missing. Start the run again.")
    return state.assign(variables, path.parent.name)


def best_of_run(rows: Rows) -> int | None:
    """The epoch whose weights are the best, as :class:`train.callbacks.HistoryWriter` saves them."""
    row = best_row(rows)
    return None if row is None else int(row["epoch"])


def resume(
    folder: Path,
    variables: Sequence[Any],
    *,
    best_is_complete: bool = False,
    best_epoch: Callable[[Rows], int | None] = best_of_run,
) -> int | None:
    """Restore the last state of a stopped run that fits its history, and cut the history there; returns the epoch.

    None: the training starts at its beginning. Files that cannot be read are set aside, and the user is told.

    best_is_complete: the best weights are values of ``variables`` too, so that the run can go on from them.
    best_epoch: the epoch of the best weights, given the rows of the history.

    Raises UserError if the run was started by another version.
    """
    rows, began = _readable_rows(folder), (folder / CHECKPOINT).is_file()
    best, checkpoint = _read(folder / BEST_WEIGHTS), _read(folder / CHECKPOINT)

    def fits(state: _State) -> bool:
        """Whether the history reaches the epoch, and the best weights of that time are there, or come later."""
        best_then = best_epoch(rows[: state.epoch + 1])
        known = best_then is None or (best is not None and (best.epoch == best_then or best.epoch > state.epoch))
        return known and len(rows) > state.epoch

    states = [checkpoint, best] if best_is_complete else [checkpoint]
    state = next((each for each in states if each and fits(each)), None)
    if began and (state is None or state is not checkpoint):
        where = f"goes on from epoch {state.epoch}" if state else "starts again from its beginning"
        notices.tell(f"The last state of the run {folder.name} cannot be used, so the run {where}.")
    write_history(folder, rows[: state.epoch + 1] if state else [])
    if state is None:
        (folder / CHECKPOINT).unlink(missing_ok=True)
        return None
    epoch = state.assign(variables, folder.name)
    if state is not checkpoint:
        save_variables(variables, folder / CHECKPOINT, epoch)
    return epoch


def _read(path: Path) -> _State | None:
    """The state in a file. None if it is missing; a damaged one is set aside."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as saved:
            arrays = [saved[str(place)] for place in range(len(saved.files) - 1)]
            return _State(int(saved["epoch"]), arrays)
    except Exception:  # A damaged archive raises errors of many kinds.
        storage.set_aside(path, "it is damaged")
        return None


def _readable_rows(folder: Path) -> Rows:
    """The rows of the history up to the first that is missing. A damaged history is set aside."""
    rows = read_history(folder)
    whole = next((place for place, row in enumerate(rows) if row["epoch"] != place), len(rows))
    path = folder / HISTORY
    if path.is_file() and (whole < len(rows) or not rows):
        storage.set_aside(path, "rows are missing")
    return rows[:whole]
