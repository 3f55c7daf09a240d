"""Train and measure systems side by side: the same people, photos, pairs and budget for all.

A finished system is not run again; a stopped one resumes from its last epoch.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.errors import UserError
from train.runs import files
from train.runs.history import read_history, training_seconds
from train.systems import results
from train.systems.measure import measure_system
from train.systems.system import Budget, System, SystemInputs


def compare_systems(
    systems: Sequence[System], inputs: SystemInputs, *, announce: Callable[[str], None] = print
) -> list[dict[str, Any]]:
    """Run the systems that have not finished. Returns a row for each, the highest rank-1 first."""
    folders = []
    for number, system in enumerate(systems, start=1):
        folder, config = results.systems_folder() / system.name, _config(system, inputs.budget)
        folders.append(folder)
        known = storage.read_json(folder / files.CONFIG)
        same = known is not None and known.get("settings") == config["settings"]
        if same and results.is_finished(folder):
            continue
        announce(f"{number} of {len(systems)}: {system.title}")
        # Without a config, the folder may hold weights that another system left there: they carry their own budget.
        if known is not None and not same:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        storage.write_json(folder / files.CONFIG, config)
        _run(system, inputs, folder)
    return results.sorted_rows([results.read_system(folder) for folder in folders])


def _run(system: System, inputs: SystemInputs, folder: Path) -> None:
    """Train and measure a system, and write its result: figures, or the reason why it cannot run."""
    try:
        trained = system.make(inputs, folder)
        figures, curves = measure_system(trained, inputs)
    except UserError as error:
        storage.write_json(folder / files.RESULT, {"reason": str(error)})
        return
    results.write_curves(folder, curves)
    figures["train_seconds"] = trained.train_seconds + training_seconds(read_history(folder))
    storage.write_json(folder / files.RESULT, figures)


def _config(system: System, budget: Budget) -> dict[str, Any]:
    settings = {**system.settings, "budget": asdict(budget)}
    config = {"system": system.title, "kind": system.kind, "command": "python -m train compare", "settings": settings}
    # As it is read back: tuples become lists.
    return dict(json.loads(json.dumps(config)))
