"""The best and the last value of each measure of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def column(rows: Sequence[dict[str, float]], name: str) -> NDArray[np.float64]:
    """A column of a history, (rows,); NaN where it has no number."""
    return np.array([row.get(name, math.nan) for row in rows], np.float64)


@dataclass(frozen=True)
class BestAndLast:
    """Of one column: its best value with the epoch, and the value of the last epoch. NaN where there is none."""

    best: float
    epoch: int | None
    last: float


def best_and_last(rows: Sequence[dict[str, float]], name: str, *, smaller_is_better: bool = False) -> BestAndLast:
    """The best and the last value of a column; the first of several best ones."""
    known = [(row[name], int(row["epoch"])) for row in rows if math.isfinite(row.get(name, math.nan))]
    if not known:
        return BestAndLast(math.nan, None, math.nan)
    best = min(known, key=lambda pair: (pair[0] if smaller_is_better else -pair[0], pair[1]))
    return BestAndLast(*best, rows[-1].get(name, math.nan))
