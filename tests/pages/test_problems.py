"""What is missing is said in the words of a visitor: no page shows a command."""

from __future__ import annotations

import re

import pytest

from benchmarks.synthetic import synthetic
from pages.shared import loading
from pipeline import storage
from pipeline.gallery import layout
from tests.pages.visitor import unescaped, visit

PAGES = ("finder", "explorer", "people", "training", "systems")
COMMAND = re.compile(r"python -m|lookslikewho |make [a-z]+\b|pip install|(?<!\w)--\w")
KINDS = ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success", "toast", "code")


def said(name: str, **query: str) -> str:
    """All that a page says."""
    page = visit(name, **query)
    assert not page.exception
    words = unescaped("\n".join(str(part.value) for kind in KINDS for part in getattr(page, kind)))
    assert words
    return words


@pytest.mark.parametrize("name", PAGES)
def test_before_the_set_up_no_page_shows_a_command(name, empty_home):
    assert not COMMAND.search(said(name))


@pytest.mark.parametrize("name", PAGES)
def test_no_page_shows_the_command_that_repairs_a_gallery(name, empty_home):
    synthetic("fine", faces=20)
    for broken, part in (("damaged", "embeddings-1.npy"), ("stale", storage.MANIFEST)):
        synthetic(broken, faces=20)
        path = layout.folder_of(broken) / part
        path.write_bytes(path.read_bytes()[:50])
        assert not COMMAND.search(said(name, gallery=broken))
    assert not COMMAND.search(said(name, gallery="no such"))


def test_without_weights_no_page_shows_a_command(small):
    (small.parent.parent / "models").unlink()
    loading.forget()
    try:
        for name in PAGES:
            assert not COMMAND.search(said(name))
    finally:
        loading.forget()
