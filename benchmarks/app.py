"""``make benchmark-app``: the explorer with up to a million faces, in a real Chromium without a graphics card.

The galleries and their maps are made once and kept in the data folder, with the time that the map took.
``SIZES=100000 make benchmark-app`` measures other sizes; a million faces take half an hour.
Ten million need 24 GB of disk.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, expect

from benchmarks import report
from benchmarks.crowd import PER_PERSON, name_of
from benchmarks.synthetic import synthetic
from pipeline import storage
from pipeline.cli.app import main as run_command
from pipeline.gallery import layout
from pipeline.map import sample
from pipeline.sources import demonstration
from tests.browser import serving

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "1060,100000,1000000").split(","))
REPEATS = 10


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
    kept = home / f"{name} fitted.txt"
    if name not in layout.names():
        synthetic(name, size)
    if not kept.exists():
        kept.write_text(f"{_seconds(lambda: run_command(['map', '--gallery', name])):.0f}", encoding="ascii")
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "temporary"
        temporary.mkdir()
        with serving.process(home, temporary) as (address, process), serving.chromium(Path(folder)) as browser:
            measured = _visit(browser, address, process, name, size, example)
    measured = {"fitting the map": kept.read_text(encoding="ascii"), **measured}
    print(name, measured, flush=True)
    return measured


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
        _see(page, f".scatter[data-points='{min(faces, sample.FACES_MAX)}']")

    def opened() -> None:
        page.goto(f"{address}/explorer?gallery={name}")
        drawn()

    def again() -> None:
        page.reload()
        drawn()

    finder, explorer = (page.get_by_role("link", name=each, exact=True) for each in ("Finder", "Explorer"))

    def to_finder() -> None:
        _press(page)
        _see(page, "h1", "Who do I look like?")

    def to_explorer() -> None:
        _press(page)
        drawn()

    def at_finder() -> None:
        finder.hover()
        to_finder()
        explorer.hover()

    def at_explorer() -> None:
        explorer.hover()
        to_explorer()
        finder.hover()

    measure("first visit of all: address to map", opened)
    measure("later visit: address to map", again, 3)
    page.wait_for_timeout(20_000)  # The networks are loading.
    measured["memory of the server with networks, gallery and map"] = f"{_megabytes(process):,.0f} MB"
    measure("explorer to finder", to_finder, REPEATS, at_explorer)
    measure("finder to explorer", to_explorer, REPEATS, at_finder)
    measure("a click: to portrait and neighbours", lambda: _click(page), REPEATS, lambda: _aim(page))
    measure("a name searched, found and flown to", lambda: _search(page, name_of(faces // PER_PERSON // 2)))
    measure("another colour: distance", lambda: _colour(page))
    measure("a click in this colour", lambda: _click(page), REPEATS, lambda: _aim(page))
    measure("a box around a third of the map", lambda: _box(page), REPEATS, lambda: _close(page))
    at_finder()
    measured["*Show me on the map*: to one's own face"] = _own_face(page, example)
    measured["memory of the server after all this"] = f"{_megabytes(process):,.0f} MB"
    _close(page)
    measured["a frame while zooming"] = f"{page.evaluate(_FRAMES):.3f}"
    return measured


# Looks with every frame whether enough is on the screen: `expect` looks after 0.1, 0.35 and 0.85 seconds.
_SEE = """async ([selector, text, count]) => {
  const visible = (element) => element.checkVisibility() && element.textContent.includes(text);
  const seen = () => {
    const parts = [...document.querySelectorAll("[data-testid=stBidiComponentIsolated]")];
    const roots = [document, ...parts.map((part) => part.shadowRoot).filter(Boolean)];
    return roots.flatMap((root) => [...root.querySelectorAll(selector)]).filter(visible).length >= count;
  };
  const begun = performance.now();
  while (!seen()) {
    if (performance.now() - begun > 300000) throw new Error(`Not seen: ${selector} ${text}`);
    await new Promise(requestAnimationFrame);
  }
}"""
# The mean time of a frame, in seconds.
_FRAMES = """async () => {
  const parts = [...document.querySelectorAll("[data-testid=stBidiComponentIsolated]")];
  const canvas = parts.map((part) => part.shadowRoot?.querySelector("canvas")).find(Boolean);
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


def _see(page: Page, selector: str, text: str = "", count: int = 1) -> None:
    """Wait until so many elements with this text are on the screen."""
    page.evaluate(_SEE, [selector, text, count])


def _press(page: Page) -> None:
    """Click where the mouse is. Playwright's own click looks for the place first, which takes time."""
    page.mouse.down()
    page.mouse.up()


def _close(page: Page) -> None:
    """Clear the selection and show the whole map."""
    close = page.get_by_role("button", name="Close")
    if close.is_visible():
        close.click()
    expect(close).to_have_count(0)
    expect(page.locator(".mark")).to_have_count(0)
    page.locator(".scatter canvas").press("0")
    page.wait_for_timeout(700)


def _aim(page: Page) -> None:
    """Point at one of the faces that the map shows, where nothing is chosen yet."""
    _close(page)
    shown = page.locator(".scatter .thumbnail img")
    shown.first.wait_for()
    box = shown.nth(int(_random.integers(shown.count()))).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def _click(page: Page) -> None:
    """Click on the face that the mouse points at, and wait for it and its neighbours."""
    _press(page)
    _see(page, ".mark.chosen")
    _see(page, "button", "Compare", 10)


def _search(page: Page, name: str) -> None:
    page.get_by_role("combobox", name="Search by name").fill(name.lower())
    _see(page, "[role=option]")
    page.keyboard.press("Enter")
    _see(page, ".mark.chosen bdi", name)


def _colour(page: Page) -> None:
    page.get_by_role("combobox", name="Colour").click()
    page.get_by_role("option", name="Distance").click()
    _see(page, ".legend", "near")


def _box(page: Page) -> None:
    page.get_by_role("button", name="Select by a box").click()
    box = page.locator(".scatter canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.35)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.65, steps=5)
    page.mouse.up()
    _see(page, "h1, h2, h3, h4", "photos of")


def _own_face(page: Page, example: Path) -> str:
    """Median time from the click in the finder to the visitor's face and its neighbours on the map."""
    page.locator("input[type=file]").first.set_input_files(example)
    link = page.get_by_role("link", name="Show me on the map")
    # The first look among very many faces makes their index.
    expect(link).to_be_visible(timeout=1_800_000)

    def show() -> None:
        _press(page)
        _see(page, ".mark.chosen bdi", "Your photo")

    measured = []
    for _ in range(REPEATS):
        page.wait_for_timeout(1000)
        link.hover()
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
