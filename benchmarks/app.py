"""``make benchmark-app``: the explorer with 100,000 faces, in a real Chromium without a graphics card.

The gallery and its map are built once (minutes) and kept in the data folder.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from playwright.sync_api import Browser, Page, Response, WebSocket, expect

from benchmarks import report
from benchmarks.crowd import name_of
from pipeline import storage
from pipeline.cli.app import main as run_command
from pipeline.embedding.base import unit
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from pipeline.gallery import layout, writing
from pipeline.gallery.rows import ROW
from pipeline.sources import demonstration
from tests.browser import serving

FACES, PHOTOS_PER_PERSON, GROUPS = 100_000, 10, 12
NAME = "hundred-thousand"
REPEATS = 10


def synthetic(name: str, faces: int = FACES, seed: int = 0, *, embedder: str = DEFAULT_EMBEDDER) -> None:
    """Write a gallery with the structure of a real one: groups of people, and ten photos of each person.

    Cosines are those of FaceNet on real photos: about 0.75 within a person, 0.2 within a group, 0.05 beyond.
    """
    random, entry = np.random.default_rng(seed), EMBEDDERS[embedder]
    length = entry.dimensions
    assert length
    people = np.arange(faces) // PHOTOS_PER_PERSON
    count = int(people[-1]) + 1
    group_of = np.sort(random.integers(GROUPS, size=count))
    common, groups, persons = (unit(random.normal(size=(size, length))) for size in (1, GROUPS, count))
    centres = unit(0.22 * common + 0.4 * groups[group_of] + persons)
    embeddings = np.concatenate(
        [
            unit(centres[part] + random.normal(scale=0.58 / length**0.5, size=(len(part), length)))
            for part in np.array_split(people, 20)
        ]
    )
    folder = layout.folder_of(name)
    folder.mkdir(parents=True)
    side = np.clip(random.normal(130, 50, faces), 32, 400).astype(np.float32)
    table = pa.table(
        {
            "person": [f"person {person}" for person in people],
            "name": [name_of(person) for person in people.tolist()],
            "source": [f"Group {group + 1}" for group in group_of[people].tolist()],
            "licence": ["none: made by a computer"] * faces,
            "original": [f"{row}.jpg" for row in range(faces)],
            "sha256": [f"{row:064x}" for row in range(faces)],
            "confidence": (1 - random.exponential(0.01, faces)).clip(0.8).astype(np.float32),
            "face_side_px": side,
            "short_side_px": (side * 2).astype(np.int32),
            "round": np.zeros(faces, np.int8),
            "crop": list(range(faces)),
        },
        schema=ROW,
    )
    _crops(folder, faces, random)
    about = {"embedding": entry.identity, "dimensions": length, "build": {"photos_per_person": PHOTOS_PER_PERSON}}
    writing.commit(folder, [(table, embeddings)], generation=1, faces=faces, about=about)


def _crops(folder: Path, faces: int, random: np.random.Generator) -> None:
    """A crop per row: links to a hundred files, because only their number and size matter."""
    for row in range(faces):
        path = layout.crop_path(folder, row)
        path.parent.mkdir(parents=True, exist_ok=True)
        if row < 100:
            small = Image.fromarray(random.integers(0, 255, (6, 6, 3), np.uint8))
            small.resize((224, 224), Image.Resampling.BICUBIC).save(path, quality=90)
        else:
            path.hardlink_to(layout.crop_path(folder, row % 100))


def main() -> None:
    """Build the gallery if it is missing, visit the app, print the figures."""
    demonstration_home = storage.home()
    home = demonstration_home / "benchmarks" / "app"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "models").exists():
        (home / "models").symlink_to(demonstration_home / "models")
    example = demonstration.example_photos()["Madonna"][1]
    os.environ["LOOKSLIKEWHO_HOME"] = str(home)
    if NAME not in layout.names():
        synthetic(NAME)
    fitting = _seconds(lambda: run_command(["map", "--gallery", NAME]))
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "temporary"
        temporary.mkdir()
        with serving.process(home, temporary) as (address, process), serving.chromium(Path(folder)) as browser:
            rows = _visit(browser, address, process, example)
        with serving.app(demonstration_home, temporary) as address, serving.chromium(Path(folder)) as browser:
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.goto(address)
            rows.append(_own_face(page, example, "the same on the map of the demonstration, 1,061 faces"))
    rows.append({"what": "fitting the map, `python -m pipeline map`", "seconds": round(fitting, 1), "size": "–"})
    report("app", {f"The explorer with {FACES:,} faces": rows})


_Step = Callable[[], object]


class _Traffic:
    """Bytes that the server has sent to a page."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        page.on("websocket", self._connected)
        page.on("response", self._answered)

    def _connected(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._received)

    def _received(self, frame: str | bytes) -> None:
        self.bytes += len(frame)

    def _answered(self, response: Response) -> None:
        # Streamlit's own scripts and styles are cached by the browser and not counted.
        if "/media/" in response.url:
            self.bytes += int(response.headers.get("content-length", 0))


def _visit(browser: Browser, address: str, process: int, example: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    traffic = _Traffic(page)

    def measure(what: str, step: _Step, times: int = 1, before: _Step = lambda: None) -> None:
        """Median time of a step and the bytes sent for it; ``before`` runs before each one, untimed."""
        measured = []
        for _ in range(times):
            before()
            sent = traffic.bytes
            seconds = _seconds(step)
            page.wait_for_timeout(300)
            measured.append((seconds, traffic.bytes - sent))
        seconds, sent = np.median(measured, axis=0)
        rows.append({"what": what, "seconds": round(float(seconds), 2), "size": f"{sent / 1000:,.0f} kB"})

    def memory(what: str) -> None:
        size = f"{_megabytes(process):,.0f} MB"
        rows.append({"what": f"memory of the server {what}", "seconds": "–", "size": size})

    def drawn(on: Page = page) -> None:
        expect(on.locator(f".scatter[data-points='{FACES}']")).to_be_visible()

    def opened() -> None:
        page.goto(f"{address}/explorer")
        drawn()

    def again() -> None:
        page.reload()
        drawn()

    def to_explorer() -> None:
        page.get_by_role("link", name="Explorer").click()
        drawn()

    def to_finder() -> None:
        page.get_by_role("link", name="Finder", exact=True).click()
        expect(page.get_by_role("heading", name="Who do I look like?")).to_be_visible()

    measure("first visit of all: address to map", opened)
    measure("later visit: address to map", again, 3)
    page.wait_for_timeout(20_000)  # The networks are loading.
    memory("with networks, gallery and map")
    measure("explorer to finder", to_finder)
    measure("finder to explorer", to_explorer)
    measure("a click: to portrait and neighbours", lambda: _click(page), REPEATS, lambda: _close(page))
    measure("a name searched, found and flown to", lambda: _search(page))
    measure("another colour: distance", lambda: _colour(page))
    measure("a click in this colour", lambda: _click(page), REPEATS, lambda: _close(page))
    measure("a box around tens of thousands", lambda: _box(page), before=lambda: _close(page))
    to_finder()
    rows.append(_own_face(page, example, "*Show me on the map*: to one's own face"))
    memory("after all this")
    _close(page)
    frames = page.evaluate(_FRAMES)
    rows.append({"what": "a frame while zooming, without a graphics card", "seconds": round(frames, 3), "size": "–"})
    return rows


_SHOWN = """() => [...document.querySelectorAll("[data-testid=stBidiComponentIsolated]")].some(
  one => one.shadowRoot?.querySelector(".mark.chosen bdi")?.textContent === "Your photo")"""
# The mean time of a frame, in seconds.
_FRAMES = """async () => {
  const canvas = document.querySelector("[data-testid=stBidiComponentIsolated]").shadowRoot.querySelector("canvas");
  const frame = () => new Promise(requestAnimationFrame);
  const box = canvas.getBoundingClientRect();
  await frame();
  const begun = performance.now();
  for (let count = 0; count < 60; count++) {
    const where = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
    canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: count < 30 ? -20 : 20, cancelable: true, ...where }));
    await frame();
  }
  return (performance.now() - begun) / 60000;
}"""
_random = np.random.default_rng(0)


def _close(page: Page) -> None:
    """Clear the selection and show the whole map."""
    close = page.get_by_role("button", name="Close")
    if close.is_visible():
        close.click()
    expect(close).to_have_count(0)
    expect(page.locator(".mark")).to_have_count(0)
    page.locator(".scatter canvas").press("0")
    page.wait_for_timeout(700)


def _click(page: Page) -> None:
    """Click in the middle of the points and wait for that face and its neighbours."""
    box = page.locator(".scatter canvas").bounding_box()
    assert box
    x, y = 0.5 + 0.2 * _random.uniform(-1, 1, 2)
    page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    page.locator(".mark.chosen").wait_for()
    expect(page.get_by_role("button", name="Compare", exact=True)).to_have_count(12)


def _search(page: Page) -> None:
    page.get_by_role("combobox", name="Search by name").fill(name_of(4321).lower())
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")
    expect(page.locator(".mark.chosen bdi")).to_have_text(name_of(4321))


def _colour(page: Page) -> None:
    page.get_by_role("combobox", name="Colour").click()
    page.get_by_role("option", name="Distance").click()
    expect(page.locator(".legend").get_by_text("near")).to_be_visible()


def _box(page: Page) -> None:
    page.get_by_role("button", name="Select by a box").click()
    box = page.locator(".scatter canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.35)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.65, steps=5)
    page.mouse.up()
    expect(page.get_by_role("heading", name="photos of")).to_be_visible()


def _own_face(page: Page, example: Path, what: str) -> dict[str, Any]:
    """Median time from the click in the finder to the visitor's face and its neighbours on the map."""
    page.locator("input[type=file]").first.set_input_files(example)
    link = page.get_by_role("link", name="Show me on the map")
    expect(link).to_be_visible()

    def show() -> None:
        link.click()
        # Checked with every frame, because `expect` polls rarely.
        serving.wait_until(page, _SHOWN)

    measured = []
    for _ in range(REPEATS):
        page.wait_for_timeout(1000)
        measured.append(_seconds(show))
        page.get_by_role("link", name="Finder", exact=True).click()
        expect(link).to_be_visible()
    page.get_by_role("link", name="Explorer").click()
    return {"what": what, "seconds": round(float(np.median(measured)), 2), "size": "–"}


def _seconds(step: _Step) -> float:
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def _megabytes(process: int) -> float:
    """Memory of a process without memory-mapped files, which it can drop at any time. Linux only."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    main()
