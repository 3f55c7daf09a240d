"""Runs on disk: a folder with ``config.json``, ``history.csv`` (a row for each epoch, as it happens) and more."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from pipeline import scorers, store
from pipeline.errors import UserError
from pipeline.similarity import Network

CONFIG, HISTORY, RESULT, MODEL = "config.json", "history.csv", "result.json", "similarity.keras"
# Beside the shipped network: whom it was trained on, so that nobody of them is measured.
PEOPLE = "people.txt"
SHIPPED = Path(__file__).parents[1] / "assets" / "runs"


def folder_of(name: str) -> Path:
    """Where a run of the user's lies."""
    return store.home() / "runs" / name


def network(name: str) -> tuple[Network, list[str]]:
    """The network of a finished run of the user's and the names of the people it was trained on. Raises UserError."""
    import keras

    from train import networks  # noqa: F401 - registers what the file holds

    path = folder_of(name) / MODEL
    config = store.read_json(folder_of(name) / CONFIG) or {}
    if not path.is_file():
        raise UserError(f"There is no finished run {name}. Train one: python -m train fit --run {name}")
    return keras.saving.load_model(path).arrays(), config.get("trained_on", [])


def shipped() -> tuple[Network, list[str]]:
    """The network that ships and the names of the people it was trained on. Raises WeightsError."""
    names = (scorers.SHIPPED / PEOPLE).read_text(encoding="utf-8").splitlines()
    return scorers.read(scorers.SHIPPED).network, names


def read_history(folder: Path) -> list[dict[str, float]]:
    """The rows of a history, oldest first; a row that is half written or damaged is left out."""
    try:
        with (folder / HISTORY).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    numbers = [_numbers(row) for row in rows]
    return [row for row in numbers if row is not None]


def finite(row: dict[str, float]) -> dict[str, float | None]:
    """A row as strict JSON has it: nothing where there is no number."""
    return {name: value if math.isfinite(value) else None for name, value in row.items()}


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


def taught_seconds(folder: Path) -> float:
    """How long a run's epochs took, without measuring."""
    return sum(row["seconds"] for row in read_history(folder) if math.isfinite(row.get("seconds", math.nan)))


def _numbers(row: dict[str, Any]) -> dict[str, float] | None:
    try:
        values = {name: float(value) for name, value in row.items() if name is not None}
    except (TypeError, ValueError):
        return None
    return values if not math.isnan(values.get("epoch", math.nan)) else None
