"""Runs that belong together, such as several seeds of the same settings: their mean, and how far they spread."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from train.runs.catalogue import Run

# Group by all settings except this one.
SEED = "seed"


@dataclass(frozen=True)
class RunGroup:
    """Runs with the same settings. spread: the standard deviation of each column in each epoch that all have."""

    mean: Run
    spread: list[dict[str, float]]
    runs: tuple[Run, ...]


def group_runs(runs: Sequence[Run], by: str | None) -> list[RunGroup]:
    """The groups in the order of their first runs; a run that has nobody beside it is a group of its own.

    by: a setting whose values make the groups, :data:`SEED` for runs that differ in nothing but the seed, None for
    no groups.
    """
    members: dict[Any, list[Run]] = {}
    for run in runs:
        members.setdefault(_key(run, by), []).append(run)
    groups = []
    for found in members.values():
        # The same seed twice is the same training twice, which says nothing of the spread.
        repeated = by == SEED and len({run.settings.get(SEED) for run in found}) < len(found)
        groups += [_group([run], by) for run in found] if repeated else [_group(found, by)]
    return groups


def _key(run: Run, by: str | None) -> Any:
    if by is None or not run.settings:
        return run.key
    if by == SEED:
        return tuple(sorted((name, repr(value)) for name, value in run.settings.items() if name != SEED))
    return repr(run.settings.get(by))


def _group(runs: list[Run], by: str | None) -> RunGroup:
    first = runs[0]
    if len(runs) == 1:
        return RunGroup(first, [], (first,))
    if by == SEED:
        name = f"{first.name} and {len(runs) - 1} more seeds" if len(runs) > 2 else f"{first.name} and another seed"
    else:
        name = f"{str(by).replace('_', ' ')} {first.settings.get(str(by), '–')} ({len(runs)} runs)"
    mean, spread = mean_and_spread([run.history for run in runs])
    return RunGroup(Run(first.key, Path(name.replace("/", "-")), first.config, mean), spread, tuple(runs))


def mean_and_spread(histories: Sequence[list[dict[str, float]]]) -> tuple[list[dict[str, float]], ...]:
    """Two histories of the epochs that all have: means and sample standard deviations, without what is no number."""
    by_epoch = [{row["epoch"]: row for row in rows} for rows in histories]
    common = sorted(set(by_epoch[0]).intersection(*by_epoch[1:]))
    means, spreads = [], []
    for epoch in common:
        rows = [rows[epoch] for rows in by_epoch]
        names = [name for name in rows[0] if name != "epoch"]
        table = np.array([[row.get(name, math.nan) for name in names] for row in rows], np.float64)
        with warnings.catch_warnings():
            # Columns without numbers stay NaN.
            warnings.simplefilter("ignore", RuntimeWarning)
            mean, spread = np.nanmean(table, axis=0), np.nanstd(table, axis=0, ddof=1)
        means.append({"epoch": epoch, **dict(zip(names, mean.tolist(), strict=True))})
        spreads.append({"epoch": epoch, **dict(zip(names, spread.tolist(), strict=True))})
    return means, spreads
