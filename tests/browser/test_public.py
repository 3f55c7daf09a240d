"""A public server: the galleries that it names, and nothing that a visitor could change."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from pages.shared import public
from pipeline import photo
from tests.browser import serving
from tests.browser.conftest import contents, visit
from tests.browser.test_finder import best, give
from tests.conftest import encoded, enlarged


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


# The administrator, and a busy server -------------------------------------------------------------------------------


def test_the_administrator_signs_in_and_may_change_everything_until_signing_out(busy_app, browser):
    address, password = busy_app
    with visit(address, browser) as page:
        page.get_by_role("button", name="Lab").click()
        page.get_by_role("menuitem", name="Sign in").click()
        field = page.get_by_role("textbox", name="Password")
        field.fill("wrong")
        field.press("Enter")
        expect(page.get_by_text("This is not the password")).to_be_visible()
        menu = page.get_by_role("navigation", name="Pages")
        expect(menu.get_by_role("link", name="People")).to_have_count(0)
        field.fill(password)
        field.press("Enter")
        expect(page.get_by_text("You are signed in")).to_be_visible()
        menu.get_by_role("link", name="People").click()
        expect(page.get_by_role("button", name="New gallery")).to_be_visible()
        with visit(address, browser) as other:
            expect(other.get_by_role("link", name="Explorer")).to_be_visible()
            expect(other.get_by_role("link", name="People")).to_have_count(0)
        page.get_by_role("button", name="Lab").click()
        page.get_by_role("menuitem", name="Sign in").click()
        page.get_by_role("button", name="Sign out").click()
        expect(field).to_be_visible()
        expect(menu.get_by_role("link", name="People")).to_have_count(0)


def test_visitors_who_come_at_once_wait_in_line_and_all_get_their_result(busy_app, browser, examples):
    address, _ = busy_app
    photos = [encoded(enlarged(photo.read(path), 4)) for path in examples["Madonna"][1:5]]
    with ExitStack() as visits:
        pages = [visits.enter_context(visit(address, browser)) for _ in photos]
        for page in pages:
            expect(page.get_by_role("button", name="Madonna")).to_be_visible()
        for page, data in zip(pages, photos, strict=True):
            give(page, data)
        for page in pages:
            best(page, "Madonna")
