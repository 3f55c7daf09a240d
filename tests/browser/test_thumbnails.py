"""Faces on the explorer's map in a real Chromium: thumbnails as one zooms in, pictures on hover, the full screen."""

from __future__ import annotations

import io
import re
import urllib.error
import urllib.request

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.test_explorer import at_rest, canvas, chosen, drawn, legend, look_for
from tests.browser.test_explorer import explorer as explorer


def thumbnails(page: Page) -> dict[str, tuple[float, float]]:
    """The names of the faces on the map, by the places of their middles."""
    page.wait_for_timeout(600)  # They come once the view rests.
    found = page.locator(".thumbnail").evaluate_all(
        "parts => parts.map(part => { const { x, y, width, height } = part.getBoundingClientRect();"
        " return [part.textContent, [x + width / 2, y + height / 2]]; })"
    )
    return {name: tuple(place) for name, place in found}


def test_zooming_in_shows_more_faces_and_keeps_those_that_are_there(explorer):
    first = thumbnails(explorer)
    assert 5 <= len(first) <= 40
    look_for(explorer, "joao maia")
    explorer.get_by_role("button", name="Close").click()
    before = thumbnails(explorer)
    for _ in range(2):
        explorer.get_by_role("button", name="Zoom in").click()
    box = canvas(explorer).bounding_box()
    assert box
    inside = {name for name, (x, y) in thumbnails(explorer).items() if box["x"] < x < box["x"] + box["width"]}
    assert len(inside) >= 3
    assert inside & set(before)
    places = list(thumbnails(explorer).values())
    gaps = [max(abs(x - a), abs(y - b)) for x, y in places for a, b in places if (x, y) != (a, b)]
    assert min(gaps) > 30


def test_a_face_is_chosen_by_a_click_on_it_and_its_picture_is_loaded(explorer):
    found = thumbnails(explorer)
    pictures = explorer.locator(".thumbnail img")
    for picture in pictures.all():
        picture.evaluate("picture => picture.decode()")
    assert pictures.evaluate_all("all => all.every(picture => picture.naturalWidth === 96)")
    name, place = next(iter(found.items()))
    explorer.mouse.move(*place)
    expect(explorer.locator(".tip span")).to_have_text(name)
    expect(explorer.locator(".tip img")).to_be_visible()
    explorer.mouse.click(*place)
    chosen(explorer, name)
    # What is chosen is a mark, not a thumbnail.
    assert name not in thumbnails(explorer)


def test_hidden_groups_have_no_faces_on_the_map_and_all_can_be_switched_off(explorer):
    for group in ("Basketball players", "Brazilian politicians"):
        legend(explorer, group).click()
    at_rest(explorer)
    assert 1 <= len(thumbnails(explorer)) <= 5
    switch = explorer.get_by_role("button", name="Faces on the map")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    assert thumbnails(explorer) == {}
    switch.click()
    assert thumbnails(explorer)


def test_the_map_fills_the_screen_and_leaves_it(explorer):
    explorer.get_by_role("button", name="Full screen").click()
    leave = explorer.get_by_role("button", name="Leave full screen")
    expect(leave).to_be_visible()
    box = explorer.locator(".scatter").bounding_box()
    assert box
    assert (box["width"], box["height"]) == (1280, 900)
    leave.click()
    expect(explorer.get_by_role("button", name="Full screen", exact=True)).to_be_visible()


def test_the_map_takes_most_of_the_width(explorer):
    explorer.set_viewport_size({"width": 1440, "height": 900})
    share = explorer.locator(".scatter").evaluate(
        "box => box.getBoundingClientRect().width"
        " / box.getRootNode().host.closest('[data-testid=stHorizontalBlock]').getBoundingClientRect().width"
    )
    assert share > 0.7


def test_a_picture_is_kept_by_the_browser_and_a_guessed_address_gives_nothing(explorer, app):
    drawn(explorer)
    thumbnails(explorer)
    address = explorer.locator(".thumbnail img").first.get_attribute("src")
    assert address
    with urllib.request.urlopen(f"{app}{address}") as answer:
        assert "immutable" in answer.headers["Cache-Control"]
        assert Image.open(io.BytesIO(answer.read())).size == (96, 96)
    secret, row = re.fullmatch(r"/thumbnails/(.+)/96/(\d+)\.jpg", address).groups()  # type: ignore[union-attr]
    for wrong in (f"{secret[:-1]}/96/{row}.jpg", f"{secret}/96/99999.jpg", f"{secret}/9999/{row}.jpg"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{app}/thumbnails/{wrong}")
