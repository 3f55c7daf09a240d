"""A damaged artefact is found, and neither ends a process nor changes an answer. ``make test-trust`` harms more."""

from __future__ import annotations

import pytest

from tests.trust import damage
from tests.trust.kills import Trials

HARMS = 24


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    return Trials(tmp_path_factory.mktemp("trials"))


@pytest.mark.parametrize("artefact", damage.ARTEFACTS)
def test_harm_to_an_artefact_is_found_or_mended(trials, artefact):
    assert damage.losses(trials, artefact, HARMS) == []
