"""The list of photos that may be wrong, on real photos under names that a test has changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import GalleryError
from pipeline.gallery import layout, opening
from pipeline.gallery.gallery import Gallery
from pipeline.map import review
from pipeline.map.review import Doubt, DoubtKind


@pytest.fixture
def celebrities(tmp_path):
    """The celebrities of the demonstration, who have 83 photos, in a folder of their own."""
    opened = opening.open_gallery(layout.DEMONSTRATION)
    rows = np.flatnonzero(np.array(opened.faces["source"].to_pylist()) == "Five celebrities")
    return replace(opened, folder=tmp_path, faces=opened.faces.take(rows), embeddings=opened.embeddings[rows])


def of_kind(opened: Gallery, kind: DoubtKind) -> list[Doubt]:
    return [doubt for doubt in review.find_doubts(opened) if doubt.kind is kind]


def renamed(opened: Gallery, new: dict[int, str]) -> Gallery:
    """The gallery with some photos under other people."""
    keys = opened.faces["person"].to_pylist()
    for row, key in new.items():
        keys[row] = key
    place = opened.faces.schema.get_field_index("person")
    return replace(opened, faces=opened.faces.set_column(place, "person", pa.array(keys)))


def test_photos_under_their_own_names_raise_no_doubt_about_who_it_is(celebrities):
    assert of_kind(celebrities, DoubtKind.COPY) == []
    assert of_kind(celebrities, DoubtKind.SOMEBODY_ELSE) == []


def test_photos_under_another_persons_name_come_first_with_the_photo_that_speaks_against_it(celebrities):
    people = celebrities.faces["person"].to_pylist()
    other = next(key for key in people if key != people[0])
    wrong = [row for row in range(len(people)) if people[row] == people[0]][1:3]
    # Two of them, so that one of them is not alone under the wrong name.
    changed = renamed(celebrities, {wrong[0]: other, people.index(other): people[0]})
    found = of_kind(changed, DoubtKind.SOMEBODY_ELSE)
    assert {doubt.row for doubt in found} == {wrong[0], people.index(other)}
    for doubt in found:
        assert people[doubt.other] == people[doubt.row]
        assert doubt.other_distance < doubt.own_distance


def test_the_same_photo_of_two_people_is_listed_once(celebrities):
    twice = np.array([*range(len(celebrities)), 0])
    doubled = replace(celebrities, faces=celebrities.faces.take(twice), embeddings=celebrities.embeddings[twice])
    doubled = renamed(doubled, {len(celebrities): "Friends/Ann"})
    (doubt,) = of_kind(doubled, DoubtKind.COPY)
    assert (doubt.row, doubt.other) == (0, len(celebrities))
    assert doubt.other_distance == pytest.approx(0, abs=1e-5)


def test_a_photo_unlike_the_others_of_its_person_is_listed():
    opened = opening.open_gallery(layout.DEMONSTRATION)
    people = opened.faces["person"].to_pylist()
    # A politician who looks like nobody in particular, under the name of a celebrity.
    doubts = {doubt.row for doubt in review.find_doubts(opened)}
    politicians = np.flatnonzero(np.array(opened.faces["source"].to_pylist()) == "Brazilian politicians")
    row = next(row for row in politicians.tolist() if row not in doubts)
    changed = renamed(opened, {row: people[0]})
    assert row in {doubt.row for doubt in review.find_doubts(changed)} - doubts


def test_poor_photos_are_listed_the_poorest_first(celebrities):
    place = celebrities.faces.schema.get_field_index("face_side_px")
    sides = np.full(len(celebrities), 160, np.float32)
    sides[[3, 5]] = 30, 20
    poor = replace(celebrities, faces=celebrities.faces.set_column(place, "face_side_px", pa.array(sides)))
    assert [doubt.row for doubt in of_kind(poor, DoubtKind.POOR)] == [5, 3]


def test_what_was_reviewed_is_not_listed_again_and_forgotten_with_the_photo(celebrities):
    place = celebrities.faces.schema.get_field_index("face_side_px")
    sides = np.full(len(celebrities), 20, np.float32)
    poor = replace(celebrities, faces=celebrities.faces.set_column(place, "face_side_px", pa.array(sides)))
    hashes = poor.faces["sha256"].to_pylist()
    (poor.folder / review.FILE).write_text("0" * 64 + "\n")
    review.keep(poor, hashes[4])
    assert review.reviewed_photos(poor) == {hashes[4]}
    rows = {doubt.row for doubt in of_kind(poor, DoubtKind.POOR)}
    assert rows == set(range(len(poor))) - {row for row, each in enumerate(hashes) if each == hashes[4]}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_tiny_gallery_is_looked_through(celebrities, count):
    few = replace(celebrities, faces=celebrities.faces.slice(0, count), embeddings=celebrities.embeddings[:count])
    assert isinstance(review.find_doubts(few), list)


def test_a_damaged_list_says_what_to_do(celebrities):
    (celebrities.folder / review.FILE).write_bytes(b"\xff\xfe\xff")
    with pytest.raises(GalleryError, match=r"reviewed\.txt cannot be read. Delete it"):
        review.find_doubts(celebrities)
