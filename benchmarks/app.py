"""``make benchmark-app``: the explorer with up to a million faces, in a real Chromium without a graphics card.

The galleries are made once and kept in the data folder. ``SIZES=100000 make benchmark-app`` measures other sizes; a
million faces take half an hour.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image
from playwright.sync_api import Browser, Page, expect

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

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "1060,100000,1000000").split(","))
PHOTOS_PER_PERSON, GROUPS = 10, 12
REPEATS = 10


def synthetic(name: str, faces: int, seed: int = 0, *, embedder: str = DEFAULT_EMBEDDER) -> None:
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
    """Build the galleries that are missing, visit the app with each, print the figures."""
    demonstration_home = storage.home()
    home = demonstration_home / "benchmarks" / "app"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "models").exists():
        (home / "models").symlink_to(demonstration_home / "models")
    example = demonstration.example_photos()["Madonna"][1]
    os.environ["LOOKSLIKEWHO_HOME"] = str(home)
    expect.set_options(timeout=60_000)
    by_size = {f"{size:,} faces": _measured(home, size, example) for size in SIZES}
    steps = next(iter(by_size.values()))
    rows = [{"what": step} | {size: measured[step] for size, measured in by_size.items()} for step in steps]
    report("app", {"The explorer, in seconds": rows})


def _measured(home: Path, size: int, example: Path) -> dict[str, str]:
    name = f"faces-{size}"
    if name not in layout.names():
        synthetic(name, size)
    seconds = _seconds(lambda: run_command(["map", "--gallery", name]))
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "temporary"
        temporary.mkdir()
        with serving.process(home, temporary) as (address, process), serving.chromium(Path(folder)) as browser:
            measured = _visit(browser, address, process, name, size, example)
    return {"fitting the map": f"{seconds:.0f}", **measured}


_Step = Callable[[], object]


def _visit(browser: Browser, address: str, process: int, name: str, faces: int, example: Path) -> dict[str, str]:
    """What each step takes, in seconds, and the server's memory."""
    measured: dict[str, str] = {}
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()

    def measure(what: str, step: _Step, times: int = 1, before: _Step = lambda: None) -> None:
        """Median time of a step; ``before`` runs before each one, untimed."""
        seconds = []
        for _ in range(times):
            before()
            seconds.append(_seconds(step))
            page.wait_for_timeout(300)
        measured[what] = f"{np.median(seconds):.2f}"

    def drawn() -> None:
        expect(page.locator(f".scatter[data-points='{faces}']")).to_be_visible()

    def opened() -> None:
        page.goto(f"{address}/explorer?gallery={name}")
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
    measured["memory of the server with networks, gallery and map"] = f"{_megabytes(process):,.0f} MB"
    measure("explorer to finder", to_finder)
    measure("finder to explorer", to_explorer)
    measure("a click: to portrait and neighbours", lambda: _click(page), REPEATS, lambda: _close(page))
    measure("a name searched, found and flown to", lambda: _search(page, name_of(faces // PHOTOS_PER_PERSON // 2)))
    measure("another colour: distance", lambda: _colour(page))
    measure("a click in this colour", lambda: _click(page), REPEATS, lambda: _close(page))
    measure("a box around a third of the map", lambda: _box(page), before=lambda: _close(page))
    to_finder()
    measured["*Show me on the map*: to one's own face"] = _own_face(page, example)
    measured["memory of the server after all this"] = f"{_megabytes(process):,.0f} MB"
    _close(page)
    measured["a frame while zooming"] = f"{page.evaluate(_FRAMES):.3f}"
    return measured


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


def _search(page: Page, name: str) -> None:
    page.get_by_role("combobox", name="Search by name").fill(name.lower())
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")
    expect(page.locator(".mark.chosen bdi")).to_have_text(name)


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


def _own_face(page: Page, example: Path) -> str:
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
    return f"{np.median(measured):.2f}"


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
