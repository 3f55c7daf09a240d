"""Ways through the pages that show every state: for screenshots and for tests of what holds in all of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import FilePayload, Page, expect

from tests.browser import serving
from tests.conftest import encoded

# Called with the page and the name of the state that it is in.
Look = Callable[[Page, str], None]


def finder(page: Page, look: Look, examples: dict[str, list[Path]]) -> None:
    """The finder, from the first visit to photos that show no face."""
    example = page.get_by_role("button", name="Elton John", exact=True)
    expect(example).to_be_visible()
    look(page, "empty")
    page.get_by_text("Webcam", exact=True).click()
    expect(page.get_by_role("button", name="Take Photo")).to_be_enabled()
    look(page, "webcam")
    example.click()
    # The last line of a result, and what comes before it unless the networks are there already.
    end = page.get_by_text("Advanced", exact=True)
    expect(page.get_by_text("Loading the face model").or_(end).first).to_be_visible()
    look(page, "working")
    expect(end).to_be_visible()
    look(page, "result")
    page.get_by_role("button", name=re.compile("^Compare with ")).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Why?").click()
    expect(page.get_by_text("The stronger the blue")).to_be_visible()
    look(page, "pair")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add another photo").click()
    page.get_by_role("radio", name="Upload", exact=True).click()
    uploader = page.locator(".st-key-more-photos-uploader")
    expect(uploader).to_be_visible()
    look(page, "add-photo")
    uploader.locator("input[type=file]").set_input_files(examples["Elton John"][1])
    expect(page.get_by_text("2 photos of one face")).to_be_visible()
    expect(end).to_be_visible()
    look(page, "two-photos")
    page.get_by_text("Choose another photo").click()
    end.click()
    look(page, "result-unfolded")
    page.get_by_text("Upload", exact=True).first.click()
    people = ["Mindy Kaling", "Ben Affleck", "Madonna"]
    _give(page, encoded(serving.group([examples[person][0] for person in people]), "JPEG", quality=95))
    expect(page.get_by_text("Which face?")).to_be_visible()
    expect(end).to_be_visible()
    look(page, "faces")
    page.reload()
    _give(page, encoded(np.tile(np.linspace(60, 200, 400, dtype=np.uint8)[:, None, None], (1, 600, 3)), "JPEG"))
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "no-face")
    page.get_by_role("button", name="Mark the face yourself").click()
    expect(page.get_by_text("Use this face").or_(page.get_by_role("button", name="Use")).first).to_be_visible()
    look(page, "mark-face")
    page.reload()
    _give(page, b"Dear diary, this is no photo.")
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "no-photo")


def explorer(page: Page, look: Look) -> None:
    """The map: somebody on it, a pair, a search, colours, an area."""
    page.get_by_role("button", name="Madonna", exact=True).click()
    page.get_by_role("link", name="Show me on the map").click()
    you = page.locator(".mark.chosen")
    expect(you).to_be_visible()
    look(page, "map-you")
    page.get_by_role("button", name="Compare", exact=True).nth(1).click()
    expect(page.get_by_text("Most similar photos").or_(page.get_by_text("The photos"))).to_be_visible()
    look(page, "map-pair")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Every point is a face")).to_be_visible()
    page.locator(".scatter canvas").press("0")
    look(page, "map")
    page.get_by_role("combobox", name="Search by name").fill("rogerio c")
    look(page, "map-search")
    page.keyboard.press("Enter")
    expect(you).to_be_visible()
    look(page, "map-face")
    page.get_by_role("combobox", name="Colour").click()
    page.get_by_role("option", name="Distance").click()
    page.get_by_text("PCA", exact=True).click()
    expect(page.locator(".legend").get_by_text("near")).to_be_visible()
    look(page, "map-distance")
    page.goto(f"{page.url.partition('?')[0]}?area=-0.9,-0.3 -0.2,-0.75 0.2,-0.2 -0.3,0.1")
    expect(page.get_by_role("heading", name="photos of")).to_be_visible()
    look(page, "map-area")


def people(page: Page, look: Look, examples: dict[str, list[Path]]) -> None:
    """The people page: adding, renaming, removing."""
    expect(page.get_by_role("button", name="Madonna", exact=True)).to_be_visible()
    look(page, "people")
    page.get_by_role("button", name="New gallery").click()
    create = page.get_by_role("button", name="Create")
    expect(create).to_be_visible()
    look(page, "people-new")
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
    look(page, "people-review")
    page.get_by_text("One person").click()
    page.get_by_role("textbox", name="Who is this?").fill("My best friend")
    page.keyboard.press("Tab")
    add = page.get_by_role("button", name="Add 4 photos")
    expect(add).to_be_enabled()
    look(page, "people-named")
    add.click()
    expect(page.get_by_text("Added My best friend")).to_be_visible()
    look(page, "people-added")
    page.get_by_role("button", name="My best friend", exact=True).click()
    remove = page.get_by_role("button", name="Remove My best friend", exact=True)
    expect(remove).to_be_visible()
    look(page, "people-person")
    remove.click()
    expect(page.get_by_role("button", name="Yes, remove")).to_be_visible()
    look(page, "people-remove")
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Rename or merge").click()
    name = page.get_by_role("dialog").get_by_role("textbox", name="Name", exact=True)
    name.fill("Madonna")
    name.press("Enter")
    expect(page.get_by_role("button", name="Merge with Madonna")).to_be_visible()
    look(page, "people-rename")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Remove My best friend", exact=True).click()
    page.get_by_role("button", name="Yes, remove").click()
    expect(page.get_by_role("button", name="Undo removing My best friend")).to_be_visible()
    look(page, "people-removed")


def training(page: Page, look: Look) -> None:
    """The viewer of trainings, and a training from its dialog to its end."""
    expect(page.get_by_role("figure", name="Curves of")).to_be_visible()
    look(page, "training")
    for view, sign in (
        ("Compare", "Lineage"),
        ("Geometry", "median ap"),
        ("Evaluation", "most mistaken"),
        ("Tuning", "Each line is a run"),
    ):
        page.get_by_text(view, exact=True).click()
        expect(page.get_by_text(sign)).to_be_visible()
        look(page, f"training-{view.lower()}")
    page.get_by_text("Curves", exact=True).click()
    page.get_by_role("button", name="Train one now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Start")).to_be_visible()
    look(page, "training-dialog")
    dialog.get_by_role("button", name="Start").click()
    expect(page.get_by_test_id("stProgress")).to_contain_text(re.compile("Epoch [4-9]"), timeout=300_000)
    look(page, "training-live")
    expect(page.get_by_test_id("stProgress")).to_have_count(0, timeout=300_000)
    for name in ("Options", "Filter and group", "Import and export"):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_test_id("stPopoverBody")).to_be_visible()
        look(page, f"training-{name.split()[0].lower()}")
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    page.get_by_role("button", name="Manage runs").click()
    expect(dialog.get_by_role("button", name="Save")).to_be_visible()
    look(page, "training-manage")


def systems(page: Page, look: Look) -> None:
    """The page of the systems."""
    expect(page.get_by_text("systems, the same people")).to_be_visible()
    look(page, "systems")


def sign_in(page: Page, look: Look, password: str) -> None:
    """The page of the administrator of a public server."""
    field = page.get_by_role("textbox", name="Password")
    expect(field).to_be_visible()
    look(page, "sign-in")
    field.fill("wrong")
    field.press("Enter")
    expect(page.get_by_text("This is not the password")).to_be_visible()
    look(page, "wrong-password")
    field.fill(password)
    field.press("Enter")
    expect(page.get_by_text("You are signed in")).to_be_visible()
    look(page, "signed-in")


def _give(page: Page, data: bytes) -> None:
    upload: FilePayload = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": data}
    page.locator("input[type=file]").first.set_input_files(upload)
