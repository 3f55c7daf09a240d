"""Runs on disk: a folder with ``config.json``, ``history.csv`` (a row for each epoch, as it happens) and more."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from pipeline import store

CONFIG, HISTORY, RESULT, MODEL = "config.json", "history.csv", "result.json", "similarity.keras"
SHIPPED = Path(__file__).parents[1] / "assets" / "runs"


def folder_of(name: str) -> Path:
    """Where a run of the user's lies."""
    return store.home() / "runs" / name


def read_history(folder: Path) -> list[dict[str, float]]:
    """The rows of a history, oldest first; a row that is half written or damaged is left out."""
    try:
        with (folder / HISTORY).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    numbers = [_numbers(row) for row in rows]
    return [row for row in numbers if row is not None]


def append_row(folder: Path, row: dict[str, float]) -> None:
    """Add a row to the history, with the head before the first; on disk when this returns."""
    path = folder / HISTORY
    new = not path.is_file() or not path.stat().st_size
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def keep_rows(folder: Path, epoch: int) -> None:
    """Drop the rows after ``epoch``: their weights were lost with the process that wrote them."""
    rows = [row for row in read_history(folder) if row["epoch"] <= epoch]
    (folder / HISTORY).unlink(missing_ok=True)
    for row in rows:
        append_row(folder, row)


def _numbers(row: dict[str, Any]) -> dict[str, float] | None:
    try:
        values = {name: float(value) for name, value in row.items() if name is not None}
    except (TypeError, ValueError):
        return None
    return values if not math.isnan(values.get("epoch", math.nan)) else None
