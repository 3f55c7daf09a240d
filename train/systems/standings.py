"""Which system leads in a measure, by how much, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# How many photos, or pairs of photos, each share is of, under the one protocol of all systems.
COUNTS = {"rank_1": 1817, "dir_at_far_1e-2": 1817, "accuracy": 2330, "f1": 2330}
# Of a normal distribution, 95 in 100 values are within so many standard deviations.
_STANDARD_DEVIATIONS = 1.96


@dataclass(frozen=True)
class Standing:
    """A system's share, how far it is behind the leader, and the half width of the 95 % interval of that difference.

    All are shares of 1. The interval takes the two systems as measured on photos of their own; as all see the same
    photos, chance moves the difference less than that.
    """

    name: str
    value: float
    behind: float
    spread: float

    @property
    def is_apart(self) -> bool:
        """Whether the system is further behind than chance explains."""
        return self.behind > self.spread


def standings(rows: Sequence[Mapping[str, Any]], measure: str) -> list[Standing]:
    """The systems that have a measure, the leader first. rows: with their ``name`` and figures."""
    known = sorted((row for row in rows if measure in row), key=lambda row: -row[measure])
    if not known:
        return []
    count, best = COUNTS[measure], known[0][measure]

    def variance(share: float) -> float:
        return share * (1 - share) / count

    return [
        Standing(
            row["name"],
            row[measure],
            # Figures are stored rounded: what is less than one photo is no difference.
            round((best - row[measure]) * count) / count,
            _STANDARD_DEVIATIONS * math.sqrt(variance(best) + variance(row[measure])),
        )
        for row in known
    ]
