"""The page of people in a real Chromium: photos in, found in the finder, out again; and the switch of galleries."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import FilePayload, Page, expect

from pipeline.gallery import building, gallery, opening
from pipeline.sources.base import SourcePerson, source_people
from tests.browser import serving
from tests.browser.conftest import HOME, visit
from tests.browser.test_finder import best, give
from tests.conftest import encoded

CELEBRITIES = HOME / "photos" / "five-celebrities"


def photos(name: str, count: int) -> list[Path]:
    """Photos of a celebrity, other ones than the examples."""
    return sorted((CELEBRITIES / name).iterdir())[:count]


@pytest.fixture(scope="module")
def home(tmp_path_factory, models):
    """A data folder with two galleries of the user's own: two celebrities each, and no Madonna."""
    place = tmp_path_factory.mktemp("people") / "home"
    place.mkdir()
    for part in ("models", "photos"):
        (place / part).symlink_to(HOME / part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKSLIKEWHO_HOME", str(place))
        for name, people in (("friends", ("Elton John", "Ben Affleck")), ("others", ("Mindy Kaling", "Elton John"))):
            found = [SourcePerson(who, who, tuple(photos(who, 4)), "Celebrities", "") for who in people]
            building.build(name, source_people(found), models.detector, models.embedder)
    return place


@pytest.fixture(scope="module")
def own_app(home):
    temporary = home.parent / "temporary"
    temporary.mkdir()
    with serving.app(home, temporary) as address:
        yield address
        # TensorFlow writes the code that it generates.
        left = [path for path in temporary.rglob("*") if path.is_file()]
        assert [path for path in left if "__autograph_generated_file" not in path.name] == []


@pytest.fixture
def page(own_app, browser):
    with visit(own_app, browser) as page:
        yield page


def to_people(page: Page) -> None:
    page.get_by_role("link", name="People").click()
    expect(page.get_by_role("heading", name="People", exact=True)).to_be_visible()


def to_finder(page: Page) -> None:
    page.get_by_role("link", name="Finder", exact=True).click()
    expect(page.get_by_role("heading", name="Who do I look like?")).to_be_visible()
    # What is left of the page before is still there for a moment.
    expect(page.locator("input[type=file]")).to_have_count(1)
    expect(page.get_by_role("heading", name="People", exact=True)).to_have_count(0)


def drop(page: Page, files: list[Path], *others: FilePayload) -> None:
    """Give several photos at once, and wait until all were looked at."""
    given: list[FilePayload] = [
        {"name": f"IMG_{number}.jpg", "mimeType": "image/jpeg", "buffer": path.read_bytes()}
        for number, path in enumerate(files)
    ]
    page.locator("input[type=file]").set_input_files([*given, *others])
    expect(page.get_by_role("img", name="The face in")).to_have_count(len(given) + len(others))


def test_dropped_photos_become_a_person_whom_the_finder_finds_until_removed(page, own_app, browser, home, examples):
    with visit(own_app, browser) as other:
        give(other, examples["Madonna"][1].read_bytes())
        expect(other.get_by_role("heading", level=2)).to_be_visible()
        expect(other.get_by_role("heading", name="1. Madonna", exact=True)).to_have_count(0)

        to_people(page)
        blank: FilePayload = {
            "name": "blank.png",
            "mimeType": "image/png",
            "buffer": encoded(np.full((300, 300, 3), 127, np.uint8)),
        }
        drop(page, photos("Madonna", 3), blank)
        expect(page.get_by_text("No face found")).to_be_visible()
        page.get_by_role("textbox", name="Who is this?").fill("Madonna")
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Add 3 photos").click()
        expect(page.get_by_text("Added Madonna: 3 photos")).to_be_visible()

        to_finder(page)
        give(page, examples["Madonna"][1].read_bytes())
        best(page, "Madonna")
        # A session that was open before sees her with its next step.
        other.get_by_text("Advanced", exact=True).click()
        other.get_by_text("Cosine", exact=True).click()
        best(other, "Madonna")

        to_people(page)
        page.get_by_role("button", name="Madonna", exact=True).click()
        page.get_by_role("button", name="Remove Madonna", exact=True).click()
        page.get_by_role("button", name="Yes, remove").click()
        expect(page.get_by_text("Removed 3 photos of Madonna")).to_be_visible()
        expect(page.get_by_role("button", name="Madonna", exact=True)).to_have_count(0)
        other.get_by_text("Trained network", exact=True).click()
        expect(other.get_by_role("heading", name="1. Madonna", exact=True)).to_have_count(0)
        expect(other.get_by_role("heading", level=2)).to_be_visible()
    folder = home / "galleries" / "friends"
    assert not any((folder / "photos").iterdir())
    assert len(list((folder / "crops").rglob("*.jpg"))) == len(opened(home, "friends"))


def opened(home: Path, name: str) -> gallery.Gallery:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKSLIKEWHO_HOME", str(home))
        return opening.open_gallery(name)


def add_by_keyboard(page: Page, name: str, files: list[Path], *, counted: str) -> None:
    """Add a person by photos. counted: how the page counts them."""
    drop(page, files)
    page.get_by_role("textbox", name="Who is this?").fill(name)
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"Add {counted}").press("Enter")
    expect(page.get_by_text(f"Added {name}: {counted}")).to_be_visible()


def test_one_photo_is_removed_by_the_keyboard_alone(page):
    to_people(page)
    add_by_keyboard(page, "Jerry", photos("Jerry Seinfeld", 2), counted="2 photos")
    page.get_by_role("button", name="Jerry", exact=True).press("Enter")
    page.get_by_role("button", name="Remove", exact=True).first.press("Enter")
    page.get_by_role("button", name="Yes, remove").press("Enter")
    message = page.locator(".st-key-focus-target").filter(has_text="Removed 1 photo of Jerry")
    expect(message).to_be_visible()
    page.get_by_role("button", name="Jerry", exact=True).press("Enter")
    expect(page.get_by_role("dialog").get_by_role("img", name="Photo of Jerry")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Jerry", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove Jerry").press("Enter")
    page.get_by_role("button", name="Yes, remove").press("Enter")
    expect(page.locator(".st-key-focus-target").filter(has_text="Removed 1 photo of Jerry")).to_be_focused()


# The browser sends a click after a timeout of 0. On a busy machine, that takes so long that the clock comes first.
BUSY = "() => { const set = window.setTimeout; window.setTimeout = (f, ms, ...more) => set(f, ms || 1500, ...more); }"


def test_a_click_counts_once_while_the_page_asks_every_second_how_far_the_map_is(page):
    to_people(page)
    add_by_keyboard(page, "Jerry", photos("Jerry Seinfeld", 2), counted="2 photos")
    page.get_by_role("button", name="Jerry", exact=True).click()
    page.get_by_role("button", name="Remove Jerry").click()
    page.evaluate(BUSY)
    page.get_by_role("button", name="Yes, remove").click()
    expect(page.get_by_text(re.compile("^Removed . photo"))).to_have_text("Removed 2 photos of Jerry.")


def test_a_person_is_renamed_and_merged_by_the_keyboard_alone(page):
    to_people(page)
    add_by_keyboard(page, "Gerry", photos("Jerry Seinfeld", 1), counted="1 photo")

    rename(page, "Gerry", "Jerry S", button="Save")
    expect(page.get_by_text("Gerry is called Jerry S now")).to_be_visible()
    rename(page, "Jerry S", "Ben Affleck", button="Merge with Ben Affleck")
    expect(page.get_by_text("Jerry S and Ben Affleck are one person now")).to_be_visible()
    expect(page.get_by_role("button", name="Jerry S", exact=True)).to_have_count(0)

    expect(page.get_by_role("button", name="Ben Affleck", exact=True)).to_have_count(1)
    page.get_by_role("button", name="Ben Affleck", exact=True).press("Enter")
    expect(page.get_by_role("dialog").get_by_role("img", name="Photo of Ben Affleck")).to_have_count(4)


def rename(page: Page, name: str, new: str, *, button: str) -> None:
    page.get_by_role("button", name=name, exact=True).press("Enter")
    page.get_by_role("button", name="Rename or merge").press("Enter")
    field = page.get_by_role("dialog").get_by_role("textbox", name="Name", exact=True)
    field.fill(new)
    field.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).press("Enter")


def test_after_a_change_the_map_is_fitted_by_itself(page):
    to_people(page)
    rename(page, "Elton John", "Elton", button="Save")
    expect(page.get_by_text("Elton John is called Elton now")).to_be_visible()
    # It is done while the page stays as it is.
    expect(page.get_by_text("The map is up to date")).to_be_visible(timeout=240_000)
    page.get_by_role("link", name="Explorer").click()
    expect(page.locator(".scatter[data-points]")).to_be_visible()
    to_people(page)
    rename(page, "Elton", "Elton John", button="Save")
    expect(page.get_by_text("Elton is called Elton John now")).to_be_visible()


def test_a_new_gallery_is_made_filled_mapped_and_deleted(page):
    # A copy has the map of its original: this one has none.
    page.get_by_role("combobox", name="Gallery").click()
    page.get_by_role("option", name="others").click()
    to_people(page)
    expect(page.get_by_role("button", name="Mindy Kaling", exact=True)).to_be_visible()
    page.get_by_role("button", name="New gallery").click()
    page.get_by_role("textbox", name="Name", exact=True).last.fill("the family")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("The gallery the family is ready")).to_be_visible()
    page.wait_for_url("**gallery=the*family**")
    page.get_by_role("link", name="Explorer").click()
    expect(page.get_by_text("No map yet")).to_be_visible()
    page.get_by_role("button", name="Fit the map").click()
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    expect(page.locator(".scatter[data-points]")).to_be_visible()
    to_people(page)
    page.get_by_role("button", name="Delete gallery").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The gallery the family is deleted")).to_be_visible()


def test_all_pages_follow_the_switch_and_the_address_opens_the_same_gallery(page, own_app, browser):
    page.get_by_role("combobox", name="Gallery").click()
    page.get_by_role("option", name="others").click()
    to_people(page)
    expect(page.get_by_role("button", name="Mindy Kaling", exact=True)).to_be_visible()
    page.get_by_role("link", name="Explorer").click()
    expect(page.get_by_text("The gallery others has no map yet")).to_be_visible()
    to_finder(page)
    give(page, photos("Mindy Kaling", 6)[5].read_bytes())
    best(page, "Mindy Kaling")
    assert "gallery=others" in page.url
    with visit(own_app, browser) as other:
        other.goto(f"{own_app}/people?gallery=others")
        expect(other.get_by_role("button", name="Mindy Kaling", exact=True)).to_be_visible()
    with visit(own_app, browser) as other:
        other.goto(f"{own_app}/people?gallery=gone")
        expect(other.get_by_text("There is no such gallery here")).to_be_visible()
        expect(other.get_by_role("button", name="Ben Affleck", exact=True)).to_be_visible()


def test_on_the_screen_of_a_phone_people_can_be_added_and_nothing_is_cut_off(own_app, browser):
    with visit(own_app, browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        page.goto(f"{own_app}/people")
        expect(page.get_by_role("button", name="Elton John", exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        drop(page, photos("Mindy Kaling", 2))
        page.get_by_role("textbox", name="Who is this?").fill("Mindy")
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Add 2 photos").click()
        expect(page.get_by_text("Added Mindy: 2 photos")).to_be_visible()
        page.get_by_role("button", name="Mindy", exact=True).click()
        for element in (page.get_by_role("dialog").locator("img, button")).all():
            box = element.bounding_box()
            assert box is None or (box["x"] >= 0 and box["x"] + box["width"] <= 390)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
