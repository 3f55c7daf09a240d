"""The finder by the keyboard alone, found by the names that a screen reader speaks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import settle

STOPS_MAX = 80


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus. It must be in reach of the focus as it is now."""
    expect(target).to_be_visible()
    for _ in range(STOPS_MAX):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target}")


def press(page: Page, role: str, name: str | re.Pattern[str]) -> None:
    """Go to a control by Tab and press Enter."""
    tab_to(page, page.get_by_role(role, name=name, exact=isinstance(name, str)).first)  # type: ignore[arg-type]
    page.keyboard.press("Enter")


def upload(page: Page, path: Path) -> None:
    """Choose a file by the keyboard. The dialog of files is the system's own."""
    with page.expect_file_chooser() as chooser:
        press(page, "button", re.compile("^(Upload|Browse)"))
    chooser.value.set_files(path)


def test_a_photo_is_given_compared_explained_and_found_on_the_map(page, madonna):
    upload(page, madonna)
    best = page.get_by_role("heading", name="1. Madonna", exact=True)
    expect(best).to_be_visible()
    settle(page)
    expect(best).to_be_focused()
    press(page, "button", "Why?")
    dialog = page.get_by_role("dialog", name="Madonna")
    expect(dialog.get_by_text("The stronger the blue")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Why?")).to_be_focused()
    press(page, "button", re.compile("^Compare with"))
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    press(page, "link", "Show me on the map")
    expect(page).to_have_title(re.compile("^Explorer"))
    expect(page.locator(".mark.chosen")).to_be_visible()


def test_a_person_is_left_out_and_taken_back(page, madonna):
    upload(page, madonna)
    expect(page.get_by_role("heading", name="1. Madonna", exact=True)).to_be_visible()
    settle(page)
    press(page, "button", "Not this person")
    second = page.get_by_role("heading", level=2)
    expect(second).not_to_have_text("1. Madonna")
    settle(page)
    press(page, "button", "Show everybody")
    expect(page.get_by_role("heading", name="1. Madonna", exact=True)).to_be_visible()


@pytest.mark.parametrize("name", ["Choose another photo", "Advanced"])
def test_what_opens_says_whether_it_is_open(page, madonna, name):
    upload(page, madonna)
    expect(page.get_by_role("heading", name="1. Madonna", exact=True)).to_be_visible()
    settle(page)
    fold = page.get_by_role("button", name=name, exact=True).or_(page.locator("summary").filter(has_text=name))
    closed = fold.evaluate("element => element.getAttribute('aria-expanded') ?? String(element.parentElement.open)")
    tab_to(page, fold)
    page.keyboard.press("Enter")
    settle(page)
    opened = fold.evaluate("element => element.getAttribute('aria-expanded') ?? String(element.parentElement.open)")
    assert (closed, opened) == ("false", "true")
