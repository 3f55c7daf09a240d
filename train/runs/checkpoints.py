"""Checkpoints: the values of variables in one ``.npz`` file, by position, with the epoch they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import storage
from pipeline.errors import UserError


def save_variables(variables: Sequence[Any], path: Path, epoch: int) -> None:
    """Write Keras variables atomically."""
    from keras import ops

    arrays = [ops.convert_to_numpy(variable) for variable in variables]
    with storage.atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, epoch=epoch, **{str(place): array for place, array in enumerate(arrays)})


def restore_variables(variables: Sequence[Any], path: Path) -> int:
    """Assign the values stored by :func:`save_variables`; returns their epoch.

    Raises UserError if the shapes differ.
    """
    with np.load(path, allow_pickle=False) as saved:
        if [saved[name].shape for name in saved.files if name != "epoch"] != [tuple(one.shape) for one in variables]:
            raise UserError(f"The run {path.parent.name} was started by another version. Choose another name.")
        for place, variable in enumerate(variables):
            variable.assign(saved[str(place)])
        return int(saved["epoch"])
