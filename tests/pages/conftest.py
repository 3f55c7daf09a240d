"""Fixtures of the page tests."""

from __future__ import annotations

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import app_test


class _VisitedPages(PagesManager):
    """``AppTest`` resets the attribute of this class instead of Streamlit's."""


@pytest.fixture
def _router_has_run(monkeypatch):
    """The state of a server after its first visit: every run goes through the router at once."""
    monkeypatch.setattr(app_test, "PagesManager", _VisitedPages)
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)


@pytest.fixture(autouse=True)
def _visited_server(request):
    if "fresh_server" not in request.fixturenames:
        request.getfixturevalue("_router_has_run")


@pytest.fixture
def fresh_server():
    """A server that nobody has visited."""
