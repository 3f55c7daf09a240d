"""A face in a box that the visitor has drawn, as the finder takes it. The browser tests draw it."""

from __future__ import annotations

import pytest

from pages.shared.given_photo import _keep_drawn
from pipeline import photo
from pipeline.lookalikes import Models
from tests.conftest import half_hidden
from tests.pages.test_finder import given, names
from tests.pages.visitor import visit


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    monkeypatch.setattr(Models, "load", lambda: models)


def drawn(page, box):
    """The page after a box, in shares of the picture, was drawn."""
    found = page.session_state.looked
    height, width = found.shown.shape[:2]
    _keep_drawn(found, (box[0] * width, box[1] * height, box[2] * width, box[3] * height))
    return page.run()


def test_without_a_face_the_visitor_can_mark_one(madonna, models):
    picture = photo.read(madonna)
    face = models.faces(picture)[0]
    page = given(visit(), half_hidden(picture, face))
    assert page.error[0].value.startswith("No face was found")
    page.button(key="mark").click().run()
    assert not page.exception
    assert "mark" not in [button.key for button in page.button]
    page.session_state["photo being marked"] = None
    height, width = picture.shape[:2]
    x, y, across, down = face.box
    drawn(page, (x / width, y / height, across / width, down / height))
    assert not page.exception
    assert not page.error
    assert len(names(page)) == 9
    assert len(page.session_state.looked.faces) == 1


def test_a_box_around_another_place_adds_a_face_and_chooses_it(madonna, models):
    page = given(visit(), madonna)
    before = page.session_state.probe
    face = page.session_state.looked.faces[0]
    height, width = photo.read(madonna).shape[:2]
    x, y, across, down = face.box
    drawn(page, (x / width + 0.02, y / height, across / width, down / height))
    assert not page.exception
    assert len(page.session_state.looked.faces) == 2
    assert page.segmented_control(key=page.session_state.looked.face_key).value == 2
    assert page.session_state.probe is not before
    assert names(page)[0] == "Madonna"
    page.button(key="tap-face-1").click().run()
    assert page.session_state.probe is before


def test_a_box_that_is_too_small_says_so_and_another_can_be_drawn(madonna):
    page = given(visit(), madonna)
    drawn(page, (0.4, 0.4, 0.04, 0.05))
    assert "pixels high" in page.error[0].value
    assert "mark" in [button.key for button in page.button]


def test_marking_can_be_given_up_and_ends_with_another_photo(madonna, examples):
    page = given(visit(), madonna)
    page.button(key="choose another").click().run()
    next(button for button in page.button if button.label == "Wrong face? Mark yours").click().run()
    assert page.session_state["photo being marked"] == page.session_state.given.key
    assert len(names(page)) == 9
    given(page, examples["Elton John"][1], "next.jpg")
    assert not page.exception
    assert names(page)[0] == "Elton John"
    assert page.session_state["photo being marked"] != page.session_state.given.key
