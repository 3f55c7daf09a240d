"""The training viewer in a real Chromium: a real training is started, watched, left, stopped, continued, killed."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from pipeline import storage
from tests.browser import serving
from tests.browser.conftest import WATCH_FOR_COPIES
from train.runs import files, history, lock, processes

MAIN = "[data-testid=stMain]"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A data folder of this module's own, as trainings write into it; those that are left are ended."""
    place = tmp_path_factory.mktemp("training")
    (place / "temporary").mkdir()
    yield serving.own_home(place / "home")
    for folder in (place / "home" / "runs").glob("*"):
        if lock.is_running(folder):
            os.kill((storage.read_json(folder / files.PROCESS) or {})["pid"], signal.SIGKILL)


@pytest.fixture(scope="module")
def viewer(home):
    """The address of the training viewer."""
    with serving.app(home, home.parent / "temporary") as address:
        yield f"{address}/training"


@pytest.fixture
def page(viewer, browser):
    """A visitor's page of the viewer; nothing is drawn twice, and the console stays free of errors."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(WATCH_FOR_COPIES)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "twice" in message.text else None)
    page.on("pageerror", lambda error: complaints.append(error.message))
    page.goto(viewer)
    yield page
    context.close()
    assert complaints == []


def button(page: Page, name: str) -> Locator:
    """A button of the page itself: Streamlit has one called Stop as well."""
    return page.locator(MAIN).get_by_role("button", name=name, exact=True)


def epoch(page: Page) -> int:
    """How far the training is that the page shows."""
    progress = page.get_by_test_id("stProgress")
    expect(progress).to_contain_text(re.compile(r"Epoch \d+ of at most"))
    found = re.search(r"Epoch (\d+)", progress.inner_text())
    return int(found[1]) if found else 0


def charts(page: Page) -> Locator:
    """The charts of curves."""
    return page.get_by_role("figure", name="Curves of")


def first_chart_is_on_the_screen(page: Page) -> None:
    """Wait until the first chart of curves is wholly on the screen, which is never scrolled here."""
    # While a run is live, the charts are drawn again and again: an element may be gone at any time.
    box = "document.querySelector('.draglayer .xy .nsewdrag')?.getBoundingClientRect()"
    serving.wait_until(page, f"(box => box && box.height > 0 && box.bottom < innerHeight)({box})")


def test_a_training_is_started_grows_survives_a_reload_and_is_stopped_and_continued(page, home):
    button(page, "Train one now").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Epochs at most").fill("200")
    dialog.get_by_label("Steps per epoch").fill("30")
    dialog.get_by_label("Name").fill("live")
    dialog.get_by_label("Name").press("Enter")
    button(page, "Start").or_(dialog.get_by_role("button", name="Start")).first.click()
    expect(button(page, "Stop")).to_be_visible()
    expect(page).to_have_url(re.compile("runs=.*live"))
    # It grows without a reload: what is typed meanwhile stays.
    first = epoch(page)
    page.evaluate("window.stays = true")
    serving.wait_until(page, f"+/Epoch (\\d+)/.exec(document.body.innerText)?.[1] > {first}")
    assert page.evaluate("window.stays")
    page.reload()
    assert epoch(page) > first
    expect(charts(page).locator(".legend").get_by_text("live")).to_be_visible()
    # Meanwhile the first chart is on the screen.
    expect(button(page, "Stop")).to_be_visible()
    first_chart_is_on_the_screen(page)
    button(page, "Stop").click()
    expect(page.get_by_text("was stopped after epoch")).to_be_visible()
    expect(button(page, "Stop")).to_have_count(0)
    folder = home / "runs" / "live"
    assert processes.run_state(folder) == "stopped"
    rows = len(history.read_history(folder))
    button(page, "Continue").click()
    expect(button(page, "Stop")).to_be_visible()
    assert epoch(page) >= rows - 1
    # A run that is killed is shown as such, on every page that is open.
    os.kill((storage.read_json(folder / files.PROCESS) or {})["pid"], signal.SIGKILL)
    expect(page.get_by_text("ended unexpectedly after epoch")).to_be_visible()
    epochs = [row["epoch"] for row in history.read_history(folder)]
    assert epochs == list(range(len(epochs))) and len(epochs) >= rows


def test_a_training_begun_in_a_terminal_is_seen_and_so_is_its_end(page, home):
    expect(page.get_by_role("heading", name="Training", exact=True)).to_be_visible()
    command = ("-m", "train", "fit", "--run", "terminal", "--epochs", "2", "--steps-per-epoch", "5")
    variables = {**os.environ, "LOOKSLIKEWHO_HOME": str(home)}
    process = subprocess.Popen((sys.executable, *command), cwd=serving.ROOT, env=variables)
    try:
        expect(page.get_by_test_id("stMarkdown").filter(has_text="terminal")).to_be_visible()
        expect(button(page, "Stop")).to_be_visible()
        assert process.wait(120) == 0
        expect(button(page, "Stop")).to_have_count(0)
    finally:
        process.kill()
    assert processes.run_state(home / "runs" / "terminal") == "finished"
    page.goto(f"{page.url.partition('?')[0]}?runs=terminal&view=Evaluation")
    expect(page.get_by_role("heading", name="CMC")).to_be_visible()
    page.get_by_text("Geometry", exact=True).click()
    expect(page.get_by_text("median ap")).to_be_visible()


def test_a_choice_in_the_table_is_drawn_and_in_the_address(page):
    expect(page.get_by_role("figure", name="Curves of published, symmetric, residual, cohort")).to_be_visible()
    table = page.get_by_test_id("stDataFrame")
    table.click(position={"x": 20, "y": 18})
    expect(page).to_have_url(re.compile("runs="))
    every = len(list(files.RECORDED_RUNS.iterdir()))
    named = f"document.querySelectorAll('.js-plotly-plot .legend .traces').length >= {every}"
    serving.wait_until(page, named)
    address = page.url
    page.goto(address)
    serving.wait_until(page, named)


def test_the_first_chart_is_on_the_screen_and_one_line_reads_every_run_in_all_charts(viewer, browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{viewer}?runs=recorded/published,recorded/symmetric")
    expect(charts(page).locator(".legend .traces")).to_have_count(2)
    first_chart_is_on_the_screen(page)
    box = charts(page).locator(".draglayer .xy .nsewdrag").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + box["height"] / 2)
    label = charts(page).locator(".hoverlayer .legend")
    expect(label).to_contain_text("Epoch 5")
    for title in ("Loss", "One-shot accuracy", "Learning rate", "Margins met"):
        for name in ("published", "symmetric"):
            expect(label).to_contain_text(re.compile(rf"{name}, {title}: [0-9.]+"))
    line = charts(page).locator(".spikeline").first.bounding_box()
    assert line and line["height"] > 3 * box["height"]
    context.close()


def test_the_data_and_each_plot_can_be_had_as_a_file(page):
    page.goto(f"{page.url}?runs=recorded/published")
    with page.expect_download() as download:
        button(page, "Curves as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    recorded = history.read_history(files.RECORDED_RUNS / "published")
    assert [float(row["held_out_rank_1"]) for row in rows] == [row["held_out_rank_1"] for row in recorded]
    loss = page.get_by_role("figure", name="Curves of published")
    loss.hover()
    with page.expect_download() as download:
        loss.get_by_role("button", name="Download plot as a PNG").click()
    assert download.value.suggested_filename == "lookslikewho-curves.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_run_is_renamed_tagged_deleted_and_brought_back(page, viewer, home):
    shutil.copytree(files.RECORDED_RUNS / "symmetric", home / "runs" / "untidy")
    page.goto(f"{viewer}?runs=untidy")
    button(page, "Manage runs").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("tidy")
    dialog.get_by_role("combobox", name="Tags").fill("kept")
    page.keyboard.press("Enter")
    # Its list stays open.
    page.keyboard.press("Tab")
    dialog.get_by_role("textbox", name="Note").fill("A note on it.")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page).to_have_url(re.compile("runs=tidy"))
    expect(page.get_by_text("A note on it.")).to_be_visible()
    assert storage.read_json(home / "runs" / "tidy" / files.NOTES) == {"note": "A note on it.", "tags": ["kept"]}
    button(page, "Manage runs").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_have_count(0)
    expect(page).not_to_have_url(re.compile("tidy"))
    assert not (home / "runs" / "tidy").exists()
    button(page, "Undo deleting tidy").click()
    expect(button(page, "Undo deleting tidy")).to_have_count(0)
    assert len(history.read_history(home / "runs" / "tidy")) == 9
    shutil.rmtree(home / "runs" / "tidy")


def test_a_log_of_keras_is_imported_and_a_report_opens_without_a_server(page, viewer, browser, tmp_path):
    page.goto(viewer)
    button(page, "Import and export").click()
    log: FilePayload = {"name": "log.csv", "mimeType": "text/csv", "buffer": b"epoch,loss,val_loss\n0,3,4\n1,1,2\n"}
    page.locator("input[type=file]").set_input_files(log)
    page.get_by_label("Name of the run").fill("from keras")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("figure", name="Curves of from keras")).to_be_visible()
    page.goto(f"{viewer}?runs=from keras,recorded/published")
    button(page, "Import and export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Chosen runs for TensorBoard").click()
    names = zipfile.ZipFile(download.value.path()).namelist()
    assert {name.rpartition("/")[0] for name in names} == {
        "from keras/held_out",
        "from keras/train",
        "recorded/published",
        "recorded/published/held_out",
        "recorded/published/train",
    }
    with page.expect_download() as download:
        page.get_by_role("button", name="Report of the chosen runs").click()
    report = tmp_path / "training.html"
    download.value.save_as(report)
    context = browser.new_context(offline=True)
    alone = context.new_page()
    asked: list[str] = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(report.as_uri())
    expect(alone.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(alone.get_by_role("heading", name="Best and last value")).to_be_visible()
    assert asked == [report.as_uri()]
    context.close()


def test_the_viewer_fits_a_phone(viewer, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    for view in ("Curves", "Compare", "Geometry", "Evaluation", "Tuning"):
        page.goto(f"{viewer}?view={view}")
        expect(page.get_by_role("radio", name=view)).to_be_checked()
        page.wait_for_timeout(1500)
        wide = page.evaluate(f"document.querySelector('{MAIN}').scrollWidth")
        assert wide <= 390, view
    context.close()
