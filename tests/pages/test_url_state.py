"""Addresses that do not fit: said once, cleaned, and never an error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.url_state import PARAMETERS
from pipeline.gallery import managing
from pipeline.lookalikes import Models
from tests.pages.test_explorer import made
from tests.pages.visitor import visit

PAGES = ("finder", "explorer", "people", "training", "systems")
GENERAL = "Parts of this link don't fit here and were left out."
FACE = PARAMETERS["face"].complaint
ODD = (
    "",
    "0" * 5000,
    "-1",
    "١",
    "1.5",
    "1\x00",
    "\x1b[31m",
    "\ud7ff\u202e",
    "nan",
    "1e999",
    "none",
    "a" * 20_000,
    "<b>",
)


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    """The pages take the networks of the other tests, so that they are loaded once."""
    monkeypatch.setattr(Models, "load", lambda: models)


def told(page: AppTest) -> list[str]:
    assert not page.exception
    return [toast.value for toast in page.toast]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"face": "9" * 5000}, FACE),
        ({"face": "99999"}, FACE),
        ({"face": "you"}, FACE),
        ({"face": ["5", "6"]}, FACE),
        ({"face": ""}, FACE),
        ({"face": "5", "other": "99999"}, PARAMETERS["other"].complaint),
        ({"other": "5"}, PARAMETERS["other"].complaint),
        ({"area": "1,2"}, PARAMETERS["area"].complaint),
        ({"area": "0,0 1,1 nan,1"}, PARAMETERS["area"].complaint),
        ({"area": "0,0 " * 5000}, PARAMETERS["area"].complaint),
        ({"layout": "none"}, PARAMETERS["layout"].complaint),
        ({"colour": "Cluster\x00"}, PARAMETERS["colour"].complaint),
        ({"hidden": "Nobody"}, PARAMETERS["hidden"].complaint),
        ({"colour": "Quality", "hidden": "Five celebrities"}, PARAMETERS["hidden"].complaint),
        ({"gallery": "nosuch"}, PARAMETERS["gallery"].complaint),
        ({"gallery": "a" * 5000}, PARAMETERS["gallery"].complaint),
        ({"face": "x", "area": "y"}, GENERAL),
        ({"runs": "recorded/cohort"}, GENERAL),
    ],
)
def test_what_does_not_fit_the_explorer_is_said_once_and_cleaned(query, complaint):
    page = visit("explorer", **query)
    assert told(page) == [complaint]
    assert {name: query[name] for name in page.query_params} in ({}, {"face": "5"}, {"colour": "Quality"})
    assert told(page.run()) == []


def test_what_fits_beside_what_does_not_is_kept():
    page = visit("explorer", face="5", other="x", layout="PCA", colour="nothing", utm_source="a friend")
    assert told(page) == [GENERAL]
    assert page.query_params == {"face": "5", "layout": "PCA", "utm_source": "a friend"}
    assert page.segmented_control(key="layout").value == "PCA"


def test_the_face_of_a_gallery_that_is_gone_is_not_that_of_another():
    page = visit("explorer", gallery="nosuch", face="5", other="6", area="0,0 1,0 1,1", hidden="x")
    assert told(page) == [PARAMETERS["gallery"].complaint]
    assert page.query_params == {}
    assert page.metric


def test_a_face_is_let_go_when_somebody_deletes_its_gallery(empty_home):
    made(20, "few")
    made(30, "more")
    page = visit("explorer", gallery="more", face=3)
    assert told(page) == []
    managing.delete_gallery("more")
    assert told(page.run()) == []
    assert page.query_params == {}
    assert "The gallery more was deleted" in page.markdown[-1].value


@pytest.mark.parametrize("page", PAGES)
def test_no_odd_address_is_an_error_on_any_page_and_all_are_cleaned(page):
    for value in ODD:
        shown = visit(page, **dict.fromkeys(PARAMETERS, value))
        assert 1 <= len(told(shown)) <= 3
        assert not set(shown.query_params) - {"runs", "filter", "measures", "hidden"}
        assert told(shown.run()) == []


@pytest.mark.parametrize("page", PAGES)
def test_parameters_of_other_pages_are_said_and_cleaned(page):
    name = "runs" if page == "explorer" else "face"
    shown = visit(page, **{name: "recorded/cohort" if page == "explorer" else "5"})
    assert told(shown) == [GENERAL]
    assert name not in shown.query_params


@pytest.mark.parametrize(
    ("query", "complaint", "kept"),
    [
        ({"runs": "nobody"}, PARAMETERS["runs"].complaint, {}),
        ({"runs": "recorded/cohort,nobody"}, PARAMETERS["runs"].complaint, {"runs": "recorded/cohort"}),
        ({"runs": ["recorded/cohort", "recorded/published"]}, PARAMETERS["runs"].complaint, {}),
        ({"filter": ["loss: triplet", "loss: none"]}, PARAMETERS["filter"].complaint, {"filter": "loss: triplet"}),
        ({"view": "Nothing"}, GENERAL, {}),
        ({"along": "Space"}, GENERAL, {}),
        ({"smoothing": "nan"}, GENERAL, {}),
        ({"smoothing": "5"}, GENERAL, {}),
        ({"smoothing": "1e999"}, GENERAL, {}),
        ({"logarithmic": "maybe"}, GENERAL, {}),
        ({"trained": ""}, GENERAL, {}),
        ({"measures": ["Rank-5", "Rank-6"]}, GENERAL, {"measures": "Rank-5"}),
        ({"grouped": "weather"}, GENERAL, {}),
        ({"measures": ""}, None, {"measures": ""}),
        ({"runs": ""}, None, {"runs": ""}),
        ({"smoothing": "0.5", "view": "Curves"}, None, {"smoothing": "0.5"}),
    ],
)
def test_what_does_not_fit_the_training_page_is_said_once_and_cleaned(query, complaint, kept):
    page = visit("training", **query)
    assert told(page) == ([complaint] if complaint else [])
    assert page.query_params == kept
    assert told(page.run()) == []


def test_a_parameter_is_declared_for_every_one_that_a_widget_or_a_page_reads():
    text = "".join(path.read_text() for path in (Path(__file__).parents[2] / "pages").rglob("*.py"))
    bound = set(re.findall(r'key="(\w+)",\s*bind="query-params"', text))
    read = set(re.findall(r'query_params(?:\.get|\.get_all)?[(\[]"(\w+)"', text))
    assert bound | read <= set(PARAMETERS)
    assert len(bound) > 5 and len(read) > 3
