"""The map of a gallery of more faces than a map may have: an even sample of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipeline.gallery.details import Details
from pipeline.map import fitting, sample
from pipeline.map.files import open_map, save_map
from tests.conftest import unit_rows


@pytest.fixture
def few(monkeypatch):
    """As if a map had 40 faces at most."""
    monkeypatch.setattr(sample, "FACES_MAX", 40)


def test_every_face_is_on_the_map_up_to_a_million_and_beyond_that_as_many_at_equal_steps():
    assert sample.rows_on_map(1_000_000).tolist() == list(range(1_000_000))
    rows = sample.rows_on_map(10_000_000)
    assert len(rows) == 1_000_000
    assert (rows[0], rows[-1]) == (0, 9_999_999)
    assert set(np.diff(rows).tolist()) <= {10, 11}


def test_the_map_of_a_sample_is_that_of_a_gallery_of_these_faces(made, few):
    rows = sample.rows_on_map(60)
    assert len(set(made.person_of_row[rows].tolist())) == made.people_count
    fitted = fitting.fit_map(made)
    alone = fitting.fit_map(made.part(rows))
    for name, layout in fitted.layouts.items():
        assert np.array_equal(layout.places, alone.layouts[name].places)
    save_map(made, fitted)
    assert len(open_map(made).clusters) == 40


def test_a_part_has_its_own_people_with_what_is_known_of_them(made):
    keys = [made.row(row)["person"] for row in made.first_rows.tolist()]
    known = pa.table({"person": keys, "born": pa.array(range(len(keys)), pa.float64())})
    # Faces of the last person come first here, and the second one has none.
    order = np.concatenate([np.arange(55, 60), np.arange(55)])
    mixed = replace(made, faces=made.faces.take(order), embeddings=unit_rows(60, 128)[order])
    people = [mixed.row(row)["person"] for row in mixed.first_rows.tolist()]
    mixed = replace(mixed, details=Details(people=known.take([keys.index(key) for key in people])))
    kept = np.flatnonzero(mixed.person_of_row != 2)[::3]
    part = mixed.part(kept)
    assert len(part) == len(kept)
    assert part.people_count == mixed.people_count - 1
    for row, whole in enumerate(kept.tolist()):
        assert part.row(row) == mixed.row(whole)
        assert np.array_equal(part.embeddings[row], mixed.embeddings[whole])
        number = mixed.columns.numbers("born")[mixed.person_of_row[whole]]
        assert part.columns.numbers("born")[part.person_of_row[row]] == number
