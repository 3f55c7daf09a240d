"""Every state of the pages, light, dark and on a phone, into screenshots/; and the README's pictures.

Run it with ``make screenshots``.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pipeline import storage
from pipeline.sources import demonstration
from tests.browser import serving, states

TARGET = serving.ROOT / "screenshots"
# With how much of their height.
README_PICTURES = {
    "light-result": ("finder.png", 5000),
    "light-map-you": ("explorer.png", 960),
    "light-training": ("training.png", 1330),
}
VARIANTS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "device_scale_factor": 2},
    "phone-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "device_scale_factor": 2},
}


def main() -> None:
    """Take all pictures."""
    expect.set_options(timeout=120_000)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    examples = demonstration.example_photos()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "temporary").mkdir()
        webcam = serving.film(examples["Jerry Seinfeld"][0], place / "face.mjpeg")
        with serving.chromium(webcam) as browser:
            with serving.app(place / "nothing", place / "temporary") as address:
                for variant in VARIANTS:
                    page = _visit(browser, address, variant)
                    expect(page.get_by_role("button", name="Set up now")).to_be_visible()
                    _take(page, "missing", variant=variant)
            for variant in VARIANTS:
                look = partial(_take, variant=variant)
                # An app of its own for each, as the networks load only once.
                with serving.app(storage.home(), place / "temporary") as address:
                    states.finder(_visit(browser, address, variant), look, examples)
                    states.explorer(_visit(browser, address, variant), look)
                    states.systems(_visit(browser, f"{address}/systems", variant), look)
                # Galleries and trainings are written into a data folder of their own.
                with serving.app(serving.own_home(place / variant), place / "temporary") as address:
                    states.people(_visit(browser, f"{address}/people", variant), look, examples)
                    states.training(_visit(browser, f"{address}/training", variant), look)
    for state, (name, height) in README_PICTURES.items():
        _small(TARGET / f"{state}.png", height).save(serving.ROOT / "assets" / name, optimize=True)


def _small(path: Path, height: int) -> Image.Image:
    """A picture, or the upper part of it, in 256 colours, which takes a third of the room."""
    with Image.open(path) as picture:
        part = picture.convert("RGB").crop((0, 0, picture.width, min(height, picture.height)))
        return part.quantize(256, dither=Image.Dither.FLOYDSTEINBERG)


def _visit(browser: Browser, address: str, variant: str) -> Page:
    page = browser.new_context(**VARIANTS[variant], permissions=["camera"]).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    return page


def _take(page: Page, state: str, *, variant: str) -> None:
    """The whole page, as Streamlit scrolls a part of it and not the page itself; or what a dialog leaves to see."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    size = VARIANTS[variant]["viewport"]
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    if page.get_by_role("dialog").count() == 0:
        page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
        page.wait_for_timeout(500)
    page.screenshot(path=TARGET / f"{variant}-{state}.png")
    page.set_viewport_size(size)


if __name__ == "__main__":
    main()
