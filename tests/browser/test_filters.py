"""The explorer's filters in a real Chromium: what they leave on the map, in the wall and in the address."""

from __future__ import annotations

import re

from playwright.sync_api import expect

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
