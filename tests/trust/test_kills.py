"""A killed process leaves a gallery as it was or as it was to be, and nothing else. `make test-trust` kills more."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import unit_rows
from tests.trust import work
from tests.trust.kills import traces

KILLS, KILLS_OF_STEPS = 5, 2


@pytest.mark.parametrize("kind", work.KINDS)
def test_a_kill_loses_nothing_and_leaves_nothing_behind(trials, kind):
    whole = trials.reference(kind)
    for at in np.unique(np.linspace(1, whole.changes, KILLS, dtype=int)).tolist():
        assert trials.losses(kind, at=at) == [], f"killed at change {at} of {whole.changes}"
    assert trials.losses(kind, seconds=whole.seconds / 2) == []


@pytest.mark.parametrize("kind", work.STEPS)
def test_a_killed_step_is_done_or_not_and_the_next_run_ends_as_the_first_would_have(steps, kind):
    whole = steps.reference(kind)
    for at in np.linspace(1, whole.changes, KILLS_OF_STEPS + 1, dtype=int)[1:].tolist():
        assert steps.losses(kind, at=at) == [], f"killed at change {at} of {whole.changes}"
    assert steps.losses(kind, seconds=whole.seconds * 0.8) == []


@pytest.mark.parametrize(
    ("kind", "seeds"), [("remove a person", (510, 511)), ("remove a photo", (510,)), ("delete", (500, 501, 510, 511))]
)
def test_no_byte_of_what_is_removed_stays_on_the_disk(trials, kind, seeds):
    shown = [work.picture(seed) for seed in seeds] + [work.picture(seed + 1000) for seed in seeds]
    rows = [np.ascontiguousarray(unit_rows(1, seed, 192)[0]).tobytes() for seed in seeds]
    for trace in (*shown, *rows):
        assert traces(trials.before, trace)
    after = trials.reference(kind).after
    assert not traces(after, *shown, *rows)
    if kind != "remove a photo":
        assert not traces(after, b"Fay")
