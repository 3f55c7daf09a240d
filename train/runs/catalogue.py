"""All runs: the user's own and those recorded in the repository, as far as their files can be read."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.similarity.network_scorer import runs_folder
from train.runs.evaluations import read_evaluation
from train.runs.files import CONFIG, RECORDED_RUNS
from train.runs.history import best_row, read_history, training_seconds
from train.runs.notes import RunNotes, read_notes

RECORDED_PREFIX = "recorded/"


@dataclass(frozen=True)
class Run:
    """What can be read of a run; files may be missing or damaged.

    key: its name, prefixed by :data:`RECORDED_PREFIX` for recorded runs. config: empty if it cannot be read.
    history: one row per epoch.
    """

    key: str
    folder: Path
    config: dict[str, Any]
    history: list[dict[str, float]]

    @property
    def recorded(self) -> bool:
        """Whether it is recorded in the repository."""
        return self.key.startswith(RECORDED_PREFIX)

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All settings by name, including the network's, and what is known of the gallery."""
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
        kind = {"network": network_kind(given)} if given else {}
        return {name: _as_text(value) for part in (kind, plain, *parts, about) for name, value in part.items()}

    @cached_property
    def best(self) -> dict[str, float] | None:
        """The row of the best epoch."""
        return best_row(self.history)

    @cached_property
    def probes(self) -> int | None:
        """On how many held-out people with several photos it is measured. None if that is unknown."""
        counts = [
            row["held_out_probes"] for row in self.history if math.isfinite(row.get("held_out_probes", math.nan))
        ]
        found = counts[-1] if counts else (read_evaluation(self.folder) or {}).get("probes")
        return int(found) if isinstance(found, int | float) else None

    @cached_property
    def notes(self) -> RunNotes:
        """The note and the tags of its owner."""
        return read_notes(self.folder)

    @property
    def seconds(self) -> float:
        """Total training time of its epochs, without measuring."""
        return training_seconds(self.history)


def all_runs() -> list[Run]:
    """The recorded runs by name, then the user's own, oldest first."""
    return [read_run(RECORDED_PREFIX + path.name, path) for path in sorted(_subfolders(RECORDED_RUNS))] + own_runs()


def own_runs() -> list[Run]:
    """The user's runs, oldest first."""
    return [read_run(path.name, path) for path in sorted(own_folders(), key=lambda path: (_started(path), path.name))]


def own_folders() -> list[Path]:
    """The folders of the user's runs."""
    return [path for path in _subfolders(runs_folder()) if not path.name.startswith(".")]


def read_run(key: str, folder: Path) -> Run:
    """Read the run in a folder."""
    return Run(key, folder, storage.read_json(folder / CONFIG) or {}, read_history(folder))


def network_kind(settings: dict[str, Any]) -> str:
    """The command line's name for the network in these settings."""
    network = settings.get("network")
    if not isinstance(network, dict):
        return "FaceNet" if "blocks" in settings else "unknown"
    if network.get("cohort"):
        return "cohort"
    if network.get("metric") == "product":
        return "residual" if network.get("metric_units") else "encoder"
    return "symmetric" if network.get("both_orders") else "original"


def _subfolders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []


def _started(folder: Path) -> float:
    """When a run was started. Its settings are written once, while its folder keeps changing."""
    for path in (folder / CONFIG, folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return math.inf


def _as_text(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
