"""Two maps of the same faces beside each other in a real Chromium."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import visit
from tests.browser.test_explorer import FACES, at_rest, chosen


def test_both_maps_show_the_same_choice_and_a_click_on_either_chooses(app, browser):
    with visit(app, browser) as page:
        page.goto(f"{app}/explorer")
        maps = page.locator(f".scatter[data-points='{FACES}']")
        expect(maps).to_have_count(1)
        at_rest(page)
        page.get_by_role("button", name="Views").click()
        page.get_by_role("combobox", name="A second map beside it").click()
        page.get_by_role("option", name="PCA").click()
        expect(page).to_have_url(re.compile("beside=PCA"))
        page.keyboard.press("Escape")
        at_rest(page)
        page.wait_for_timeout(500)
        expect(maps).to_have_count(2)
        expect(maps.nth(0).locator(".title")).to_be_hidden()
        expect(maps.nth(1).locator(".title")).to_have_text("PCA")
        places = [
            box.evaluate("box => Array.from({ length: 50 }, (_, row) => box.parentNode.chart.place(row))")
            for box in maps.all()
        ]
        assert places[0] != places[1]
        # A face of the second map, by its thumbnail.
        face = maps.nth(1).locator(".thumbnail").first
        name = face.text_content() or ""
        box = face.bounding_box()
        assert box
        page.mouse.click(box["x"] + 22, box["y"] + 22)
        chosen(page, name)
        expect(maps.nth(0).locator(".mark.chosen")).to_have_count(1)
        expect(maps.nth(1).locator(".mark.chosen")).to_have_count(1)
        # One search and one legend are enough.
        expect(page.get_by_role("combobox", name="Search by name")).to_have_count(1)
        page.reload()
        expect(maps).to_have_count(2)
        chosen(page, name)
