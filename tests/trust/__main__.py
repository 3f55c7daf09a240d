"""``make test-trust``: kills, damage and full disks, many times each, and one table of what was lost."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.trust import damage, full_disk, work
from tests.trust.kills import Trials

KILLS, MOMENTS, HARMS, SIZES = 40, 10, 200, 20


class Row(NamedTuple):
    """A line of the table: what was tried, how often, and what was lost."""

    what: str
    tried: int
    lost: list[str]


def _kills(trials: Trials) -> Iterator[Row]:
    source = random.Random(0)
    for kind in work.KINDS:
        whole = trials.reference(kind)
        places = np.unique(np.linspace(1, whole.changes, KILLS, dtype=int)).tolist()
        lost = [f"at change {at}: {each}" for at in places for each in trials.losses(kind, at=at)]
        for _ in range(KILLS + MOMENTS - len(places)):
            seconds = source.uniform(0.001, whole.seconds)
            lost += [f"after {seconds:.3f} s: {each}" for each in trials.losses(kind, seconds=seconds)]
        yield Row(f"{kind}: killed", KILLS + MOMENTS, lost)


def _harms(trials: Trials) -> Iterator[Row]:
    for artefact in damage.ARTEFACTS:
        yield Row(f"{artefact}: damaged", HARMS, damage.losses(trials, artefact, HARMS))


def _full_disks(trials: Trials) -> Iterator[Row]:
    for kind in work.KINDS:
        yield Row(f"{kind}: disk full", SIZES, full_disk.losses(trials, kind, SIZES))


def main() -> int:
    """Try everything, print the table, and return 1 if anything was lost."""
    begun, lost = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder))
        print(f"{'tried':<32} {'times':>6} {'lost':>6}")
        for rows in (_kills(trials), _harms(trials), _full_disks(trials)):
            for row in rows:
                print(f"{row.what:<32} {row.tried:>6} {len(row.lost):>6}", flush=True)
                for each in row.lost[:5]:
                    print(f"    {each}")
                lost += len(row.lost)
    print(f"{time.monotonic() - begun:.0f} s")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
