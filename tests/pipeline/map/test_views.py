"""Saved views of a map."""

from __future__ import annotations

import pytest

from pipeline.errors import GalleryError
from pipeline.map import views
from pipeline.map.views import SavedView

ANN = SavedView("Ann's corner", "Look at the twins", {"face": ["3"], "where": ["quality=0.5..1", "source=A|B"]}, "d1")


def test_views_are_read_as_they_were_saved_replaced_and_deleted(tmp_path):
    assert views.read(tmp_path) == []
    other = SavedView("All", "", {}, "")
    views.save(tmp_path, ANN)
    views.save(tmp_path, other)
    assert views.read(tmp_path) == [ANN, other]
    changed = SavedView(ANN.name, "", {"face": ["4"]}, "d2")
    views.save(tmp_path, changed)
    assert views.read(tmp_path) == [other, changed]
    views.delete(tmp_path, "All")
    views.delete(tmp_path, "nobody")
    assert views.read(tmp_path) == [changed]


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '{"views": [1, {"name": "x"}, {"name": 1, "note": 2, "address": 3}]}']
)
def test_a_damaged_file_has_no_views_and_can_be_saved_again(tmp_path, text):
    (tmp_path / views.FILE).write_text(text)
    assert views.read(tmp_path) == []
    views.save(tmp_path, ANN)
    assert views.read(tmp_path) == [ANN]


def test_there_is_an_end_to_saving(tmp_path, monkeypatch):
    monkeypatch.setattr(views, "VIEWS_MAX", 2)
    for name in "ab":
        views.save(tmp_path, SavedView(name, "", {}, ""))
    views.save(tmp_path, SavedView("b", "again", {}, ""))
    with pytest.raises(GalleryError, match="Delete one first"):
        views.save(tmp_path, ANN)
