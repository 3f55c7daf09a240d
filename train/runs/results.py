"""The result of a finished run: the row of its best epoch, ``result.json``."""

from __future__ import annotations

import math
from pathlib import Path

from pipeline import storage
from pipeline.settings import is_number
from train.runs.files import RESULT

_NEEDED = ("epoch", "held_out_rank_1", "held_out_cosine_rank_1")


def write_result(folder: Path, row: dict[str, float]) -> None:
    """Store the best row as strict JSON: null for NaN and infinity."""
    values = {name: value if math.isfinite(value) else None for name, value in row.items()}
    storage.write_json(folder / RESULT, values)


def read_result(folder: Path) -> dict[str, float] | None:
    """The best row. None if the run is not finished; a damaged file is set aside."""
    path = folder / RESULT
    if not path.is_file():
        return None
    found = storage.read_json(path) or {}
    row = {name: math.nan if value is None else value for name, value in found.items()}
    if all(is_number(row.get(name)) for name in _NEEDED) and all(
        isinstance(value, float | int) for value in row.values()
    ):
        return row
    storage.set_aside(path, "it is damaged")
    return None
