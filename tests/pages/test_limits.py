"""The limits of a server and what holds visitors to them."""

from __future__ import annotations

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from pages.shared import limits as module
from pages.shared import streamlit_fixes
from pages.shared.limits import BusyError, Limits, Rate, limits
from pipeline.errors import UserError
from pipeline.lookalikes import Models
from tests.pages.test_finder import given, names
from tests.pages.visitor import visit


@pytest.fixture(autouse=True)
def _as_on_a_new_server():
    yield
    limits.cache_clear()
    module._rates.cache_clear()


def set_limits(monkeypatch, text: str) -> None:
    monkeypatch.setenv(module.VARIABLE, text)
    limits.cache_clear()
    module._rates.cache_clear()


def test_limits_come_from_the_environment_and_the_rest_stays(monkeypatch):
    set_limits(monkeypatch, "photos_a_minute=7, looks_at_once=3")
    assert limits() == Limits(photos_a_minute=7, looks_at_once=3)


@pytest.mark.parametrize("text", ["photos=7", "photos_a_minute", "photos_a_minute=many", "looks_at_once=0"])
def test_limits_that_make_no_sense_are_named(text, monkeypatch):
    set_limits(monkeypatch, text)
    with pytest.raises(UserError, match=text.partition("=")[0]):
        limits()


def test_a_rate_holds_within_a_minute_for_each_key(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("pages.shared.limits.time.monotonic", lambda: now[0])
    rate = Rate(2)
    rate.count("a")
    now[0] += 40
    rate.count("a")
    rate.count("b")
    with pytest.raises(BusyError, match="in 20 seconds"):
        rate.count("a")
    now[0] += 21
    rate.count("a")
    now[0] += 100
    rate.count("c")
    assert set(rate._times) == {"c"}


def test_a_session_that_gives_too_many_photos_is_asked_to_wait_and_loses_none(monkeypatch, models, examples):
    monkeypatch.setattr(Models, "load", lambda: models)
    set_limits(monkeypatch, "photos_a_minute=1")
    page = given(visit(), examples["Madonna"][1])
    assert names(page)[0] == "Madonna"
    given(page, examples["Elton John"][1])
    assert names(page) == []
    assert [heading.value for heading in page.subheader] == [":material/hourglass_top: One moment"]
    assert any("Try again in" in text.value for text in page.markdown)
    set_limits(monkeypatch, "")
    next(button for button in page.button if button.label == "Check again").click().run()
    assert names(page)[0] == "Elton John"


def test_the_oldest_uploads_of_a_session_go_when_it_keeps_too_much(monkeypatch):
    set_limits(monkeypatch, "megabytes_kept=50")
    streamlit_fixes.keep_uploads_small()
    uploads = MemoryUploadedFileManager("/upload")
    for number in range(4):
        uploads.add_file("one", UploadedFileRec(str(number), "photo.jpg", "image/jpeg", bytes(20 * 10**6)))
        uploads.add_file("other", UploadedFileRec("0", "photo.jpg", "image/jpeg", bytes(10**6)))
    assert list(uploads.file_storage["one"]) == ["2", "3"]
    assert list(uploads.file_storage["other"]) == ["0"]
