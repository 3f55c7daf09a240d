"""The explorer in a real Chromium: the map on its canvas, and the ways to it and back."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.gallery import layout, opening
from tests.browser import serving
from tests.browser.test_finder import best, give

FACES = 1060


@pytest.fixture
def explorer(page):
    """The explorer with its map drawn."""
    page.get_by_role("link", name="Explorer").click()
    drawn(page)
    return page


def drawn(page: Page, count: int = FACES) -> None:
    """Wait for the map to be drawn, and for the page around it."""
    expect(page.locator(f".scatter[data-points='{count}']")).to_be_visible()
    at_rest(page)


def at_rest(page: Page) -> None:
    """Wait for the end of a page run, as what is clicked or typed while widgets are drawn can be lost."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def canvas(page: Page) -> Locator:
    return page.locator(".scatter canvas")


def middle(page: Page, selector: str = ".mark.chosen img") -> tuple[float, float]:
    """Where the middle of an element is on the screen."""
    box = page.locator(selector).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def look_for(page: Page, text: str) -> None:
    """Search a name, take the first that is found, and wait for the end of the flight."""
    at_rest(page)
    page.get_by_role("combobox", name="Search by name").fill(text)
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")
    expect(page.locator(".mark.chosen")).to_be_visible()
    page.wait_for_timeout(1000)


def chosen(page: Page, name: str) -> None:
    """Wait for a person beside the map."""
    expect(page.locator("strong").first).to_have_text(name)


def drag(page: Page, *way: tuple[float, float]) -> None:
    """Drag from one place of the canvas to others, given as shares of its sides."""
    box = canvas(page).bounding_box()
    assert box
    steps = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way]
    page.mouse.move(*steps[0])
    page.mouse.down()
    for step in steps[1:]:
        page.mouse.move(*step, steps=5)
    page.mouse.up()


def test_a_search_flies_to_the_person_whom_accents_do_not_hide(explorer):
    look_for(explorer, "joao maia")
    chosen(explorer, "João Maia")
    (x, y), box = middle(explorer), canvas(explorer).bounding_box()
    assert box
    assert 0 < x - box["x"] < box["width"]
    assert 0 < y - box["y"] < box["height"]


def test_the_map_stays_in_sight_while_the_neighbours_are_scrolled(explorer):
    look_for(explorer, "joao maia")
    explorer.get_by_role("button", name="Compare", exact=True).last.scroll_into_view_if_needed()
    expect(canvas(explorer)).to_be_in_viewport(ratio=0.8)


def test_a_name_that_nobody_has_finds_nobody(explorer):
    explorer.get_by_role("combobox", name="Search by name").fill("xyzzy")
    expect(explorer.get_by_text("Nobody by that name")).to_be_visible()


def test_a_click_on_the_canvas_chooses_the_face_under_it_and_the_address_keeps_it(explorer):
    look_for(explorer, "elton")
    chosen(explorer, "Elton John")
    place = middle(explorer)
    explorer.get_by_role("button", name="Close").click()
    expect(explorer.locator(".mark")).to_have_count(0)
    assert "face=" not in explorer.url
    explorer.mouse.click(*place)
    chosen(explorer, "Elton John")
    expect(explorer).to_have_url(re.compile(r"[?&]face=\d+"))
    expect(explorer.get_by_text("nearest photos are near on the map")).to_be_visible()
    explorer.reload()
    drawn(explorer)
    chosen(explorer, "Elton John")


def test_a_click_beside_all_faces_lets_go(explorer):
    look_for(explorer, "madonna")
    canvas(explorer).press("0")
    explorer.wait_for_timeout(1000)
    for _ in range(3):
        canvas(explorer).press("-")
    box = canvas(explorer).bounding_box()
    assert box
    explorer.mouse.click(box["x"] + box["width"] * 0.08, box["y"] + box["height"] * 0.6)
    expect(explorer.locator(".mark")).to_have_count(0)


def test_moving_and_zooming_change_the_view_and_choose_nobody(explorer):
    views = [canvas(explorer).screenshot()]

    def changed() -> None:
        explorer.wait_for_timeout(700)
        views.append(canvas(explorer).screenshot())
        assert views[-1] != views[-2]

    drag(explorer, (0.5, 0.5), (0.3, 0.3))
    changed()
    explorer.mouse.wheel(0, -300)
    changed()
    explorer.get_by_role("button", name="Zoom out").click()
    changed()
    canvas(explorer).press("ArrowLeft")
    changed()
    canvas(explorer).press("+")
    changed()
    explorer.get_by_role("button", name="Show all").click()
    changed()
    assert "face=" not in explorer.url


def test_a_box_lists_who_is_in_it_and_gives_them_as_csv(explorer):
    explorer.get_by_role("button", name="Select by a box").click()
    drag(explorer, (0.2, 0.2), (0.9, 0.8))
    heading = explorer.get_by_role("heading", name=re.compile(r"[\d,]+ photos of [\d,]+ people"))
    expect(heading).to_be_visible()
    count = int(heading.inner_text().split()[0].replace(",", ""))
    assert 100 < count <= FACES
    with explorer.expect_download() as waiting:
        explorer.get_by_test_id("stDownloadButton").get_by_role("button").click()
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_text(encoding="utf-8"))))
    assert len(rows) == count
    first = opening.open_gallery(layout.DEMONSTRATION).row(int(rows[0]["row"]))
    assert rows[0]["name"] == first["name"]
    expect(explorer.get_by_role("img", name="Photo of")).to_have_count(min(count, 48))


def test_a_lasso_selects_and_its_area_can_be_shared(explorer):
    explorer.get_by_role("button", name="Select by a lasso").click()
    drag(explorer, (0.3, 0.3), (0.8, 0.35), (0.75, 0.75), (0.4, 0.7))
    heading = explorer.get_by_role("heading", name=re.compile(r"[\d,]+ photos of [\d,]+ people"))
    expect(heading).to_be_visible()
    words = heading.inner_text()
    expect(explorer).to_have_url(re.compile("area="))
    other = explorer.context.new_page()
    other.goto(explorer.url)
    expect(other.get_by_role("heading", name=words)).to_be_visible()
    other.close()


def test_the_finder_leads_to_the_map_at_once_and_back(page, madonna):
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    page.get_by_role("link", name="Show me on the map").click()
    drawn(page)
    chosen(page, "Your photo")
    expect(page.locator(".mark.chosen bdi")).to_have_text("Your photo")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".mark")).to_have_count(0)
    page.get_by_role("button", name="My face").wait_for()
    page.get_by_role("button", name="My face").click()
    chosen(page, "Your photo")
    at_rest(page)
    page.get_by_role("button", name="Compare", exact=True).first.click()
    expect(page.locator("strong").first).to_have_text("Your photo and Madonna")
    expect(page.get_by_text("Most similar photos")).to_be_visible()
    page.get_by_role("button", name="Back", exact=True).click()
    page.get_by_role("link", name="Back to the finder").click()
    best(page, "Madonna")


def test_shift_and_a_click_compares_two_people(explorer):
    look_for(explorer, "elton")
    explorer.get_by_text("Compare with the next click").click()
    explorer.locator(".mark.near").first.wait_for()
    canvas(explorer).press("0")
    explorer.wait_for_timeout(1000)
    mark: Any = explorer.locator(".mark.near img").nth(3).bounding_box()
    explorer.mouse.click(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    expect(explorer.get_by_text("Most similar photos")).to_be_visible()
    expect(explorer).to_have_url(re.compile("other="))


def test_a_gallery_without_a_map_offers_to_fit_it(page):
    page.get_by_role("link", name="Explorer").click()
    drawn(page)
    page.get_by_role("combobox", name="Gallery").click()
    page.get_by_role("option", name="odd").click()
    expect(page.get_by_text("The gallery odd has no map yet")).to_be_visible()
    expect(page.get_by_role("button", name="Fit the map")).to_be_visible()


def test_a_browser_without_webgl_is_told_so_and_search_still_works(page):
    page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest)"
        " { return kind === 'webgl2' ? null : get.call(this, kind, ...rest); };"
    )
    page.reload()
    page.get_by_role("link", name="Explorer").click()
    expect(page.get_by_text("Your browser can't draw the map")).to_be_visible()
    look_for(page, "madonna")
    chosen(page, "Madonna")


def test_a_shared_address_opens_the_explorer_on_a_server_that_nobody_has_visited(folders, browser, tmp_path):
    with serving.app(folders[0], tmp_path / "temporary") as address:
        page = browser.new_context().new_page()
        page.goto(f"{address}/explorer?face=3")
        drawn(page)
        chosen(page, opening.open_gallery(layout.DEMONSTRATION).row(3)["name"])
        expect(page.get_by_role("link", name="Finder")).to_be_visible()
        expect(page.get_by_role("link", name="streamlit app")).to_have_count(0)


def test_on_the_screen_of_a_phone_the_map_fits_and_a_finger_chooses(app, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{app}/explorer")
    drawn(page)
    box = page.locator(".scatter").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    look_for(page, "mindy")
    chosen(page, "Mindy Kaling")
    page.locator(".mark.chosen").scroll_into_view_if_needed()
    place = middle(page)
    page.get_by_role("button", name="Close").dispatch_event("click")
    expect(page.locator(".mark")).to_have_count(0)
    page.touchscreen.tap(*place)
    chosen(page, "Mindy Kaling")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
