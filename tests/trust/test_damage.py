"""A damaged artefact is found, and neither ends a process nor changes an answer. ``make test-trust`` harms more."""

from __future__ import annotations

import pytest

from pipeline import arrays
from tests.trust import damage

HARMS = 24


@pytest.mark.parametrize("artefact", ["rows", "embeddings", "prepared rows"])
@pytest.mark.parametrize(
    ("mapped_min", "expected"), [(arrays.MAPPED_MIN_BYTES, "answered as before"), (0, "refused")]
)
def test_a_file_that_is_cut_off_while_a_gallery_is_open_ends_no_process(trials, artefact, mapped_min, expected):
    """Small files are in memory; of large ones, the size is looked at first."""
    assert damage.cut_while_open(trials, artefact, mapped_min=mapped_min) == expected


@pytest.mark.parametrize("artefact", damage.ARTEFACTS)
def test_harm_to_an_artefact_is_found_or_mended(trials, artefact):
    assert damage.losses(trials, artefact, HARMS) == []


@pytest.mark.parametrize("artefact", damage.SERVED)
def test_a_file_that_is_replaced_while_a_gallery_is_open_changes_no_answer(trials, artefact):
    assert damage.losses_where_replaced(trials, artefact, HARMS) == []
