"""A public server: the galleries that it names, and nothing that a visitor could change."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from pages.shared import public
from tests.browser import serving
from tests.browser.conftest import contents, visit
from tests.browser.test_finder import best, give


@pytest.fixture(scope="module")
def public_app(folders, odd_gallery, tmp_path_factory):
    """The app with two galleries, of which one is public."""
    home, place = folders[0], tmp_path_factory.mktemp("public")
    (place / "temporary").mkdir()
    before = contents(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(public.VARIABLE, "demonstration")
        with serving.app(home, place / "temporary") as address:
            yield address
    assert contents(home) == before


def test_visitors_find_and_explore_and_are_offered_nothing_that_changes_anything(public_app, browser, madonna):
    with visit(public_app, browser) as page:
        give(page, madonna.read_bytes())
        best(page, "Madonna")
        menu = page.get_by_role("navigation", name="Pages")
        expect(menu.get_by_role("link")).to_have_text([re.compile("Finder$"), re.compile("Explorer$")])
        page.get_by_role("button", name="Lab").click()
        expect(page.get_by_role("menuitem")).to_have_count(1)
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Show me on the map").click()
        expect(page.locator(".mark.chosen")).to_be_visible()


@pytest.mark.parametrize("address", ["people", "training"])
def test_pages_that_change_something_are_not_there(public_app, browser, address):
    page = browser.new_page()
    page.goto(f"{public_app}/{address}")
    expect(page.get_by_text("Page not found")).to_be_visible()
    # Behind the message is the finder.
    expect(page).to_have_title("Finder · LooksLikeWho")
    page.close()


def test_a_gallery_that_is_not_named_is_not_there(public_app, browser):
    with visit(public_app, browser) as page:
        expect(page.get_by_role("combobox", name="Gallery")).to_have_count(0)
        page.goto(f"{public_app}/?gallery=odd")
        expect(page.get_by_text("There is no such gallery here")).to_be_visible()
        page.goto(f"{public_app}/explorer?gallery=odd")
        expect(page.get_by_text("demonstration · ")).to_be_visible()


def test_a_public_server_offers_no_visitor_to_set_it_up(browser, tmp_path, monkeypatch):
    monkeypatch.setenv(public.VARIABLE, "demonstration")
    (tmp_path / "temporary").mkdir()
    with (
        serving.app(tmp_path / "home", tmp_path / "temporary") as address,
        visit(address, browser) as page,
    ):
        expect(page.get_by_role("button", name="Check again")).to_be_visible()
        expect(page.get_by_role("button", name="Set up now")).to_have_count(0)
