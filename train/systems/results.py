"""Compared systems on disk, and as rows of a table.

Each is a folder with config.json, history.csv where it was trained, result.json, and curves.json for drawing. The
user's lie in the data folder's ``compared/``, the recorded ones in ``assets/systems/``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline import storage
from train.runs import files

CURVES = "curves.json"
RECORDED_SYSTEMS = storage.ASSETS / "systems"
HEAD = (
    "system",
    "rank-1",
    "verified",
    "F1",
    "AUC",
    "TAR@FAR 1e-3",
    "DIR@FAR 0.01",
    "parameters",
    "trained",
    "per face",
)
# What every system that could run has.
_FIGURES = ("rank_1", "train_seconds", "parameters", "face_ms")


def systems_folder() -> Path:
    """The user's compared systems."""
    return storage.home() / "compared"


def is_finished(folder: Path) -> bool:
    """Whether a system has figures and curves. One that could not run has not finished: it is tried again."""
    return (folder / CURVES).is_file() and "rank_1" in (storage.read_json(folder / files.RESULT) or {})


def write_curves(folder: Path, curves: dict[str, Any]) -> None:
    """Write the curves of a system, without spaces."""
    with storage.atomic_path(folder / CURVES) as temporary:
        temporary.write_text(json.dumps(curves, separators=(",", ":")) + "\n", encoding="utf-8")


def read_curves(folder: Path) -> dict[str, Any]:
    """The curves of a finished system; empty where they are missing or damaged."""
    return storage.read_json(folder / CURVES) or {}


def read_system(folder: Path) -> dict[str, Any]:
    """A compared system as a row: name, system, kind, folder, and its figures or the reason why it has none."""
    config, result = (storage.read_json(folder / part) or {} for part in (files.CONFIG, files.RESULT))
    row = {"name": folder.name, "system": config.get("system", folder.name), "kind": config.get("kind", "")}
    if (folder / files.HISTORY).is_file():
        with suppress(KeyError, TypeError):  # Its settings are damaged.
            budget = config["settings"]["budget"]
            row["steps"] = budget["steps"] * budget["epochs"]
    if result and "reason" not in result and not all(isinstance(result.get(name), int | float) for name in _FIGURES):
        result = {"reason": "Its figures are damaged."}
    return row | {"folder": folder} | (result or {"reason": "Its training has not finished."})


def sorted_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows by rank-1, then by DIR@FAR, highest first; systems that could not run come last."""
    return sorted(rows, key=lambda row: (-row.get("rank_1", -1.0), -row.get("dir_at_far_1e-2", -1.0)))


def all_systems() -> list[dict[str, Any]]:
    """All compared systems. A finished one of the user's replaces the recorded one of the same name."""
    found = {path.parent.name: path.parent for path in RECORDED_SYSTEMS.glob(f"*/{files.CONFIG}")}
    own = {path.parent.name: path.parent for path in systems_folder().glob(f"*/{files.RESULT}")}
    found |= {name: folder for name, folder in own.items() if name not in found or is_finished(folder)}
    return sorted_rows([read_system(folder) for folder in found.values()])


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A finished system as the cells under :data:`HEAD`, with a dash for what classifiers do not have."""
    names = ("rank_1", "accuracy", "f1", "auc", "tar_at_far_1e-3", "dir_at_far_1e-2")
    shares = [f"{row[name]:.4f}" if name in row else "–" for name in names]
    seconds = f"{row['train_seconds']:.0f} s" if row["train_seconds"] else "–"
    return (row["system"], *shares, f"{row['parameters']:,}", seconds, f"{row['face_ms']:.3g} ms")


def record() -> None:
    """Copy the small files of all finished systems to ``assets/systems/``."""
    shutil.rmtree(RECORDED_SYSTEMS, ignore_errors=True)
    for result in systems_folder().glob(f"*/{files.RESULT}"):
        target = RECORDED_SYSTEMS / result.parent.name
        target.mkdir(parents=True)
        for part in (files.CONFIG, files.HISTORY, files.RESULT, CURVES):
            if (result.parent / part).is_file():
                shutil.copyfile(result.parent / part, target / part)
