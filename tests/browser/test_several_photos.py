"""Several photos of one face, and a box by hand, in a real Chromium."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import FilePayload, Page, expect

from pipeline import photo
from tests.browser import serving
from tests.browser.conftest import settle, visit
from tests.browser.test_finder import best, boxes, bring, give
from tests.conftest import beside, encoded, enlarged, half_hidden

# Whether the camera shows something: its first pictures may be black.
IS_LIGHT = """() => {
    const video = document.querySelector("video");
    if (!(video?.readyState >= 2)) return false;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 8;
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 8, 8);
    return context.getImageData(0, 0, 8, 8).data.some((value, place) => place % 4 < 3 && value > 60);
}"""


def add(page: Page, *files: bytes) -> None:
    """Upload more photos of the same face at once, by the button beside the result."""
    page.get_by_role("button", name="Add another photo").click()
    more: list[FilePayload] = [
        {"name": f"{place}.jpg", "mimeType": "image/jpeg", "buffer": data} for place, data in enumerate(files)
    ]
    uploader = page.locator(".st-key-more-photos-uploader")
    expect(uploader).to_be_visible()
    # A screen reader hears which of the two buttons has opened the box.
    for name, is_open in (("Add another photo", "true"), ("Choose another photo", "false")):
        expect(page.get_by_role("button", name=name)).to_have_attribute("aria-expanded", is_open)
    uploader.locator("input[type=file]").set_input_files(more)


def test_three_photos_make_one_result_and_each_can_be_removed(page, examples):
    paths = examples["Madonna"][1:4]
    give(page, paths[0].read_bytes())
    best(page, "Madonna")
    add(page, *(path.read_bytes() for path in paths[1:]))
    expect(page.get_by_text("3 photos of one face")).to_be_visible()
    best(page, "Madonna")
    expect(page.locator(".st-key-ways-to-give-a-photo")).to_be_hidden()
    expect(page.get_by_role("img", name="The face in photo")).to_have_count(3)
    page.get_by_role("button", name="Remove photo 1").press("Enter")
    expect(page.get_by_text("2 photos of one face")).to_be_visible()
    page.get_by_role("button", name="Remove photo 2").click()
    expect(page.get_by_text("photos of one face")).to_have_count(0)
    best(page, "Madonna")


def test_more_photos_on_a_slow_line_leave_the_result_until_all_have_arrived(page, examples):
    give(page, examples["Madonna"][1].read_bytes())
    best(page, "Madonna")
    heavy = [encoded(enlarged(photo.read(path), 5), "JPEG", quality=95) for path in examples["Madonna"][2:]]
    line = {"offline": False, "latency": 40, "downloadThroughput": -1, "uploadThroughput": 250_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)
    add(page, *heavy)
    page.wait_for_timeout(300)
    best(page, "Madonna")
    # Hiding the uploader breaks nothing off.
    page.get_by_role("button", name="Add another photo").click()
    expect(page.get_by_text(f"{1 + len(heavy)} photos of one face")).to_be_visible()


def test_somebody_else_is_asked_about_and_left_out(page, examples):
    give(page, examples["Madonna"][1].read_bytes())
    best(page, "Madonna")
    add(page, examples["Elton John"][1].read_bytes())
    expect(page.get_by_text("Photo 2 seems to show somebody else and is left out")).to_be_visible()
    best(page, "Madonna")
    page.get_by_role("button", name="Use photo 2").click()
    expect(page.get_by_text("2 photos of one face")).to_be_visible()


def test_a_pasted_photo_and_one_of_the_webcam_can_be_added(page, examples):
    give(page, examples["Jerry Seinfeld"][1].read_bytes())
    best(page, "Jerry Seinfeld")
    page.get_by_role("button", name="Add another photo").click()
    bring(page, encoded(photo.read(examples["Jerry Seinfeld"][2])), "paste")
    expect(page.get_by_text("2 photos of one face")).to_be_visible()
    page.get_by_role("button", name="Add another photo").click()
    page.get_by_text("Webcam", exact=True).click()
    serving.wait_until(page, IS_LIGHT)
    page.get_by_role("button", name="Take Photo", exact=True).click()
    expect(page.get_by_text("3 photos of one face")).to_be_visible()
    best(page, "Jerry Seinfeld")


def test_on_the_screen_of_a_phone_the_crops_are_not_cut_off(page, examples):
    page.set_viewport_size({"width": 390, "height": 844})
    give(page, examples["Madonna"][1].read_bytes())
    best(page, "Madonna")
    add(page, *(path.read_bytes() for path in examples["Madonna"][2:4]))
    crops = page.get_by_role("img", name="The face in photo")
    expect(crops).to_have_count(3)
    for box in boxes(crops):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# A box by hand ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hidden(models, examples):
    """A photo in which no face is found, and where Madonna's is, as shares of its sides."""
    face = photo.read(examples["Madonna"][1])
    found = models.faces(face)[0]
    canvas = beside(np.full((300, 300, 3), 127, np.uint8), half_hidden(face, found))
    height, width = canvas.shape[:2]
    x, y, across, down = found.box
    return encoded(canvas), ((x + 300) / width, y / height, across / width, down / height)


def mark(page: Page, box: tuple[float, float, float, float]) -> None:
    """Draw a box, in shares of the picture, by the mouse, and use it."""
    expect(page.get_by_role("button", name="Box around the face")).to_be_focused()
    settle(page)
    picture = page.get_by_role("img", name="Your photo", exact=True)
    serving.wait_until(page, "element => element.naturalWidth > 0", picture.element_handle())
    (place,) = boxes(picture)
    x, y, width, height = box
    left, top = place["x"] + x * place["width"], place["y"] + y * place["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + width * place["width"] / 2, top + height * place["height"] / 2)
    page.mouse.move(left + width * place["width"], top + height * place["height"])
    page.mouse.up()
    page.get_by_role("button", name="Use this face").click()


def test_where_no_face_is_found_a_box_drawn_by_hand_gives_a_result(page, hidden):
    data, box = hidden
    give(page, data)
    expect(page.get_by_role("alert")).to_contain_text("No face was found")
    page.get_by_role("button", name="Mark the face yourself").click()
    mark(page, box)
    expect(page.get_by_role("heading", name="1. ")).to_be_visible()
    expect(page.get_by_role("img", name="Your photo with a numbered box")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_keyboard_alone_moves_the_box_changes_its_size_and_takes_it(page, examples):
    people = ["Elton John", "Madonna"]
    give(page, encoded(serving.group([examples[person][1] for person in people]), "JPEG", quality=95))
    first = page.get_by_role("heading", name="1. ")
    expect(first).to_be_visible()
    before = first.inner_text()
    page.get_by_role("button", name="Choose another photo").press("Enter")
    page.get_by_role("button", name="Wrong face? Mark yours").press("Enter")
    box = page.get_by_role("button", name="Box around the face")
    expect(box).to_be_focused()
    name = box.get_attribute("aria-label")
    # The photo has the two side by side; the box begins in the middle.
    for _ in range(10):
        page.keyboard.press("ArrowRight" if "Elton" in before else "ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    assert box.get_attribute("aria-label") != name
    page.keyboard.press("Enter")
    expect(page.get_by_text("Which face?")).to_be_visible()
    expect(first).not_to_have_text(before)
    expect(first).to_be_visible()


def test_escape_leaves_the_result_as_it_is(page, madonna):
    give(page, madonna.read_bytes())
    best(page, "Madonna")
    page.get_by_role("button", name="Choose another photo").click()
    page.get_by_role("button", name="Wrong face? Mark yours").click()
    box = page.get_by_role("button", name="Box around the face")
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    best(page, "Madonna")
    expect(page.get_by_role("img", name="Your photo with a numbered box")).to_be_visible()


def test_a_finger_draws_a_box_and_does_not_scroll_the_page(app, browser, madonna):
    with visit(app, browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as phone:
        give(phone, madonna.read_bytes())
        best(phone, "Madonna")
        phone.get_by_role("button", name="Choose another photo").tap()
        phone.get_by_role("button", name="Wrong face? Mark yours").tap()
        box = phone.get_by_role("button", name="Box around the face")
        expect(box).to_be_focused()
        settle(phone)
        session = phone.context.new_cdp_session(phone)
        (place,) = boxes(phone.get_by_role("img", name="Your photo", exact=True))
        before = box.get_attribute("aria-label")
        top = phone.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")

        def touch(kind: str, x: float, y: float) -> None:
            point = {"x": place["x"] + x * place["width"], "y": place["y"] + y * place["height"]}
            session.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if kind == "touchEnd" else [point]}
            )

        touch("touchStart", 0.05, 0.05)
        for share in (0.2, 0.4, 0.6):
            touch("touchMove", share, share)
        touch("touchEnd", 0.6, 0.6)
        expect(box).not_to_have_attribute("aria-label", before or "")
        assert phone.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == top
        phone.get_by_role("button", name="Cancel").click()
        expect(box).to_have_count(0)


# The camera ---------------------------------------------------------------------------------------------------------


def test_the_camera_counts_down_before_it_takes_a_photo_and_its_preview_is_a_mirror(page):
    page.get_by_text("Webcam", exact=True).click()
    serving.wait_until(page, IS_LIGHT)
    (video,) = boxes(page.locator("video"))
    assert video["width"] > 450
    assert page.locator("video").evaluate("element => getComputedStyle(element).transform").startswith("matrix(-1")
    page.get_by_role("button", name="Count down from 3").click()
    for number in ("3", "2", "1"):
        expect(page.locator(".countdown-number")).to_have_text(number)
    best(page, "Jerry Seinfeld")
    expect(page.locator(".countdown-number")).to_have_count(0)
