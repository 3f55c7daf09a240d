"""The map of another gallery with the same photos beside a map."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.synthetic import synthetic
from pages.shared import scatter
from pages.shared.explorer import beside
from pages.shared.explorer.prepared import prepared_map
from pipeline.gallery import managing, opening, removing
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Models
from pipeline.map import fitting
from pipeline.map.counterparts import same_faces
from pipeline.map.files import map_path, open_map, save_map
from tests.pages.visitor import visit


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    """The page takes the networks of the other tests, so that they are loaded once."""
    monkeypatch.setattr(Models, "load", lambda: models)


def made(name: str, faces: int, **options) -> Gallery:
    synthetic(name, faces, **options)
    return drawn(name)


def drawn(name: str) -> Gallery:
    opened = opening.open_gallery(name)
    save_map(opened, fitting.fit_map(opened))
    return opened


@pytest.fixture
def pair(home) -> tuple[Gallery, Gallery]:
    """The same sixty photos by two embedders, without one person in the second gallery."""
    first = made("first", 60)
    made("second", 60, embedder="facenet")
    removing.remove_person("second", "person 2")
    return first, drawn("second")


def test_a_map_of_the_same_photos_is_offered_and_shows_each_face_where_it_is_there(pair):
    first, second = pair
    assert beside.titles(first) == {"Map of second": "second"}
    found = beside.open_beside(prepared_map(first), "Map of second", beside.titles(first))
    assert found
    gone = np.flatnonzero(~found.known).tolist()
    assert gone == list(range(20, 30))
    places = next(iter(open_map(second).layouts.values())).places
    keys = second.faces["sha256"].to_pylist()
    for row in np.flatnonzero(found.known).tolist():
        assert (found.layout.places[row] == places[keys.index(first.row(row)["sha256"])]).all()
    assert len(found.points.places["Map of second"]) > len(bytes([scatter._PLACES]))


def test_rows_are_matched_by_person_and_photo(pair):
    first, second = pair
    rows = same_faces(second, first)
    assert [first.row(row)["sha256"] for row in rows.tolist()] == second.faces["sha256"].to_pylist()
    assert (same_faces(first, second)[20:30] == -1).all()


def test_maps_of_other_photos_are_not_offered(pair):
    first, _ = pair
    made("few", 20)
    managing.copy_gallery("first", "without map")
    map_path(opening.open_gallery("without map")).unlink()
    assert beside.titles(first) == {"Map of second": "second"}


@pytest.mark.parametrize("face", [None, 0, 25])
def test_the_page_shows_both_maps_also_where_the_chosen_face_is_on_one_of_them(pair, face):
    chosen = {} if face is None else {"face": str(face)}
    page = visit("explorer", gallery="first", beside="Map of second", colour="Moved", **chosen)
    assert not page.exception and not page.toast
    assert page.selectbox(key="beside").value == "Map of second"


def test_the_map_of_a_deleted_gallery_is_dropped_from_the_address(pair):
    managing.delete_gallery("second")
    page = visit("explorer", gallery="first", beside="Map of second")
    assert not page.exception
    assert [toast.value for toast in page.toast] == ["This map has no layout as in this link."]
