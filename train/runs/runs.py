"""Runs on disk: a folder with ``config.json``, ``history.csv`` (a row for each epoch, as it happens) and more."""

from __future__ import annotations

import csv
import math
import re
import shlex
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.errors import UserError
from pipeline.similarity import files, scorers
from pipeline.similarity.network import Network

CONFIG, HISTORY, RESULT, MODEL = "config.json", "history.csv", "result.json", "similarity.keras"
# Beside the shipped network: whom it was trained on, so that nobody of them is measured.
PEOPLE = "people.txt"
SHIPPED = storage.ASSETS / "runs"
RECORDED = "recorded/"
NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class Run:
    """What is on disk of a run, whatever is missing or damaged.

    key: its name, with :data:`RECORDED` before it where the run came with the project. config: empty where it cannot
    be read. history: a row for each epoch that can be read.
    """

    key: str
    folder: Path
    config: dict[str, Any]
    history: list[dict[str, float]]

    @property
    def recorded(self) -> bool:
        """Whether it came with the project."""
        return self.key.startswith(RECORDED)

    @property
    def name(self) -> str:
        """What it was called."""
        return self.folder.name

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All settings by name, those of the network among them, and what is known of the gallery."""
        given = self.config.get("settings")
        given = given if isinstance(given, dict) else {}
        parts = [value for value in given.values() if isinstance(value, dict)]
        plain = {name: value for name, value in given.items() if not isinstance(value, dict)}
        about: dict[str, Any] = {
            name: self.config[name] for name in ("gallery", "people", "study") if name in self.config
        }
        variants = self.config.get("variants")
        if isinstance(variants, dict):
            about["variants"] = variants.get("count")
        kind = {"network": kind_of(given)} if given else {}
        return {name: _short(value) for part in (kind, plain, *parts, about) for name, value in part.items()}

    @cached_property
    def best(self) -> dict[str, float] | None:
        """The row of the best epoch."""
        return best(self.history)

    @property
    def seconds(self) -> float:
        """How long its epochs were trained, without measuring."""
        return sum(row["seconds"] for row in self.history if math.isfinite(row.get("seconds", math.nan)))


def everything() -> list[Run]:
    """The runs there are: those of the user, oldest first, after the recorded ones by name."""
    return [read(RECORDED + path.name, path) for path in sorted(_folders(SHIPPED))] + own()


def own() -> list[Run]:
    """The user's runs, oldest first."""
    return [read(path.name, path) for path in sorted(folders(), key=lambda path: (_begun(path), path.name))]


def folders() -> list[Path]:
    """Where the user's runs lie."""
    return [path for path in _folders(storage.home() / "runs") if not path.name.startswith(".")]


def read(key: str, folder: Path) -> Run:
    """A run as it lies on disk."""
    return Run(key, folder, storage.read_json(folder / CONFIG) or {}, read_history(folder))


def kind_of(settings: dict[str, Any]) -> str:
    """What the command line calls the network of these settings."""
    network = settings.get("network")
    if not isinstance(network, dict):
        return "FaceNet" if "blocks" in settings else "unknown"
    if network.get("cohort"):
        return "cohort"
    if network.get("metric") == "product":
        return "residual" if network.get("metric_units") else "encoder"
    return "symmetric" if network.get("both_orders") else "original"


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []


def _begun(folder: Path) -> float:
    """When a run was begun: its settings are written once, while its folder changes."""
    for path in (folder / CONFIG, folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return math.inf


def _short(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def folder_of(name: str) -> Path:
    """Where a run of the user's lies."""
    return storage.home() / "runs" / name


def network(name: str) -> tuple[Network, list[str]]:
    """The network of a finished run of the user's and the names of the people it was trained on. Raises UserError."""
    import keras

    from train import networks  # noqa: F401 - registers what the file holds

    path = folder_of(name) / MODEL
    config = storage.read_json(folder_of(name) / CONFIG) or {}
    if not path.is_file():
        raise UserError(f"There is no finished run {name}.", command=f"python -m train fit --run {shlex.quote(name)}")
    return keras.saving.load_model(path).arrays(), config.get("trained_on", [])


def shipped() -> tuple[Network, list[str]]:
    """The network that ships and the names of the people it was trained on. Raises WeightsError."""
    names = (files.SHIPPED / PEOPLE).read_text(encoding="utf-8").splitlines()
    return scorers.read(files.SHIPPED).network, names


def read_history(folder: Path) -> list[dict[str, float]]:
    """The rows of a history, oldest first; a row that is half written or damaged is left out."""
    try:
        text = (folder / HISTORY).read_text(encoding="utf-8", errors="replace")
        # Without an end of its line, a row may lack digits of its last number.
        rows = list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))
    except (OSError, csv.Error):
        return []
    numbers = [_numbers(row) for row in rows]
    return [row for row in numbers if row is not None]


def best(rows: list[dict[str, float]]) -> dict[str, float] | None:
    """The first row with the highest held-out rank-1, where there is one."""
    measured = [row for row in rows if not math.isnan(row.get("held_out_rank_1", math.nan))]
    return max(measured, key=lambda row: (row["held_out_rank_1"], -row["epoch"]), default=None)


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
        append_row(folder, {**row, "epoch": int(row["epoch"])})


def taught_seconds(folder: Path) -> float:
    """How long a run's epochs took, without measuring."""
    return sum(row["seconds"] for row in read_history(folder) if math.isfinite(row.get("seconds", math.nan)))


def _numbers(row: dict[str, Any]) -> dict[str, float] | None:
    try:
        values = {name: float(value) for name, value in row.items() if name is not None}
    except (TypeError, ValueError):
        return None
    return values if not math.isnan(values.get("epoch", math.nan)) else None
