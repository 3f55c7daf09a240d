"""A process that is killed while a gallery and its collection change leaves what the next opening mends."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trust import work
from tests.trust.kills import Trials, run

pytestmark = pytest.mark.slow

KILLS = 3


@pytest.fixture(scope="module")
def trials_in_milvus(tmp_path_factory):
    return Trials(tmp_path_factory.mktemp("trials"), "prepare in Milvus")


@pytest.mark.parametrize("kind", work.IN_MILVUS)
def test_the_next_opening_finds_and_mends_what_a_kill_has_left(trials_in_milvus, kind):
    whole = trials_in_milvus.reference(kind)
    for at in np.unique(np.linspace(1, whole.changes, KILLS + 1, dtype=int))[1:].tolist():
        trials_in_milvus.reset()
        run(kind, trials_in_milvus.home, at=at)
        # Raises if a collection differs from its gallery.
        assert run("check in Milvus", trials_in_milvus.home), f"killed at change {at} of {whole.changes}"
