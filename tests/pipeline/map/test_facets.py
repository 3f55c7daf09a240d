"""Filters of the map: what faces can be filtered by, and which ones fit."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import GalleryError
from pipeline.gallery import layout, opening
from pipeline.gallery.columns import Condition, Texts
from pipeline.map import facets
from pipeline.map.facets import Categories, Numbers
from pipeline.map.files import open_map


@pytest.fixture(scope="module")
def real():
    opened = opening.open_gallery(layout.DEMONSTRATION)
    return opened, facets.facets_of(opened, open_map(opened))


def test_a_gallery_without_columns_has_its_source_and_what_is_measured(real):
    opened, found = real
    assert list(found) == ["source", "quality", "face size", "photos a person"]
    counts = found["source"].counts(np.ones(len(opened), bool))
    assert dict(zip(found["source"].texts, counts.tolist(), strict=True)) == {
        "Basketball players": 370,
        "Brazilian politicians": 608,
        "Five celebrities": 83,
    }


def test_faces_fit_a_text_or_a_range_and_several_conditions_at_once(real):
    opened, found = real
    sources = np.array(opened.faces["source"].to_pylist())
    celebrities = facets.mask_of(found, [Condition.parse("source=Five celebrities")], len(opened))
    assert (celebrities == (sources == "Five celebrities")).all()
    two = facets.mask_of(found, [Condition.parse("source=Five celebrities|Basketball players")], len(opened))
    assert two.sum() == 453
    sizes = opened.faces["face_side_px"].to_numpy()
    large = facets.mask_of(
        found, [Condition.parse("face size=200.."), Condition.parse("photos a person=1")], len(opened)
    )
    several = np.bincount(opened.person_of_row)[opened.person_of_row] > 1
    assert (large == ((sizes >= 200) & ~several)).all()


@pytest.mark.parametrize("text", ["source=nowhere", "quality=good", "occupation=actor", "quality=1..2|x"])
def test_a_condition_that_does_not_fit_the_map_is_refused(real, text):
    opened, found = real
    with pytest.raises(GalleryError):
        facets.mask_of(found, [Condition.parse(text)], len(opened))


def test_a_histogram_counts_all_faces_and_those_that_are_shown():
    random = np.random.default_rng(0)
    numbers = Numbers("born", random.uniform(1900, 2000, 500).astype(np.float32))
    numbers.values[:20] = np.nan
    shown = random.random(500) < 0.3
    every, some = numbers.histogram(shown)
    assert every.sum() == 480
    assert some.sum() == shown[20:].sum()
    assert (some <= every).all()
    assert not numbers.mask(Condition.parse("born=1900..2000"))[:20].any()


def test_a_person_of_several_texts_fits_each_of_them():
    # Three people: two texts, none, one; five faces of them.
    texts = Texts(["actor", "singer"], np.array([0, 2, 0]), np.array([1, 0, 0]))
    people = np.array([2, 0, 0, 1, 0], np.int32)
    occupation = facets._of_people("occupation", texts, people)
    assert isinstance(occupation, Categories)
    assert occupation.mask(Condition.parse("occupation=actor")).tolist() == [True, True, True, False, True]
    assert occupation.mask(Condition.parse("occupation=singer")).tolist() == [False, True, True, False, True]
    assert occupation.counts(np.array([True, True, False, True, True])).tolist() == [3, 2]


def test_what_all_faces_share_is_no_filter():
    assert not facets._tells_apart(Numbers("year", np.array([np.nan, 3, 3], np.float32)))
    assert not facets._tells_apart(Numbers("year", np.array([np.nan, np.nan], np.float32)))
    assert not facets._tells_apart(Categories("source", ["one"], np.arange(2), np.zeros(2, int), 2))
