"""Columns of a gallery in a real Chromium: whom one is compared with, and the colours of the map."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.gallery import building, opening
from pipeline.map import files, fitting
from pipeline.sources import demonstration
from pipeline.sources.base import SourcePerson, Value, source_people
from tests.browser import serving
from tests.browser.conftest import visit
from tests.browser.test_explorer import drawn
from tests.browser.test_finder import best, give

NAME, WOMEN, MEN = "famous", 12, 20


@pytest.fixture(scope="module")
def famous_app(tmp_path_factory, models, madonna):
    """The app with a gallery of women and men, as its column says, beside the demonstration."""
    place = tmp_path_factory.mktemp("famous")
    (place / "temporary").mkdir()
    home = serving.own_home(place / "home")
    known = list(demonstration.demonstration_people().people)
    chosen = [known[0], *(person for person in known[5:] if len(person.photos) == 1)][: WOMEN + MEN]

    def columns(number: int) -> dict[str, Value]:
        return {"sex": ("female" if number < WOMEN else "male",), "born": 1940.0 + number}

    people = [
        SourcePerson(f"Q{number}", f"Person {number}", person.photos[:1], "Friends", "free", columns(number))
        for number, person in enumerate(chosen)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKSLIKEWHO_HOME", str(home))
        building.build(NAME, source_people(people), models.detector, models.embedder)
        opened = opening.open_gallery(NAME)
        files.save_map(opened, fitting.fit_map(opened))
    with serving.app(home, place / "temporary") as address:
        yield address


@pytest.fixture
def page(famous_app, browser):
    """A visitor's page with this gallery."""
    with visit(famous_app, browser) as page:
        page.goto(f"{famous_app}/?gallery={NAME}")
        expect(page.get_by_text(f"You are compared with {WOMEN + MEN} people, from Friends.")).to_be_visible()
        yield page


def group(page: Page, name: str) -> Locator:
    """The button of a group."""
    return page.get_by_role("radiogroup", name="Compare with").get_by_role("radio", name=name, exact=True)


def numbers(page: Page) -> list[int]:
    """The numbers of the people on the page."""
    expect(page.get_by_text("Advanced", exact=True)).to_be_visible()
    return [
        int(label.split()[-1]) for label in page.get_by_role("button", name="Compare with Person").all_inner_texts()
    ]


def test_ten_matches_among_women_are_ten_women_and_the_address_keeps_the_choice(page, madonna):
    give(page, madonna.read_bytes())
    everyone = page.get_by_role("button", name="Compare with Person")
    expect(everyone).to_have_count(9)
    assert max(numbers(page)) >= WOMEN
    group(page, "Women").click()
    expect(page).to_have_url(re.compile("group=Women"))
    page.wait_for_timeout(1500)
    assert len(numbers(page)) == 9
    assert max(numbers(page)) < WOMEN
    page.reload()
    give(page, madonna.read_bytes())
    expect(everyone).to_have_count(9)
    expect(group(page, "Women")).to_be_checked()
    assert max(numbers(page)) < WOMEN
    page.get_by_role("combobox", name="Gallery").click()
    page.get_by_role("option", name="demonstration").click()
    best(page, "Madonna")
    assert "group=" not in page.url


def test_the_map_is_coloured_by_a_column_and_its_legend_hides_a_group(page, famous_app):
    page.goto(f"{famous_app}/explorer?gallery={NAME}")
    drawn(page, WOMEN + MEN)
    page.get_by_role("combobox", name="Colour").click()
    page.get_by_role("option", name="Sex").click()
    legend = page.locator(".legend")
    expect(legend.get_by_role("button", name="female")).to_contain_text(str(WOMEN))
    expect(page).to_have_url(re.compile("colour=Sex"))
    legend.get_by_role("button", name="female").click()
    expect(page).to_have_url(re.compile("hidden=female"))
    page.reload()
    drawn(page, WOMEN + MEN)
    expect(legend.get_by_role("button", name="female")).to_have_attribute("aria-pressed", "false")
