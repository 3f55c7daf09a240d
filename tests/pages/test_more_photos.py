"""Several photos of one face on the finder, through Streamlit's own test runner: real networks, real photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pages.shared.more_photos import PHOTOS_MAX
from pipeline import photo
from pipeline.embedding.base import unit
from pipeline.lookalikes import Models
from tests.conftest import beside, encoded
from tests.pages.test_finder import given, names
from tests.pages.visitor import go_to, unescaped, visit


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    """The page takes the networks of the other tests, so that they are loaded once."""
    monkeypatch.setattr(Models, "load", lambda: models)


@pytest.fixture
def page(madonna):
    """The finder with the result of a photo of Madonna."""
    return given(visit(), madonna)


def bytes_of(some):
    return some.read_bytes() if isinstance(some, Path) else encoded(some)


def add(page, *photos):
    """The page after more photos of the same face were uploaded at once."""
    files = [(f"{place}.jpg", bytes_of(some), "image/jpeg") for place, some in enumerate(photos)]
    return page.file_uploader[1].set_value(files).run()


def said(page):
    assert not page.exception
    return [unescaped(text.value) for text in (*page.markdown, *page.caption)]


def labels(page, word):
    return [button.label for button in page.button if button.label.startswith(word)]


def test_three_photos_of_one_face_are_looked_up_as_one(page, examples, embed, madonna):
    first = names(page)
    paths = [madonna, *examples["Madonna"][2:4]]
    add(page, *paths[1:])
    assert "3 photos of one face" in said(page)
    assert labels(page, "Remove") == ["Remove photo 1", "Remove photo 2", "Remove photo 3", "Remove all photos"]
    mean = unit(np.mean([embed(photo.read(path)) for path in paths], axis=0))
    assert page.session_state.probe.embedding == pytest.approx(mean, abs=1e-5)
    assert names(page)[0] == "Madonna"
    assert names(page) != first


def test_one_photo_shows_nothing_of_several(page):
    assert not any("of one face" in text for text in said(page))
    assert labels(page, "Remove") == ["Remove this photo"]
    assert labels(page, "Add another") == ["Add another photo"]


def test_a_group_photo_counts_with_the_face_that_is_nearest(page, examples, embed):
    group = beside(*(photo.read(examples[name][2])[:200, :200] for name in ("Elton John", "Madonna")))
    add(page, group)
    assert "2 photos of one face" in said(page)
    alone = embed(photo.read(examples["Madonna"][2])[:200, :200])
    (more,) = page.session_state["more photos"]
    assert more.measured.probe.embedding @ alone > 0.95


def test_somebody_else_is_left_out_until_the_visitor_says_that_it_is_the_same_face(page, examples):
    before = page.session_state.probe
    add(page, examples["Elton John"][1])
    assert any("Photo 2 seems to show somebody else and is left out" in text for text in said(page))
    assert page.session_state.probe is before
    page.button(key="use 2").click().run()
    assert "2 photos of one face" in said(page)
    assert page.session_state.probe is not before
    assert labels(page, "Use") == []


def test_a_photo_that_cannot_be_used_says_why_and_the_others_count(page, examples):
    sky = np.tile(np.linspace(60, 200, 400, dtype=np.uint8)[:, None, None], (1, 600, 3))
    add(page, sky, examples["Madonna"][2])
    assert any(text.count("Photo 2 is not used. No face was found.") for text in said(page))
    assert "2 photos of one face" in said(page)
    page.file_uploader[1].set_value([("diary.jpg", b"Dear diary", "image/jpeg")]).run()
    assert any("Photo 4 is not used. This is not a photo." in text for text in said(page))
    assert names(page)[0] == "Madonna"


def test_a_photo_can_be_removed_and_without_the_first_the_next_is_the_first(page, examples, embed):
    add(page, examples["Elton John"][1], examples["Madonna"][2], examples["Madonna"][3])
    page.button(key="remove 4").click().run()
    assert "2 photos of one face" in said(page)
    page.button(key="remove 1").click().run()
    assert not page.exception
    second = embed(photo.read(examples["Madonna"][2]))
    assert page.session_state.probe.embedding == pytest.approx(second, abs=1e-5)
    assert any("seems to show somebody else" in text for text in said(page))
    page.button(key="remove 2").click().run()
    assert not any("of one face" in text or "first photo" in text for text in said(page))
    assert names(page)[0] == "Madonna"


def test_the_face_of_a_group_that_was_nearest_stays_chosen_when_the_group_becomes_the_first(page, examples, embed):
    group = beside(*(photo.read(examples[name][2])[:200, :200] for name in ("Elton John", "Madonna")))
    add(page, group)
    page.button(key="remove 1").click().run()
    assert names(page)[0] == "Madonna"
    faces = page.session_state.looked.faces
    chosen = page.segmented_control(key=page.session_state.looked.face_key).value
    assert faces[chosen - 1].centre[0] > 200


def test_another_photo_begins_anew_and_removing_all_leaves_nothing(page, examples):
    add(page, examples["Madonna"][2])
    given(page, examples["Elton John"][1], "new.jpg")
    assert names(page)[0] == "Elton John"
    assert not any("of one face" in text for text in said(page))
    assert "more photos" not in page.session_state
    add(page, examples["Elton John"][2])
    page.button(key="remove").click().run()
    assert names(page) == []
    for key in ("given", "looked", "more photos", "photos as one"):
        assert key not in page.session_state


def test_no_photo_counts_twice_and_there_are_not_more_than_enough(page, madonna, examples):
    add(page, madonna)
    assert not any("of one face" in text for text in said(page))
    assert [toast.value for toast in page.toast] == ["You have already given this photo."]
    others = [picture for path in examples["Madonna"] for picture in (photo.read(path), photo.read(path)[:, ::-1])]
    add(page, *others)
    assert len(page.session_state["more photos"]) == PHOTOS_MAX - 1
    assert f"{PHOTOS_MAX} photos are enough. The others were left out." in [toast.value for toast in page.toast]
    assert labels(page, "Add another") == []


def test_a_photo_from_the_webcam_is_added_if_one_more_was_asked_for(page, examples):
    page.button(key="add another").click().run()
    page.segmented_control(key="way").select("Webcam").run()
    page.camera_input[0].upload("camera.jpg", examples["Madonna"][2].read_bytes(), "image/jpeg").run()
    assert "2 photos of one face" in said(page)
    assert not page.camera_input
    page.button(key="add another").click().run()
    assert page.camera_input[0].value is None


def test_a_pasted_photo_is_added_if_one_more_was_asked_for(page, examples):
    page.button(key="add another").click().run()
    given(page, examples["Madonna"][2], "pasted.jpg")
    assert "2 photos of one face" in said(page)
    given(page, examples["Elton John"][1], "next.jpg")
    assert names(page)[0] == "Elton John"


def test_the_other_face_of_a_group_looks_for_itself_in_the_other_photos(examples, embed):
    people = ("Elton John", "Madonna")
    first, second = (beside(*(photo.read(examples[name][k])[:200, :200] for name in people)) for k in (1, 2))
    page = given(visit(), first)
    add(page, second)
    for number in (1, 2):
        page.button(key=f"tap-face-{number}").click().run()
        assert "2 photos of one face" in said(page)
        (more,) = page.session_state["more photos"]
        ours, theirs = (page.session_state.looked.faces[number - 1], more.found.faces[more.measured.number - 1])
        assert (ours.centre[0] > 200) == (theirs.centre[0] > 200)


def test_the_explorer_shows_the_face_of_all_photos(page, examples):
    add(page, examples["Madonna"][2])
    one = page.session_state.probe
    go_to(page, "explorer")
    assert not page.exception
    assert page.session_state.probe is one
