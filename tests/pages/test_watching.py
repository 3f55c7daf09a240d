"""A gallery that is gone answers nobody, nor does another one in its place, and nothing of it stays in memory."""

from __future__ import annotations

import gc
import time

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.synthetic import synthetic
from pages.shared import watching
from pipeline.gallery import managing, opening, removing
from pipeline.gallery.gallery import Gallery
from tests.pages.visitor import unescaped, visit


def said(page: AppTest) -> str:
    assert not page.exception
    return " ".join(unescaped(each.value) for each in [*page.subheader, *page.markdown, *page.caption])


@pytest.fixture
def served(empty_home, models, monkeypatch):
    """Two galleries, and a visitor whom the second one has answered."""
    monkeypatch.setattr("pipeline.lookalikes.Models.load_for", lambda gallery: models)
    for count, name in ((20, "few"), (40, "more")):
        synthetic(name, faces=count)
    page = visit("people", gallery="more")
    assert "more · 40 photos" in said(page)
    return page


def test_a_session_of_a_deleted_gallery_is_told_so_and_goes_on_when_it_is_there_again(served):
    managing.delete_gallery("more")
    for _ in range(2):
        served.run()
        assert "The gallery more was deleted, or is being built anew" in said(served)
        assert "few ·" not in said(served)
    synthetic("more", faces=60)
    served.run()
    assert "more · 60 photos" in said(served)


def test_nothing_of_a_gallery_that_another_process_changes_stays_in_memory(served):
    def held() -> list[int]:
        gc.collect()
        return [len(each) for each in gc.get_objects() if isinstance(each, Gallery) and each.name == "more"]

    assert 40 in held()
    removing.remove_person("more", opening.open_gallery("more").row(0)["person"])
    _wait_until(lambda: 40 not in held())
    served.run()
    managing.delete_gallery("more")
    _wait_until(lambda: not held())


def _wait_until(done, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(watching.SECONDS / 4)
