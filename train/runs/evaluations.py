"""The evaluation of a run's network on held-out people: ``evaluation.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline import storage
from train.runs.files import EVALUATION


def read_evaluation(folder: Path) -> dict[str, Any] | None:
    """The evaluation of a run. None if it is missing or damaged."""
    found = storage.read_json(folder / EVALUATION)
    try:
        assert found is not None
        for way in ("network", "cosine"):
            assert {"rank_k", "roc", "reliability", "mistaken", "mistakes"} <= found["ways"][way].keys()
        assert {"people", "probes", "draws"} <= found.keys()
    except (AssertionError, KeyError, AttributeError, TypeError):
        return None
    return found


def has_evaluation(folder: Path) -> bool:
    """Whether a run has been evaluated. A damaged evaluation is set aside."""
    if (folder / EVALUATION).is_file() and read_evaluation(folder) is None:
        storage.set_aside(folder / EVALUATION, "it is damaged")
    return (folder / EVALUATION).is_file()


def write_evaluation(folder: Path, evaluation: dict[str, Any]) -> None:
    """Store the evaluation of a run, as :func:`train.evaluation.report.evaluation` gives it."""
    storage.write_json(folder / EVALUATION, evaluation)
