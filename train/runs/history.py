"""The history of a run: ``history.csv``, one row per epoch, appended after each epoch."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from pipeline import storage
from train.runs.files import HISTORY


def read_history(folder: Path) -> list[dict[str, float]]:
    """The rows, oldest first. Damaged and half-written rows are skipped."""
    try:
        text = (folder / HISTORY).read_text(encoding="utf-8", errors="replace")
        # A last line without its line break may lack digits.
        rows = list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))
    except (OSError, csv.Error):
        return []
    numbers = [_numbers(row) for row in rows]
    return [row for row in numbers if row is not None]


def append_row(folder: Path, row: dict[str, float]) -> None:
    """Append a row. The first one sets the columns: of later rows, missing ones become NaN and others are dropped."""
    path = folder / HISTORY
    columns = _columns(path)
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns or list(row), restval=math.nan, extrasaction="ignore")
        if not columns:
            writer.writeheader()
        writer.writerow(_as_written(row))


def write_history(folder: Path, rows: list[dict[str, float]]) -> None:
    """Replace the history by these rows, without those whose weights were lost when the process was killed."""
    if not rows:
        (folder / HISTORY).unlink(missing_ok=True)
        return
    with (
        storage.atomic_path(folder / HISTORY) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(map(_as_written, rows))


def best_row(rows: list[dict[str, float]]) -> dict[str, float] | None:
    """The first row with the highest held-out rank-1. None if no row has one."""
    measured = [row for row in rows if not math.isnan(row.get("held_out_rank_1", math.nan))]
    return max(measured, key=lambda row: (row["held_out_rank_1"], -row["epoch"]), default=None)


def best_epoch(folder: Path) -> dict[str, float]:
    """The best row of a run that has at least one."""
    row = best_row(read_history(folder))
    assert row is not None
    return row


def training_seconds(rows: list[dict[str, float]]) -> float:
    """Total training time of the epochs, without measuring."""
    return sum(row["seconds"] for row in rows if math.isfinite(row.get("seconds", math.nan)))


def _columns(path: Path) -> list[str]:
    """The columns of a history in their order; empty for a new one."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return next(csv.reader(file), [])


def _as_written(row: dict[str, float]) -> dict[str, float]:
    """The numbers in the form in which a history has them, however often it is read and written."""
    return {name: float(value) for name, value in row.items()} | {"epoch": int(row["epoch"])}


def _numbers(row: dict[str, Any]) -> dict[str, float] | None:
    try:
        values = {name: float(value) for name, value in row.items() if name is not None}
    except (TypeError, ValueError):
        return None
    return values if not math.isnan(values.get("epoch", math.nan)) else None
