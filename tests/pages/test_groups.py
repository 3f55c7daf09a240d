"""Columns of a gallery on the pages: whom to compare with, who somebody is, whose a photo is, filters and colours."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import about, groups
from pipeline.gallery import building, opening
from pipeline.lookalikes import Models
from pipeline.map import files, fitting
from pipeline.sources.base import Credit, SourcePerson, Value, source_people
from tests.pages.visitor import unescaped, visit

COLUMNS: dict[str, dict[str, Value]] = {
    "Ben Affleck": {"sex": ("male",), "born": 1972.0, "occupation": ("actor", "film director"), "country": ("USA",)},
    "Elton John": {"sex": ("male",), "born": 1947.0, "occupation": ("singer",), "wikidata": ("Q2808",)},
    "Jerry Seinfeld": {"sex": ("male",), "born": 1954.0, "occupation": ("actor",)},
    "Madonna": {"sex": ("female",), "born": 1958.0, "occupation": ("singer", "actor"), "wikidata": ("Q1744",)},
    "Mindy Kaling": {},
}
CREDIT = Credit(
    "Ann *Lee*", "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0", "https://example.org/File:(a)"
)


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    monkeypatch.setattr(Models, "load", lambda: models)


@pytest.fixture
def famous(home, models, examples):
    """A gallery with columns and credits."""
    people = [
        SourcePerson(
            name, name, tuple(paths[:2]), "Examples", "free", COLUMNS[name], dict.fromkeys(paths[:2], CREDIT)
        )
        for name, paths in examples.items()
    ]
    building.build("famous", source_people(people), models.detector, models.embedder)
    return opening.open_gallery("famous")


def found(page: AppTest) -> list[str]:
    assert not page.exception
    return [
        str(button.label).removeprefix("Compare with ") for button in page.button if "Compare with" in button.label
    ]


def captions(page: AppTest) -> list[str]:
    return [unescaped(caption.value) for caption in page.caption]


def test_one_click_compares_with_a_group(famous, examples):
    page = visit()
    page.file_uploader[0].upload("a.jpg", examples["Madonna"][3].read_bytes(), "image/jpeg").run()
    assert set(found(page)) == set(COLUMNS)
    pills = page.pills(key="group")
    assert list(pills.options) == [
        "Everyone",
        *("Men", "Women", "Born 1940 to 1959", "Born 1960 to 1979", "Actor", "Singer", "Film director"),
    ]
    for label, people in (
        ("Men", {"Ben Affleck", "Elton John", "Jerry Seinfeld"}),
        ("Born 1940 to 1959", {"Elton John", "Jerry Seinfeld", "Madonna"}),
        ("Singer", {"Elton John", "Madonna"}),
        ("Everyone", set(COLUMNS)),
    ):
        page.pills(key="group").select(label).run()
        assert set(found(page)) == people
    shown = captions(page)
    assert "Singer, actor · born 1958 · [About](https://www.wikidata.org/wiki/Q1744)" in shown
    assert "Actor, film director · born 1972 · USA" in shown
    credit = "Photo: [Ann *Lee*](https://example.org/File:%28a%29), "
    assert shown.count(f"{credit}[CC BY 4.0](https://creativecommons.org/licenses/by/4.0)") == len(COLUMNS)


def test_nobody_left_in_a_group_is_said(famous, examples):
    page = visit()
    page.file_uploader[0].upload("a.jpg", examples["Madonna"][3].read_bytes(), "image/jpeg").run()
    page.pills(key="group").select("Women").run()
    assert found(page) == ["Madonna"]
    next(button for button in page.button if button.label == "Not this person").click().run()
    assert not page.exception
    assert any("Nobody of this group is left" in info.value for info in page.info)


def test_the_finder_says_beforehand_whom_one_is_compared_with(famous):
    assert "You are compared with 5 people, from Examples." in " ".join(captions(visit()))


def test_people_are_filtered_by_a_column(famous):
    page = visit("people")
    box = next(box for box in page.selectbox if box.label == "Column")
    assert "occupation: singer" in box.options
    box.select("occupation: singer").run()
    assert not page.exception
    shown = {str(button.key).rpartition("/")[2] for button in page.button if str(button.key).startswith("show ")}
    assert shown == {"Elton John", "Madonna"}


def test_the_map_is_coloured_by_columns(famous):
    files.save_map(famous, fitting.fit_map(famous))
    for colour in ("Occupation", "Sex", "Born"):
        page = visit("explorer", colour=colour)
        assert not page.exception
        assert page.selectbox(key="colour").value == colour
        assert "Wikidata" not in page.selectbox(key="colour").options


def test_a_person_of_whom_nothing_is_known_has_no_line():
    assert about.person_line({}) == ""
    assert about.person_line({"link": ("javascript:alert(1)",), "wikidata": ("Q1) [x](",)}) == ""
    assert about.credit_line(Credit(licence="free")) == ""
    assert about.credit_text("LFW", Credit(licence="research")) == "LFW. research"


def test_a_column_that_names_everybody_makes_no_groups(famous):
    assert {group.column for group in groups.groups_of(famous)} == {"sex", "born", "occupation"}


def test_the_address_keeps_whom_one_compares_with(famous, examples, models):
    people = [SourcePerson(name, name, tuple(examples[name][:1]), "Friends", "free") for name in list(examples)[:2]]
    building.build("plain", source_people(people), models.detector, models.embedder)
    page = visit(group="Singer")
    assert not page.toast
    page.file_uploader[0].upload("a.jpg", examples["Madonna"][3].read_bytes(), "image/jpeg").run()
    assert set(found(page)) == {"Elton John", "Madonna"}
    assert page.pills(key="group").value == "Singer"
    assert page.query_params["group"] == "Singer"
    page.pills(key="group").select("Women").run()
    assert found(page) == ["Madonna"]
    # Another gallery has no such group.
    page.selectbox(key="gallery").select("plain").run()
    assert len(found(page)) == 2
    assert "group" not in page.query_params
    page.selectbox(key="gallery").select("famous").run()
    assert set(found(page)) == set(COLUMNS)


def test_a_link_to_a_group_that_is_not_here_is_said_and_cleaned(famous):
    page = visit(group="Astronaut")
    assert [toast.value for toast in page.toast] == ["This gallery has no group as in this link to compare with."]
    assert "group" not in page.query_params


def test_the_demonstration_says_beforehand_whom_one_is_compared_with_and_how_to_get_celebrities(examples):
    page = visit()
    who = "You are compared with 983 people: Brazilian politicians 608, Basketball players 370, Five celebrities 5."
    assert any(who in caption for caption in captions(page))
    assert "How to compare with celebrities" in [expander.label for expander in page.expander]
    assert "make celebrities" in page.code[0].value
    assert "build --source lfw" in page.code[0].value


def test_other_galleries_do_not_offer_celebrities(famous):
    assert "How to compare with celebrities" not in [expander.label for expander in visit().expander]
