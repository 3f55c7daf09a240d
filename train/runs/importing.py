"""Runs from elsewhere: the file that Keras' ``CSVLogger`` writes, as a run to look at."""

from __future__ import annotations

import csv
import hashlib
import io
import math

from pipeline import storage
from pipeline.errors import UserError
from train.runs.catalogue import Run, read_run
from train.runs.files import CONFIG, RESULT, run_folder
from train.runs.history import write_history

BYTES_MAX, ROWS_MAX, COLUMNS_MAX = 20 * 2**20, 100_000, 200
_VALIDATION = "val_"
# The names of columns that are the same for both sides, and what they are called here.
_COMMON = {"lr": "learning_rate", "learning_rate": "learning_rate", "seconds": "seconds", "time": "seconds"}


def import_csv(name: str, data: bytes, source: str) -> Run:
    """Make a run of what ``CSVLogger`` wrote: columns ``epoch``, ``loss``, ``val_loss`` and so on.

    Epochs are counted from 1 here, and ``val_`` columns are those of held-out people. source: the name of the file.
    Raises UserError if the file is no such file, or the run exists or cannot have the name.
    """
    folder = run_folder(name)
    if folder.exists():
        raise UserError(f"There is already a run {folder.name}. Choose another name.")
    rows = _rows(data)
    with storage.writing(folder):
        folder.mkdir(parents=True)
        storage.write_json(folder / CONFIG, {"imported": source, "sha256": hashlib.sha256(data).hexdigest()})
        write_history(folder, rows)
        storage.write_json(folder / RESULT, {"epoch": rows[-1]["epoch"]})
    return read_run(folder.name, folder)


def _rows(data: bytes) -> list[dict[str, float]]:
    """The rows of a history. Raises UserError."""
    if len(data) > BYTES_MAX:
        raise UserError(f"The file is larger than {BYTES_MAX >> 20} MB.")
    text = data.decode("utf-8-sig", "replace")
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    try:
        found = list(csv.DictReader(io.StringIO(text), delimiter=separator))
    except csv.Error:
        raise UserError("This file cannot be read as CSV.") from None
    columns = [name for name in (found[0] if found else {}) if name]
    if "epoch" not in columns or len(columns) < 2 or len(columns) > COLUMNS_MAX:
        raise UserError("This is no file of Keras' CSVLogger: it needs a column epoch, one or more others, and rows.")
    if len(found) > ROWS_MAX:
        raise UserError(f"The file has more than {ROWS_MAX:,} rows.")
    rows = [{_name(name): _number(row.get(name)) for name in columns} for row in found]
    # A training that was continued with append=True may count some epochs twice; the later ones hold.
    by_epoch = {row["epoch"]: {**row, "epoch": row["epoch"] + 1} for row in rows if math.isfinite(row["epoch"])}
    if not by_epoch:
        raise UserError("The column epoch has no numbers.")
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def _name(column: str) -> str:
    """What a column is called in a history."""
    if column == "epoch" or column in _COMMON:
        return _COMMON.get(column, column)
    if column.startswith(_VALIDATION):
        return f"held_out_{column.removeprefix(_VALIDATION)}"
    return f"train_{column}"


def _number(text: str | None) -> float:
    """A number; NaN for what is none, such as Keras' NA."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
