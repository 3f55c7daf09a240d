"""What the tests of kills, damage and full disks share."""

from __future__ import annotations

import pytest

from tests.trust.kills import Trials


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    return Trials(tmp_path_factory.mktemp("trials"))
