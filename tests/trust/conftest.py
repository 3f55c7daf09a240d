"""What the tests of kills, damage and full disks share."""

from __future__ import annotations

import pytest

from tests.trust import fetching
from tests.trust.kills import Trials


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    return Trials(tmp_path_factory.mktemp("trials"))


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Trials of set-up and downloads, with a server that has what they fetch."""
    place = tmp_path_factory.mktemp("steps")
    trials = Trials(place, "prepare set-up")
    assert trials.before
    with fetching.serving(place):
        yield trials
