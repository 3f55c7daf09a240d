"""What all pages share, in a real Chromium: titles, the frame, errors, stops of the Tab key, tool bars, the focus."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import serving
from tests.browser.conftest import open_page, settle, visit

PAGES = ("Finder", "Explorer", "People", "Training", "Systems")
ACTIVE_LABEL = (
    "document.activeElement.ariaLabel || document.activeElement.innerText || document.activeElement.tagName"
)


def test_each_page_has_a_title_of_its_own_by_address_and_by_link(page, app):
    for name in PAGES:
        page.goto(f"{app}/{name.lower()}")
        expect(page).to_have_title(f"{name} · LooksLikeWho")
    for name in PAGES:
        open_page(page, name)
        expect(page).to_have_title(f"{name} · LooksLikeWho")
    page.get_by_role("link", name="LooksLikeWho", exact=True).click()
    expect(page).to_have_title("Finder · LooksLikeWho")


def test_the_finder_is_at_the_address_of_its_name_too(page, app):
    page.goto(f"{app}/finder?gallery=odd")
    expect(page.get_by_role("heading", name="Who do I look like?")).to_be_visible()
    expect(page.get_by_role("combobox", name="Gallery")).to_have_value("odd")


def test_the_menu_names_itself_and_the_visited_page(page, app):
    menu = page.get_by_role("navigation", name="Pages")
    for name in ("People", "Explorer"):
        open_page(page, name)
        expect(menu.locator("[aria-current=page]")).to_have_text(re.compile(name))


def test_the_keyboard_alone_goes_through_the_menu_of_the_lab_and_stays_there(page):
    lab = page.get_by_role("button", name="Lab")
    expect(lab).to_be_visible()
    settle(page)
    lab.press("Enter")
    expect(page.get_by_role("menu", name="Lab")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_title("Systems · LooksLikeWho")
    expect(lab).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_the_focus_of_the_keyboard_has_a_ring_of_two_colours(app, browser, scheme):
    with visit(app, browser, color_scheme=scheme) as page:
        for element in (
            page.get_by_role("link", name="People", exact=True),
            page.get_by_role("button", name="Lab", exact=True),
            page.get_by_role("radio", name="Upload", exact=True),
            page.get_by_role("button", name="Madonna", exact=True),
        ):
            element.press("Shift")  # The keyboard, not the mouse.
            expect(element).to_have_css("outline", "rgb(255, 255, 255) solid 2px")
            expect(element).to_have_css("box-shadow", "rgb(15, 107, 99) 0px 0px 0px 4px")


@pytest.mark.parametrize("name", ["combobox", "radio"])
def test_a_choice_keeps_the_focus(page, app, name):
    if name == "combobox":
        choice = page.get_by_role("combobox", name="Gallery")
        choice.press("ArrowDown")
        page.get_by_role("option", name="odd").wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{app}/?gallery=odd")
    else:
        page.goto(f"{app}/explorer")
        choice = page.get_by_role("radio", name="PCA")
        choice.press("Enter")
        expect(page).to_have_url(re.compile("layout=PCA"))
    settle(page)
    expect(choice).to_be_focused()


def test_an_error_shows_a_visitor_neither_its_text_nor_a_traceback(browser, tmp_path):
    (tmp_path / "temporary").mkdir()
    script = tmp_path / "broken.py"
    script.write_text("raise ValueError('a secret of the server')", encoding="utf-8")
    with serving.app(tmp_path / "home", tmp_path / "temporary", str(script)) as address:
        page = browser.new_page()
        page.goto(address)
        expect(page.get_by_role("alert")).to_be_visible()
        words = page.locator("body").inner_text()
        page.close()
    assert not re.search("secret|ValueError|Traceback|broken", words), words


@pytest.mark.parametrize("address", ["", "people", "explorer?face=3", "training?view=Evaluation"])
def test_pictures_are_no_stops_of_the_tab_key(page, app, address):
    page.goto(f"{app}/{address}")
    expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
    settle(page)
    stops = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        stops.add(page.evaluate(ACTIVE_LABEL))
    assert len(stops) > 10
    # Tables and plots keep theirs.
    pictures = page.locator("[data-testid=stImage] img").evaluate_all("all => all.map(one => one.alt)")
    assert not stops & {f"Fullscreen: {alt}" for alt in pictures}


@pytest.mark.parametrize("address", ["training", "systems", "explorer?area=-0.9,-0.3 -0.2,-0.75 0.2,-0.2 -0.3,0.1"])
def test_the_tool_bar_of_a_table_covers_no_control(page, app, address):
    page.goto(f"{app}/{address}")
    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    settle(page)
    table.hover(position={"x": 100, "y": 60})
    bar = page.get_by_test_id("stFullScreenFrame").filter(has=table).get_by_test_id("stElementToolbar")
    expect(bar).to_have_css("opacity", "1")
    controls = page.get_by_test_id("stMain").locator("button, input, a, [role=combobox]")
    others = [
        each for each in controls.all() if not each.evaluate("e => !!e.closest('[data-testid=stElementToolbar]')")
    ]
    assert others
    assert not [other.inner_text() for other in others if overlap(bar, other)]


def test_the_tool_bar_of_a_plot_covers_no_name_of_a_line(page, app):
    page.goto(f"{app}/training")
    figure = page.get_by_role("figure", name="Curves of")
    expect(figure.locator(".legend .traces").first).to_be_visible()
    settle(page)
    figure.hover()
    bar, names = figure.locator(".modebar"), figure.locator(".legend .traces").all()
    expect(bar).to_be_visible()
    assert len(names) == 4
    assert not [name.text_content() for name in names if overlap(bar, name)]


def test_on_a_phone_all_pages_and_the_galleries_are_in_reach(app, browser):
    with visit(app, browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        for name in PAGES:
            open_page(page, name)
            expect(page).to_have_title(f"{name} · LooksLikeWho")
            settle(page)
            frame = page.locator(".st-key-frame")
            assert frame.evaluate("frame => frame.offsetHeight") < 120
            controls = frame.locator("a, button, input").filter(visible=True)
            boxes = [box for each in controls.all() if (box := each.bounding_box())]
            assert len(boxes) >= 6
            assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] >= 0 for box in boxes), boxes
            assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390, name


def overlap(one: Locator, other: Locator) -> bool:
    """Whether two elements cover one another."""
    a, b = one.bounding_box(), other.bounding_box()
    if not a or not b:
        return False
    beside = a["x"] >= b["x"] + b["width"] - 1 or b["x"] >= a["x"] + a["width"] - 1
    above = a["y"] >= b["y"] + b["height"] - 1 or b["y"] >= a["y"] + a["height"] - 1
    return not beside and not above


def test_a_gallery_and_the_switch_come_and_go_without_a_copy_of_the_page(own_app, browser):
    with visit(own_app, browser) as page:
        page.goto(f"{own_app}/people")
        switch = page.get_by_role("combobox", name="Gallery")
        expect(page.get_by_role("button", name="New gallery")).to_be_visible()
        expect(switch).to_be_hidden()
        page.get_by_role("button", name="New gallery").click()
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_text("is ready. Add photos")).to_be_visible()
        expect(switch).to_be_visible()
        settle(page)
        # The message goes with the next run. What is below it must not be drawn a second time meanwhile.
        page.get_by_role("button", name="New gallery").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        expect(page.get_by_text("is ready. Add photos")).to_have_count(0)
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="New gallery")).to_be_focused()
        page.get_by_role("button", name="Delete gallery").click()
        page.get_by_role("button", name="Delete for good").press("Enter")
        expect(page.locator(".st-key-focus-target").filter(has_text="is deleted")).to_be_focused()
        expect(switch).to_be_hidden()
        expect(page.get_by_test_id("stSidebar")).to_have_count(0)


def test_what_was_searched_on_the_map_stays_with_its_gallery(own_app, browser):
    with visit(own_app, browser) as page:
        page.goto(f"{own_app}/people")
        page.get_by_role("button", name="New gallery").click()
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_text("is ready. Add photos")).to_be_visible()
        page.get_by_role("link", name="Explorer").click()
        search = page.get_by_role("combobox", name="Search by name")
        search.fill("madon")
        page.get_by_role("combobox", name="Gallery").click()
        page.get_by_role("option", name="demonstration").click()
        expect(page.get_by_text("demonstration · 1,061")).to_be_visible()
        expect(search).to_have_value("")


def test_the_keyboard_stays_with_what_the_explorer_shows(page, app):
    page.goto(f"{app}/explorer?face=3")
    target = page.locator(".st-key-focus-target")
    page.get_by_role("button", name="Compare", exact=True).nth(2).press("Enter")
    expect(target.get_by_text("Most similar photos").or_(target.get_by_text("The photos"))).to_be_visible()
    expect(target.locator("strong").first).to_be_focused()
    page.get_by_role("button", name="Close").press("Enter")
    expect(target.get_by_role("heading", name="Every point is a face")).to_be_focused()
