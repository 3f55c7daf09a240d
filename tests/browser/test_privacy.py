"""Nothing that shows a visitor can be fetched from the server, neither during the visit nor after it."""

from __future__ import annotations

import io
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError
from playwright.sync_api import Page, Response, expect

from pipeline import photo
from tests.browser.conftest import open_page, visit
from tests.browser.test_finder import best, give
from tests.conftest import encoded


def in_magenta(path) -> bytes:
    """A photo in a colour that no photo of the gallery has, so that everything made of it is known by it."""
    pixels = photo.read(path).astype(float) * (1, 0.45, 1)
    return encoded(pixels.astype(np.uint8), "JPEG", quality=92)


def is_magenta(data: bytes) -> bool:
    """Whether a tenth of a picture is as magenta as the visitor. What is no picture shows nobody."""
    try:
        picture = Image.open(io.BytesIO(data)).convert("RGB")
    except UnidentifiedImageError:
        return False
    red, green, blue = np.asarray(picture, float).reshape(-1, 3).T
    return bool(np.mean((green < 0.6 * red) & (green < 0.6 * blue) & (red > 40)) > 0.1)


def body(address: str) -> bytes:
    """What the server answers to somebody without a session; nothing if it knows no such address."""
    try:
        with urllib.request.urlopen(address) as answer:
            data: bytes = answer.read()
            return data
    except urllib.error.HTTPError:
        return b""


def use_everything(page: Page, data: bytes) -> None:
    """Every place of the app that shows a visitor's photo."""
    give(page, data)
    best(page, "Madonna")
    page.get_by_role("button", name="Save as picture").click()
    with page.expect_download():
        page.get_by_role("button", name="Story").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Why?").click()
    expect(page.get_by_text("The stronger the blue")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Show me on the map").click()
    expect(page.locator(".mark.chosen")).to_be_visible()
    page.get_by_role("button", name="Compare", exact=True).nth(1).click()
    expect(page.get_by_text("Most similar photos").or_(page.get_by_text("The photos"))).to_be_visible()
    page.get_by_role("combobox", name="Gallery").click()
    page.get_by_role("option", name="odd").click()
    open_page(page, "People")
    page.locator("input[type=file]").set_input_files({"name": "me.jpg", "mimeType": "image/jpeg", "buffer": data})
    expect(page.get_by_role("img", name="The face in me.jpg")).to_be_visible()


@pytest.mark.slow
def test_what_shows_the_visitor_has_no_address(app, browser, madonna):
    data = in_magenta(madonna)
    assert is_magenta(data)
    addresses: set[str] = set()

    def see(response: Response) -> None:
        if "/media/" in response.url:
            addresses.add(response.url)

    with visit(app, browser) as page:
        page.on("response", see)
        use_everything(page, data)
        # So what is looked for would be seen.
        shown = page.get_by_role("img", name="The face in me.jpg").get_attribute("src") or ""
        assert shown.startswith("data:image/jpeg;base64,")
        with urllib.request.urlopen(shown) as picture:
            assert is_magenta(picture.read())
        during = {address: body(address) for address in addresses}
    after = {address: body(address) for address in addresses}
    assert len(during) > 10
    for answers in (during, after):
        assert not [address for address, answer in answers.items() if answer and is_magenta(answer)]
