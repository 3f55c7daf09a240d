"""The finder in a real Chromium, from the photo to the ranked cards."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from pages.shared import card
from pipeline import photo
from tests.browser import serving
from tests.browser.conftest import ODD_NAME, settle, visit
from tests.conftest import encoded, enlarged

NOTE_STAGES = """() => {
    window.stages = new Set();
    new MutationObserver(() => {
        for (const words of ["Loading the face model", "Finding faces"])
            if (document.body.textContent.includes(words)) window.stages.add(words);
    }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""

# Every so many cards are in one row, as their pictures tell.
EQUAL_ROWS = """columns => {
    const pictures = [...document.querySelectorAll("[data-testid=stGrid] img[alt$='in the gallery']")];
    const tops = pictures.map((picture) => picture.getBoundingClientRect().top);
    const inRow = (top) => tops.filter((other) => Math.abs(other - top) < 2).length;
    return pictures.every((picture) => picture.complete) && tops.every((top) => inRow(top) === columns);
}"""


def give(page: Page, data: bytes) -> None:
    """Upload a photo's bytes."""
    upload: FilePayload = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": data}
    page.locator("input[type=file]").first.set_input_files(upload)


def best(page: Page, person: str) -> None:
    """Wait for a person as the most alike one."""
    expect(page.get_by_role("heading", name=f"1. {person}", exact=True)).to_be_visible()


def test_the_page_appears_before_the_networks_are_loaded_and_then_names_its_stages(page, madonna):
    expect(page.get_by_role("heading", name="Who do I look like?")).to_be_visible()
    expect(page.get_by_role("button", name="Madonna", exact=True)).to_be_visible()
    # A stage can be over before one looks, so that the page itself notes what it shows.
    page.evaluate(NOTE_STAGES)
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    assert page.evaluate("window.stages.size")


def test_an_uploaded_photo_gives_equal_ranked_cards_with_pictures_of_one_size(page, madonna):
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    pictures = page.get_by_role("img", name="in the gallery")
    expect(pictures).to_have_count(9)
    serving.wait_until(page, "[...document.images].every(image => image.complete)")
    sizes = {(round(box["width"]), round(box["height"])) for box in boxes(pictures)[1:]}
    assert len(sizes) == 1, sizes
    tops = [round(box["y"]) for box in boxes(pictures)[1:4]]
    assert len(set(tops)) == 1, tops


def boxes(locator: Locator) -> list[Any]:
    return [box for each in locator.all() if (box := each.bounding_box())]


def test_a_picture_taken_with_the_webcam_gives_its_person(page):
    page.get_by_text("Webcam", exact=True).click()
    # The button is there before the camera's first picture is.
    serving.wait_until(page, "document.querySelector('video')?.readyState >= 2")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Take Photo").click()
    best(page, "Jerry Seinfeld")


def test_of_several_faces_another_one_can_be_picked(page, examples):
    people = ["Mindy Kaling", "Ben Affleck", "Madonna"]
    photos = [examples[person][0] for person in people]
    give(page, encoded(serving.group(photos), "JPEG", quality=95))
    expect(page.get_by_text("Which face?")).to_be_visible()
    found: list[str] = []
    for number in ("1", "2", "3"):
        page.get_by_role("radio", name=number, exact=True).or_(
            page.get_by_role("button", name=number, exact=True)
        ).click()
        heading = page.get_by_role("heading", level=2)
        if found:
            expect(heading).not_to_have_text(f"1. {found[-1]}")
        found.append(heading.inner_text().removeprefix("1. "))
    assert sorted(found) == sorted(people)
    # A tap on the face itself does the same.
    page.get_by_role("button", name="Look up face 2").click()
    best(page, found[1])


def test_a_photo_without_a_face_says_what_to_do(page):
    give(page, encoded(np.tile(np.linspace(60, 200, 400, dtype=np.uint8)[:, None, None], (1, 600, 3)), "JPEG"))
    expect(page.get_by_role("alert")).to_contain_text("No face was found. Use a photo that shows a face")
    expect(page.locator("input[type=file]").first).to_be_attached()


def test_a_text_file_that_calls_itself_a_photo_is_refused_with_a_sentence(page):
    give(page, b"Dear diary, this is no photo.")
    expect(page.get_by_role("alert")).to_contain_text("This is not a photo. Use a JPEG")


def test_a_photo_of_40_megapixels_gives_its_person(page, examples):
    face = enlarged(photo.read(examples["Elton John"][0]), 8)
    canvas = np.tile(np.random.default_rng(0).integers(90, 130, (550, 730, 1), np.uint8), (10, 10, 3))
    canvas[1500 : 1500 + face.shape[0], 2400 : 2400 + face.shape[1]] = face
    data = encoded(canvas, "JPEG", quality=75)
    assert len(data) > 3_000_000
    give(page, data)
    best(page, "Elton John")


def test_likeness_can_be_measured_by_cosine_instead_and_by_every_photo(page, madonna):
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    page.get_by_text("Advanced", exact=True).click()
    distances = page.get_by_role("table")
    by_network = distances.inner_text()
    page.get_by_text("Compare with every photo").click()
    expect(
        page.get_by_role("switch", name="Compare with every photo").or_(
            page.get_by_role("checkbox", name="Compare with every photo")
        )
    ).to_be_checked()
    best(page, "Madonna")
    page.get_by_text("Cosine", exact=True).click()
    expect(distances).not_to_have_text(by_network, use_inner_text=True)
    best(page, "Madonna")


@pytest.mark.parametrize(("shape", "size"), card.SHAPES.items())
def test_the_card_can_be_saved_in_the_shape_of_a_post_and_of_a_story(page, madonna, shape, size):
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    page.get_by_role("button", name="Save as picture").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=shape).click()
    saved = waiting.value
    assert saved.suggested_filename == f"looks-like-who-{shape.lower()}.png"
    picture = Image.open(io.BytesIO(saved.path().read_bytes()))
    assert (picture.format, picture.size) == ("PNG", size)


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_matches_are_equal_rows_and_open_beside_the_visitors_face(page, madonna, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    pictures = page.get_by_role("img", name="in the gallery")
    expect(pictures).to_have_count(9)
    serving.wait_until(page, EQUAL_ROWS, 4 if size[0] > 600 else 2)
    third = page.get_by_role("button", name="Compare with").nth(2)
    third.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img")).to_have_count(2)
    widths = [box["width"] for box in boxes(dialog.get_by_role("img"))]
    assert widths[0] == pytest.approx(widths[1], abs=1)
    assert widths[0] > boxes(pictures)[2]["width"] * 0.9
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(third).to_be_focused()
    third.click()
    expect(dialog).to_be_visible()


def test_twenty_photos_that_replace_each_other_on_a_slow_line_are_all_found(page, examples):
    people = ["Elton John", "Madonna", "Jerry Seinfeld", "Mindy Kaling", "Ben Affleck"] * 4
    heavy = {name: encoded(enlarged(photo.read(examples[name][0]), 5), "JPEG", quality=95) for name in set(people)}
    give(page, examples["Ben Affleck"][0].read_bytes())
    best(page, "Ben Affleck")
    line = {"offline": False, "latency": 40, "downloadThroughput": -1, "uploadThroughput": 250_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)
    before = "Ben Affleck"
    for name in people:
        give(page, heavy[name])
        page.wait_for_timeout(300)
        best(page, before)  # Until the new photo has arrived.
        best(page, name)
        before = name


BRING = """([data, kind]) => {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], "image.png", { type: "image/png" }));
    const options = { bubbles: true, cancelable: true };
    const event = kind === "paste"
        ? new ClipboardEvent(kind, { ...options, clipboardData: carried })
        : new DragEvent(kind, { ...options, dataTransfer: carried });
    document.querySelector("h1").dispatchEvent(event);
}"""


def bring(page: Page, data: bytes, kind: str) -> None:
    """Paste a photo, or drag or drop it on the page's title, as a browser does."""
    page.evaluate(BRING, [base64.b64encode(data).decode(), kind])


def test_a_photo_can_be_pasted_and_dropped_anywhere_also_beside_a_result(page, examples):
    expect(page.locator("input[type=file]")).to_be_attached()
    bring(page, encoded(photo.read(examples["Madonna"][1])), "paste")
    best(page, "Madonna")
    data = encoded(photo.read(examples["Elton John"][0]))
    bring(page, data, "dragenter")
    expect(page.get_by_text("Drop your photo anywhere")).to_be_visible()
    best(page, "Madonna")
    bring(page, data, "drop")
    expect(page.get_by_text("Drop your photo anywhere")).to_have_count(0)
    best(page, "Elton John")
    # The uploader is behind the camera, and takes it all the same.
    page.get_by_role("button", name="Choose another photo").click()
    page.get_by_text("Webcam", exact=True).click()
    expect(page.get_by_role("button", name="Take Photo")).to_be_visible()
    bring(page, encoded(photo.read(examples["Mindy Kaling"][0])), "paste")
    best(page, "Mindy Kaling")


def test_the_camera_can_take_a_photo_again_and_the_one_before_stays_until_then(page):
    page.get_by_text("Webcam", exact=True).click()
    shoot = page.get_by_role("button", name="Take Photo")
    serving.wait_until(page, "document.querySelector('video')?.readyState >= 2")
    shoot.click()
    best(page, "Jerry Seinfeld")
    page.get_by_role("button", name="Retake").click()
    expect(shoot).to_be_enabled()
    best(page, "Jerry Seinfeld")
    serving.wait_until(page, "document.querySelector('video')?.readyState >= 2")
    shoot.click()
    expect(shoot).to_have_count(0)
    best(page, "Jerry Seinfeld")


def test_twenty_photos_that_replace_each_other_and_one_that_is_broken_off_lose_none(page, examples):
    give(page, examples["Mindy Kaling"][0].read_bytes())
    best(page, "Mindy Kaling")
    people = ["Elton John", "Madonna", "Jerry Seinfeld", "Mindy Kaling"] * 5
    for name in people:
        give(page, examples[name][0].read_bytes())
        best(page, name)
    page.route("**/_stcore/upload_file/**", lambda route: route.abort())
    give(page, examples["Elton John"][0].read_bytes())
    expect(page.get_by_text("Network Error")).to_be_attached()
    best(page, people[-1])
    page.unroute("**/_stcore/upload_file/**")
    give(page, examples["Madonna"][0].read_bytes())
    best(page, "Madonna")


def test_the_keyboard_alone_leads_from_an_example_to_its_result(page):
    page.get_by_role("button", name="Mindy Kaling", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Left out: Mindy Kaling")).to_be_visible()
    first = page.get_by_role("heading", name="1. ")
    expect(first).to_be_focused()
    expect(first).not_to_contain_text("Mindy Kaling")
    after = page.get_by_role("button", name="Help for Resemblance")
    after.wait_for()
    page.keyboard.press("Tab")
    expect(after).to_be_focused()
    page.get_by_role("button", name="Choose another photo").press("Enter")
    page.get_by_role("button", name="Madonna", exact=True).press("Enter")
    expect(page.get_by_text("Left out: Madonna")).to_be_visible()
    expect(first).to_be_focused()
    expect(first).not_to_contain_text("Madonna")
    expect(page.get_by_role("button", name="Madonna", exact=True)).to_be_hidden()


def test_an_odd_name_shows_as_it_stands_and_galleries_can_be_chosen(page, madonna):
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    page.get_by_role("combobox", name="Gallery").click()
    page.get_by_role("option", name="odd").click()
    best(page, ODD_NAME)


def test_on_the_screen_of_a_phone_nothing_is_cut_off(page, madonna):
    width = 390
    page.set_viewport_size({"width": width, "height": 844})
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    for picture in boxes(page.get_by_role("img", name="in the gallery")):
        assert picture["x"] >= 0
        assert picture["x"] + picture["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_on_a_phone_the_page_scrolls_to_the_faces_the_name_and_the_number(page, madonna, motion):
    page.emulate_media(reduced_motion=motion)
    page.set_viewport_size({"width": 390, "height": 844})
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    settle(page)
    expect(page.locator(".st-key-best img").last).to_be_in_viewport(ratio=1)
    expect(page.locator(".st-key-best img").first).to_be_in_viewport(ratio=1)
    expect(page.locator(".st-key-best").get_by_test_id("stMetricValue")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("heading", name="1. Madonna")).to_be_in_viewport(ratio=1)


def test_on_a_phone_the_page_scrolls_to_what_is_wrong_with_a_photo(page):
    page.set_viewport_size({"width": 390, "height": 844})
    give(page, encoded(np.full((400, 600, 3), 120, np.uint8), "JPEG"))
    expect(page.get_by_role("alert")).to_be_visible()
    settle(page)
    # The page passes what is wrong on its way to where it ends.
    page.wait_for_timeout(1_000)
    expect(page.get_by_role("alert")).to_be_in_viewport(ratio=1, timeout=1_000)
    page.get_by_role("button", name="Mark the face yourself").click()
    expect(page.get_by_role("button", name="Use this face")).to_be_in_viewport(ratio=1)


def test_a_photo_that_is_removed_while_it_is_looked_at_does_not_come_back(page, madonna):
    give(page, madonna.read_bytes())
    page.get_by_role("button", name="Remove this photo").click()
    welcome = page.get_by_text("No photo at hand?")
    expect(welcome).to_be_visible()
    page.get_by_text("Webcam", exact=True).click()
    expect(page.get_by_role("button", name="Take Photo")).to_be_visible()
    settle(page)
    expect(welcome).to_be_visible()
    expect(page.get_by_role("heading", name="1. Madonna")).to_have_count(0)


SHARE = """
navigator.canShare = ({ files }) => files.length === 1;
navigator.share = async ({ files, text }) => {
    const bytes = new Uint8Array(await files[0].arrayBuffer());
    window.shared = [files[0].name, files[0].type, bytes.length, String.fromCharCode(...bytes.slice(1, 4)), text];
};
"""


def test_a_phone_that_can_share_files_gets_the_card_and_others_no_button(app, browser, page, madonna):
    with visit(app, browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as phone:
        phone.add_init_script(SHARE)
        phone.reload()
        give(phone, madonna.read_bytes())
        best(phone, "Madonna")
        phone.get_by_role("button", name="Share", exact=True).click()
        serving.wait_until(phone, "window.shared")
        name, kind, length, signature, text = phone.evaluate("window.shared")
        assert (name, kind, signature) == ("looks-like-who-post.png", "image/png", "PNG")
        assert length > 100_000
        assert "Madonna" in text
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    expect(page.get_by_role("button", name="Share", exact=True)).to_be_hidden()


def test_why_shows_where_two_faces_are_alike(page, madonna):
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    page.get_by_role("button", name="Compare with").nth(1).click()
    dialog = page.get_by_role("dialog")
    yours = dialog.get_by_role("img", name="The face in your photo")
    plain = yours.get_attribute("src")
    dialog.get_by_role("button", name="Why?").click()
    expect(dialog.get_by_text("The stronger the blue")).to_be_visible()
    assert yours.get_attribute("src") != plain
    page.keyboard.press("Escape")
    page.locator(".st-key-best").get_by_role("button", name="Why?").click()
    expect(dialog.get_by_text("The stronger the blue")).to_be_visible()
