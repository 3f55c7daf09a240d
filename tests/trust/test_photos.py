"""Photos made to do harm cost little and end no process. ``make test-trust`` sends 100,000."""

from __future__ import annotations

import pytest

from tests.trust import photos

COUNT = 60


@pytest.mark.parametrize("kind", photos.KINDS)
def test_mutated_photos_cost_little_and_fail_in_a_sentence(kind):
    lost, _ = photos.losses(kind, COUNT)
    assert lost == []


@pytest.mark.parametrize("bomb", ["JPEG of many scans", "large CMYK JPEG"])
def test_a_bomb_costs_no_more_than_a_photo_may(bomb):
    lost, _ = photos.losses(bomb, 1)
    assert lost == []
