"""Every state of the pages, light, dark and on a phone, into screenshots/; and the README's pictures.

Run it with ``make screenshots``.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect

from pipeline import storage
from pipeline.sources import demonstration
from tests.browser import serving
from tests.conftest import encoded

TARGET = serving.ROOT / "screenshots"
# With how much of their height.
README_PICTURES = {
    "light-result": ("finder.png", 5000),
    "light-map-face": ("explorer.png", 960),
    "light-training": ("training.png", 1460),
}
VARIANTS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "device_scale_factor": 2},
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
                    _take(page, variant, "missing")
            for variant in VARIANTS:
                # An app of its own for each, as the networks load only once.
                with serving.app(storage.home(), place / "temporary") as address:
                    _states(_visit(browser, address, variant), variant, examples)
                    _explorer_states(_visit(browser, address, variant), variant)
                with serving.app(serving.own_home(place / variant), place / "temporary") as address:
                    _people_states(_visit(browser, f"{address}/people", variant), variant, examples)
                # Trainings are written into a data folder of their own.
                with serving.app(serving.own_home(place / f"{variant}-training"), place / "temporary") as address:
                    _training_states(_visit(browser, f"{address}/training", variant), variant)
    for state, (name, height) in README_PICTURES.items():
        _small(TARGET / f"{state}.png", height).save(serving.ROOT / "assets" / name, optimize=True)


def _small(path: Path, height: int) -> Image.Image:
    """A picture, or the upper part of it, in 256 colours, which takes a third of the room."""
    with Image.open(path) as picture:
        part = picture.convert("RGB").crop((0, 0, picture.width, min(height, picture.height)))
        return part.quantize(256, dither=Image.Dither.FLOYDSTEINBERG)


def _states(page: Page, variant: str, examples: dict[str, list[Path]]) -> None:
    example = page.get_by_role("button", name="Elton John", exact=True)
    expect(example).to_be_visible()
    _take(page, variant, "empty")
    page.get_by_text("Webcam", exact=True).click()
    expect(page.get_by_role("button", name="Take Photo")).to_be_enabled()
    _take(page, variant, "webcam")
    example.click()
    # The last line of a result, and what comes before it unless the networks are there already.
    end = page.get_by_text("Advanced", exact=True)
    expect(page.get_by_text("Loading the face model").or_(end).first).to_be_visible()
    _take(page, variant, "working")
    expect(end).to_be_visible()
    _take(page, variant, "result")
    page.get_by_text("Choose another photo").click()
    end.click()
    _take(page, variant, "result-unfolded")
    page.get_by_text("Upload", exact=True).first.click()
    people = ["Mindy Kaling", "Ben Affleck", "Madonna"]
    _give(page, encoded(serving.group([examples[person][0] for person in people]), "JPEG", quality=95))
    expect(page.get_by_text("Which face?")).to_be_visible()
    expect(end).to_be_visible()
    _take(page, variant, "faces")
    page.reload()
    _give(page, encoded(np.tile(np.linspace(60, 200, 400, dtype=np.uint8)[:, None, None], (1, 600, 3)), "JPEG"))
    expect(page.get_by_role("alert")).to_be_visible()
    _take(page, variant, "no-face")
    page.reload()
    _give(page, b"Dear diary, this is no photo.")
    expect(page.get_by_role("alert")).to_be_visible()
    _take(page, variant, "no-photo")


def _explorer_states(page: Page, variant: str) -> None:
    page.get_by_role("button", name="Madonna", exact=True).click()
    page.get_by_role("link", name="Show me on the map").click()
    you = page.locator(".mark.chosen")
    expect(you).to_be_visible()
    _take(page, variant, "map-you")
    page.get_by_role("button", name="Compare", exact=True).nth(1).click()
    expect(page.get_by_text("Most similar photos").or_(page.get_by_text("The photos"))).to_be_visible()
    _take(page, variant, "map-pair")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Every point is a face")).to_be_visible()
    page.locator(".scatter canvas").press("0")
    _take(page, variant, "map")
    page.get_by_role("combobox", name="Search by name").fill("rogerio c")
    _take(page, variant, "map-search")
    page.keyboard.press("Enter")
    expect(you).to_be_visible()
    _take(page, variant, "map-face")
    page.get_by_role("combobox", name="Colour").click()
    page.get_by_role("option", name="Distance").click()
    page.get_by_text("PCA", exact=True).click()
    expect(page.locator(".legend").get_by_text("near")).to_be_visible()
    _take(page, variant, "map-distance")
    page.goto(f"{page.url.partition('?')[0]}?area=-0.9,-0.3 -0.2,-0.75 0.2,-0.2 -0.3,0.1")
    expect(page.get_by_role("heading", name="photos of")).to_be_visible()
    _take(page, variant, "map-area")


def _people_states(page: Page, variant: str, examples: dict[str, list[Path]]) -> None:
    expect(page.get_by_role("button", name="Madonna", exact=True)).to_be_visible()
    _take(page, variant, "people")
    page.get_by_role("button", name="New gallery").click()
    create = page.get_by_role("button", name="Create")
    expect(create).to_be_visible()
    _take(page, variant, "people-new")
    create.click()
    expect(page.get_by_text("Add photos of people to it")).to_be_visible()
    files = [path for name in ("Madonna", "Elton John") for path in examples[name][:2]]
    given: list[FilePayload] = [
        {"name": path.name, "mimeType": "image/jpeg", "buffer": path.read_bytes()} for path in files
    ]
    sky = np.tile(np.linspace(60, 200, 400, dtype=np.uint8)[:, None, None], (1, 600, 3))
    given.append({"name": "Sunset.png", "mimeType": "image/png", "buffer": encoded(sky)})
    page.locator("input[type=file]").set_input_files(given)
    expect(page.get_by_text("No face found")).to_be_visible()
    _take(page, variant, "people-review")
    page.get_by_text("One person").click()
    page.get_by_role("textbox", name="Who is this?").fill("My best friend")
    page.keyboard.press("Tab")
    _take(page, variant, "people-named")
    page.get_by_role("button", name="Add 4 photos").click()
    expect(page.get_by_text("Added My best friend")).to_be_visible()
    _take(page, variant, "people-added")
    page.get_by_role("button", name="My best friend", exact=True).click()
    remove = page.get_by_role("button", name="Remove My best friend", exact=True)
    expect(remove).to_be_visible()
    _take(page, variant, "people-person")
    remove.click()
    expect(page.get_by_role("button", name="Yes, remove")).to_be_visible()
    _take(page, variant, "people-remove")
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Rename or merge").click()
    name = page.get_by_role("dialog").get_by_role("textbox", name="Name", exact=True)
    name.fill("Madonna")
    name.press("Enter")
    expect(page.get_by_role("button", name="Merge with Madonna")).to_be_visible()
    _take(page, variant, "people-rename")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Remove My best friend", exact=True).click()
    page.get_by_role("button", name="Yes, remove").click()
    expect(page.get_by_role("button", name="Undo removing My best friend")).to_be_visible()
    _take(page, variant, "people-removed")


def _training_states(page: Page, variant: str) -> None:
    expect(page.get_by_role("figure", name="Loss of")).to_be_visible()
    _take(page, variant, "training")
    for view, sign in (
        ("Geometry", "median ap"),
        ("Evaluation", "Most frequent"),
        ("Tuning", "Each line is a run"),
    ):
        page.get_by_text(view, exact=True).click()
        expect(page.get_by_text(sign)).to_be_visible()
        _take(page, variant, f"training-{view.lower()}")
    page.get_by_text("Curves", exact=True).click()
    page.get_by_role("button", name="Train one now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Start")).to_be_visible()
    page.wait_for_timeout(1000)
    page.screenshot(path=TARGET / f"{variant}-training-dialog.png")
    dialog.get_by_role("button", name="Start").click()
    expect(page.get_by_test_id("stProgress")).to_contain_text(re.compile("Epoch [4-9]"))
    _take(page, variant, "training-live")
    expect(page.get_by_test_id("stProgress")).to_have_count(0)


def _visit(browser: Browser, address: str, variant: str) -> Page:
    page = browser.new_context(**VARIANTS[variant], permissions=["camera"]).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    return page


def _give(page: Page, data: bytes) -> None:
    upload: FilePayload = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": data}
    page.locator("input[type=file]").first.set_input_files(upload)


def _take(page: Page, variant: str, state: str) -> None:
    """The whole page, as Streamlit scrolls a part of it and not the page itself."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    size = VARIANTS[variant]["viewport"]
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
    page.wait_for_timeout(500)
    page.screenshot(path=TARGET / f"{variant}-{state}.png")
    page.set_viewport_size(size)


if __name__ == "__main__":
    main()
