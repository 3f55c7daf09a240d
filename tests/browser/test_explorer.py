"""The explorer in a real Chromium: the map on its canvas, and the ways to it and back."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.gallery import layout, opening
from tests.browser import serving
from tests.browser.conftest import visit
from tests.browser.test_finder import best, give

FACES = 1061


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
    expect(page.locator(".st-key-focus-target strong").first).to_have_text(name)


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
    expect(explorer.get_by_text(re.compile(r"of the 10 most similar people"))).to_be_visible()
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


def legend(page: Page, group: str) -> Locator:
    """The button of the legend for a group."""
    return page.locator(".legend").get_by_role("button", name=group)


def people_of(page: Page) -> set[str]:
    """The sources of the faces in the area, as its CSV has them."""
    with page.expect_download() as waiting:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    return {row["source"] for row in csv.DictReader(io.StringIO(waiting.value.path().read_text(encoding="utf-8")))}


def test_a_box_selects_nobody_whom_the_legend_hides(explorer):
    legend(explorer, "Brazilian politicians").click()
    expect(explorer).to_have_url(re.compile("hidden=Brazilian"))
    explorer.get_by_role("button", name="Select by a box").click()
    drag(explorer, (0.01, 0.09), (0.97, 0.97))
    heading = explorer.get_by_role("heading", name="453 photos of 375 people")
    expect(heading).to_be_visible()
    assert people_of(explorer) == {"Basketball players", "Five celebrities"}
    # Whoever opens the link sees the same.
    explorer.reload()
    drawn(explorer)
    expect(heading).to_be_visible()
    expect(legend(explorer, "Brazilian politicians")).to_have_attribute("aria-pressed", "false")
    # The legend works on the selection, too.
    legend(explorer, "Basketball players").press("Enter")
    expect(explorer.get_by_role("heading", name="83 photos of 5 people")).to_be_visible()
    expect(legend(explorer, "Basketball players")).to_be_focused()
    explorer.get_by_role("combobox", name="Colour").click()
    explorer.get_by_role("option", name="Quality").click()
    expect(explorer.get_by_role("heading", name="1,061 photos of 983 people")).to_be_visible()
    assert "hidden=" not in explorer.url


def test_a_search_shows_the_group_of_whom_it_finds(explorer):
    legend(explorer, "Five celebrities").click()
    legend(explorer, "Basketball players").click()
    expect(explorer).to_have_url(re.compile("hidden=Five.*hidden=Basketball"))
    look_for(explorer, "elton")
    expect(legend(explorer, "Five celebrities")).to_have_attribute("aria-pressed", "true")
    expect(legend(explorer, "Basketball players")).to_have_attribute("aria-pressed", "false")
    expect(explorer).to_have_url(re.compile(r"^(?!.*Five).*hidden=Basketball"))


# How many faces lie below what covers the canvas, whether some lie beyond it, and how large the map is, in pixels.
PIXELS = """box => {
  const chart = box.parentNode.chart, { clientWidth, clientHeight } = chart.canvas;
  const all = Array.from({ length: chart.count }, (_, row) => chart.screen(chart.place(row)));
  const covers = [chart.legend, chart.tools, chart.searchBox].map((part) => {
    const left = part.offsetLeft, top = part.offsetTop;
    return [left, left + part.offsetWidth, top, top + part.offsetHeight];
  });
  const covered = all.filter(([x, y]) => covers.some(([l, r, t, b]) => l < x && x < r && t < y && y < b)).length;
  const outside = all.filter(([x, y]) => x < 0 || y < 0 || x > clientWidth || y > clientHeight).length;
  const sides = [0, 1].map((axis) => all.map((place) => place[axis])).map((of) => Math.max(...of) - Math.min(...of));
  return { covered, outside, side: Math.max(...sides) };
}"""


@pytest.mark.parametrize("colour", ["Source", "Cluster", "Quality"])
def test_the_whole_map_fits_beside_legend_tools_and_search_whatever_the_window(explorer, colour):
    explorer.get_by_role("combobox", name="Colour").click()
    explorer.get_by_role("option", name=colour).click()
    for size in ((1280, 900), (1600, 700), (390, 844), (844, 390), (1280, 900)):
        explorer.set_viewport_size({"width": size[0], "height": size[1]})
        for layout_name in ("PCA", "UMAP"):
            explorer.get_by_text(layout_name, exact=True).click()
            at_rest(explorer)
            explorer.wait_for_timeout(900)
            pixels = explorer.locator(".scatter").evaluate(PIXELS)
            assert (pixels["covered"], pixels["outside"]) == (0, 0), (size, layout_name)
            assert pixels["side"] > 200


def view(page: Page) -> dict[str, float]:
    """The centre and the zoom of the map."""
    found: dict[str, float] = page.locator(".scatter").evaluate("box => box.parentNode.chart.view")
    return found


def test_zooming_and_moving_end_where_there_is_nothing_more_to_see(explorer):
    closer, farther = (explorer.get_by_role("button", name=name) for name in ("Zoom in", "Zoom out"))
    for _ in range(12):
        closer.click(force=True)  # Even when it is disabled.
    most = view(explorer)["zoom"]
    assert 16 <= most <= 40
    expect(closer).to_have_attribute("aria-disabled", "true")
    canvas(explorer).hover()
    for _ in range(20):
        explorer.mouse.wheel(0, -2000)
        canvas(explorer).press("+")
    assert view(explorer)["zoom"] == most
    for _ in range(20):
        explorer.mouse.wheel(0, 2000)
        canvas(explorer).press("-")
    least = view(explorer)["zoom"]
    assert 0.5 <= least < 1
    expect(farther).to_have_attribute("aria-disabled", "true")
    for key in ("ArrowLeft", "ArrowUp"):
        for _ in range(40):
            canvas(explorer).press(key)
    assert -1 <= view(explorer)["x"] < 0 < view(explorer)["y"] <= 1
    explorer.get_by_text("PCA", exact=True).click()
    explorer.wait_for_timeout(1500)
    assert view(explorer) == {"x": 0, "y": 0, "zoom": 1}


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
    expect(page.locator(".st-key-focus-target strong").first).to_have_text("Your photo and Madonna")
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


def test_a_gallery_without_a_map_offers_to_fit_it_and_the_way_back_shows_the_whole_map(page):
    page.get_by_role("link", name="Explorer").click()
    drawn(page)
    page.get_by_role("button", name="Zoom in").click()
    legend(page, "Five celebrities").click()
    page.get_by_role("combobox", name="Gallery").click()
    page.get_by_role("option", name="odd").click()
    expect(page.get_by_text("The gallery odd has no map yet")).to_be_visible()
    expect(page.get_by_role("button", name="Fit the map")).to_be_visible()
    page.get_by_role("combobox", name="Gallery").click()
    page.get_by_role("option", name=layout.DEMONSTRATION).click()
    drawn(page)
    page.wait_for_timeout(1000)
    assert view(page) == {"x": 0, "y": 0, "zoom": 1}
    expect(legend(page, "Five celebrities")).to_have_attribute("aria-pressed", "true")


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


@pytest.fixture
def phone(app, browser):
    """The explorer on a phone."""
    with visit(app, browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        page.goto(f"{app}/explorer")
        drawn(page)
        page.wait_for_timeout(700)
        yield page


def fingers(page: Page, *ways: list[tuple[float, float]]) -> None:
    """Put down a finger for each way, move them along at the same time, and lift them."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, points: list[tuple[float, float]]) -> None:
        given = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": given})

    touch("touchStart", [way[0] for way in ways])
    for part in np.linspace(0, 1, 15)[1:]:
        touch("touchMove", [tuple(np.add(way[0], part * np.subtract(way[1], way[0])).tolist()) for way in ways])
        page.wait_for_timeout(16)
    touch("touchEnd", [])


def scrolled(page: Page) -> float:
    top: float = page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
    return top


def test_a_finger_on_the_map_scrolls_the_page_and_a_hint_says_how_to_move_the_map(phone):
    before = view(phone)
    expect(phone.locator(".hint")).to_have_css("opacity", "0")
    fingers(phone, [(150, 550), (150, 250)])
    expect(phone.locator(".hint")).to_have_css("opacity", "0.9")
    assert scrolled(phone) > 150
    assert view(phone) == before
    expect(phone.locator(".hint")).to_have_css("opacity", "0")
    # Also where the finger meets a portrait.
    look_for(phone, "elton")
    top, place = scrolled(phone), middle(phone)
    fingers(phone, [place, (place[0], place[1] - 150)])
    assert scrolled(phone) > top
    assert "face=" in phone.url


def test_two_fingers_move_and_zoom_the_map_within_its_limits_and_choose_nobody(phone):
    box = canvas(phone).bounding_box()
    assert box
    # Around the middle of the map, which then can move in all directions.
    above = round(box["y"] + box["height"] / 2) - 25
    below = above + 50
    fingers(phone, [(140, above), (100, below)], [(200, above), (240, below)])
    zoomed = view(phone)
    assert zoomed["zoom"] == pytest.approx(140 / 60, rel=0.05)
    fingers(phone, [(120, above), (180, below)], [(180, above), (240, below)])
    moved = view(phone)
    assert moved["zoom"] == pytest.approx(zoomed["zoom"], rel=0.02)
    assert moved["x"] < zoomed["x"]
    assert moved["y"] > zoomed["y"]
    for _ in range(6):
        fingers(phone, [(140, below), (20, below)], [(160, below), (300, below)])
    assert 16 <= view(phone)["zoom"] <= 40
    for _ in range(6):
        fingers(phone, [(20, below), (140, below)], [(300, below), (160, below)])
    assert 0.5 <= view(phone)["zoom"] < 1
    assert scrolled(phone) == 0
    assert phone.evaluate("visualViewport.scale") == 1
    assert "face=" not in phone.url


def test_a_box_is_drawn_with_one_finger_which_then_scrolls_the_page_again(phone):
    phone.get_by_role("button", name="Select by a box").tap()
    box = canvas(phone).bounding_box()
    assert box
    fingers(phone, [(40, box["y"] + 60), (270, min(box["y"] + box["height"], 844) - 40)])
    heading = phone.get_by_role("heading", name=re.compile(r"[\d,]+ photos of [\d,]+ people"))
    expect(heading).to_be_visible()
    assert scrolled(phone) == 0
    at_rest(phone)
    fingers(phone, [(150, 550), (150, 350)])
    assert scrolled(phone) > 100
    top = scrolled(phone)
    x, y = middle(phone, "[data-testid=stVerticalBlock] h4")
    fingers(phone, [(x, y), (x, y - 200)])
    assert scrolled(phone) > top + 100


def test_an_address_that_does_not_fit_says_so_once_and_is_cleaned(app, browser):
    with visit(app, browser) as page:
        page.goto(f"{app}/explorer?gallery=nosuch&face=5&layout=PCA")
        drawn(page)
        toast = page.get_by_test_id("stToast")
        expect(toast).to_have_text(re.compile("There is no such gallery here"))
        expect(toast).to_have_count(1)
        expect(page).to_have_url(f"{app}/explorer?layout=PCA")
        expect(page.locator(".mark")).to_have_count(0)
        page.goto(f"{app}/explorer?face={'9' * 5000}")
        drawn(page)
        expect(toast).to_have_text(re.compile("The face in this link isn't on this map"))
        expect(page).to_have_url(f"{app}/explorer")
        page.goto(f"{app}/people?face=5&runs=%00%1b")
        expect(toast).to_have_text(re.compile("Parts of this link don't fit here"))
        expect(page).to_have_url(f"{app}/people")
        # What fits is not complained of on the way through the pages and back.
        page.goto(f"{app}/explorer?face=5&hidden=Five%20celebrities&utm_source=friend")
        drawn(page)
        expect(page.locator(".mark.chosen")).to_be_visible()
        page.get_by_role("link", name="Finder", exact=True).click()
        expect(page.get_by_role("heading", name="Who do I look like?", exact=True)).to_be_visible()
        at_rest(page)
        page.get_by_role("link", name="People").click()
        expect(page.get_by_role("heading", name="People", exact=True)).to_be_visible()
        at_rest(page)
        page.go_back()
        page.go_back()
        drawn(page)
        expect(page.locator(".mark.chosen")).to_be_visible()
        expect(toast).to_have_count(0)
