"""On a full disk, work ends in a sentence and leaves the gallery as it was. ``make test-trust`` tries more."""

from __future__ import annotations

import pytest

from tests.trust import full_disk, work

SIZES = 6


@pytest.mark.parametrize("kind", work.KINDS)
def test_a_full_disk_is_a_sentence_and_leaves_the_gallery_as_it_was(trials, kind):
    assert full_disk.losses(trials, kind, SIZES) == []
