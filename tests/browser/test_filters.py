"""The explorer's filters and saved views in a real Chromium: what they leave on the map and in the address."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import visit
from tests.browser.test_explorer import at_rest, drawn
from tests.browser.test_explorer import explorer as explorer
from tests.browser.test_thumbnails import thumbnails

CELEBRITIES = {"Ben Affleck", "Elton John", "Jerry Seinfeld", "Madonna", "Mindy Kaling"}


def test_a_filter_leaves_its_faces_on_the_map_and_in_the_wall_and_the_address_keeps_it(explorer):
    explorer.get_by_role("button", name="Filter").click()
    pill = explorer.get_by_role("button", name=re.compile("Five celebrities ·"))
    pill.click()
    expect(explorer.get_by_role("heading", name="83 photos of 5 people")).to_be_visible()
    expect(explorer).to_have_url(re.compile("where=source%3DFive"))
    # The filters stay open, and the other ones count what is left.
    expect(pill).to_be_visible()
    at_rest(explorer)
    assert set(thumbnails(explorer)) <= CELEBRITIES
    explorer.keyboard.press("Escape")
    explorer.reload()
    drawn(explorer)
    expect(explorer.get_by_role("heading", name="83 photos of 5 people")).to_be_visible()
    assert set(thumbnails(explorer)) <= CELEBRITIES
    explorer.get_by_role("button", name="Close").click()
    expect(explorer.get_by_role("heading", name="Every point is a face")).to_be_visible()
    assert "where=" not in explorer.url


def test_a_range_is_set_by_the_keyboard_and_taken_back(explorer):
    explorer.get_by_role("button", name="Filter").click()
    least = explorer.get_by_role("slider").nth(4)
    expect(least).to_have_value("1")
    least.focus()
    explorer.keyboard.press("ArrowRight")
    expect(explorer.get_by_role("heading", name="83 photos of 5 people")).to_be_visible()
    expect(explorer).to_have_url(re.compile(r"where=photos\+a\+person%3D2\.\.20"))
    explorer.get_by_role("button", name="Show all faces").click()
    expect(explorer.get_by_role("heading", name="Every point is a face")).to_be_visible()
    expect(least).to_have_value("1")


def test_a_view_is_saved_with_a_note_and_shown_again_with_layout_and_filter(own_app, browser):
    with visit(own_app, browser) as page:
        page.goto(f"{own_app}/explorer?where=source%3DFive+celebrities&layout=PCA")
        drawn(page)
        heading = page.get_by_role("heading", name="83 photos of 5 people")
        expect(heading).to_be_visible()
        page.get_by_role("button", name="Views").click()
        save = page.get_by_role("button", name="Save", exact=True)
        expect(save).to_be_disabled()
        # It can be read all the same.
        expect(save).not_to_have_css("color", "rgb(255, 255, 255)")
        page.get_by_role("textbox", name="Name of this view").fill("Stars")
        page.get_by_role("textbox", name="Note").fill("All five")
        page.keyboard.press("Tab")
        expect(save).to_be_enabled()
        save.click()
        expect(page.get_by_text("Saved the view Stars.")).to_be_visible()
        page.goto(f"{own_app}/explorer")
        drawn(page)
        expect(page.get_by_role("heading", name="Every point is a face")).to_be_visible()
        page.get_by_role("button", name="Views").click()
        expect(page.get_by_text("All five")).to_be_visible()
        page.get_by_role("button", name="Stars", exact=True).click()
        expect(heading).to_be_visible()
        expect(page).to_have_url(re.compile("layout=PCA"))
        expect(page.get_by_role("radio", name="PCA")).to_be_checked()
