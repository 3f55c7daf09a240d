"""``make test-trust``: does harm, many times in each way, and prints one table of what was lost."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.trust import damage, fetching, full_disk, photos, sessions, work
from tests.trust.kills import Trials

KILLS, MOMENTS, HARMS, SIZES = 40, 10, 200, 20
# Of each kind.
PHOTOS, BOMBS = 10_000, 4


class Row(NamedTuple):
    """A line of the table: what was tried, how often, what was lost, and what was measured."""

    what: str
    tried: int
    lost: list[str]
    measured: object = ""


def _kills(trials: Trials) -> Iterator[Row]:
    yield from _kills_of(trials, work.KINDS)
    steps = Trials(trials.home.parent / "steps", "prepare set-up")
    assert steps.before
    with fetching.serving(steps.home.parent):
        yield from _kills_of(steps, work.STEPS)


def _kills_of(trials: Trials, kinds: Iterable[str]) -> Iterator[Row]:
    source = random.Random(0)
    for kind in kinds:
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
    for artefact in damage.SERVED:
        yield Row(f"{artefact}: replaced while open", HARMS, damage.losses_where_replaced(trials, artefact, HARMS))


def _full_disks(trials: Trials) -> Iterator[Row]:
    for kind in work.KINDS:
        yield Row(f"{kind}: disk full", SIZES, full_disk.losses(trials, kind, SIZES))


def _photos(_: Trials) -> Iterator[Row]:
    with ThreadPoolExecutor(2) as two:
        found = two.map(lambda kind: photos.losses(kind, PHOTOS), photos.KINDS)
        for kind, (lost, costs) in zip(photos.KINDS, found, strict=True):
            yield Row(f"{kind}: mutated", PHOTOS, lost, costs)
    for bomb in photos.BOMBS:
        yield Row(bomb, BOMBS, *photos.losses(bomb, BOMBS))


def _sessions(trials: Trials) -> Iterator[Row]:
    place = trials.home.parent / "sessions"
    place.mkdir(parents=True)
    crowd = sessions.Crowd()
    by_protocol, by_browser, taken = sessions.run(place, crowd)
    for count, kind, looks in (
        (crowd.sessions, "sessions", by_protocol),
        (crowd.browsers, "browsers", by_browser),
    ):
        tried = len(looks.seconds) + len(looks.errors)
        yield Row(f"{count} {kind}, 1 in 5 hostile: looks", tried, looks.errors, looks)
    yield Row("memory of the server", 1, taken.losses(), taken)


def main() -> int:
    """Try everything, print the table, and return 1 if anything was lost."""
    begun, lost = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder))
        print(f"{'tried':<40} {'times':>6} {'lost':>6}")
        for rows in (_photos, _kills, _harms, _full_disks, _sessions):
            for row in rows(trials):
                print(f"{row.what:<40} {row.tried:>6} {len(row.lost):>6}  {row.measured}".rstrip(), flush=True)
                for each in row.lost[:5]:
                    print(f"    {each}")
                lost += len(row.lost)
    print(f"{time.monotonic() - begun:.0f} s")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
