"""``make benchmark-plots``: the explorer's own plot against ``st.plotly_chart`` and regl-scatterplot.

Each draws the same faces in a real Chromium without a graphics card. regl-scatterplot comes from npm, which this
command needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from benchmarks import report, tables
from tests.browser import serving

HERE = Path(__file__).parent
FACES = (1_060, 100_000)
REPEATS = 12
LIBRARIES = {"own": "our component", "plotly": "st.plotly_chart (Scattergl)", "regl": "regl-scatterplot 1.16"}
PACKAGES = ("regl-scatterplot@1.16.0", "regl@2.1.1", "pub-sub-es@3.0.0", "esbuild@0.25.0")
# Whether all points are drawn, what the tooltip says, and the face that is marked, all in the browser.
_FIND = """const within = (selector) => [document, ...[...document.querySelectorAll(
  "[data-testid=stBidiComponentIsolated]")].map((one) => one.shadowRoot)].map((root) => root?.querySelector(
  selector)).find(Boolean);"""
_DRAWN = {
    "own": "within('.scatter')?.dataset.points",
    "plotly": "document.querySelector('.js-plotly-plot')?._fullData?.[0]?._length",
    "regl": "within('.regl')?.dataset.points",
}
_TIP = {
    "own": "(() => { const tip = within('.tip'); return tip && !tip.hidden ? tip.textContent : '' })()",
    "plotly": "document.querySelector('.hoverlayer .hovertext')?.textContent ?? ''",
    "regl": "within('.regl .tip')?.textContent ?? ''",
}
_MARK = {
    "own": "within('.mark.chosen')?.textContent ?? ''",
    "plotly": "String(document.querySelector('.js-plotly-plot')?._fullData?.[1]?.x ?? '')",
    "regl": "within('.regl')?.dataset.chosen ?? ''",
}


def main() -> None:
    """Measure each library at each size and print the table."""
    if not shutil.which("npm"):
        sys.exit("regl-scatterplot comes from npm. Install Node.js, then run this again.")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PLOTS_BUNDLE"] = str(_bundle(Path(folder)))
        script = str(HERE / "app.py")
        home, temporary = Path(folder) / "home", Path(folder) / "temporary"
        home.mkdir()
        temporary.mkdir()
        with serving.app(home, temporary, script) as address, serving.chromium(Path(folder)) as browser:
            for faces in FACES:
                for library in LIBRARIES:
                    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
                    measured = _measured(page, address, library, faces)
                    rows.append({"faces": f"{faces:,}", "library": LIBRARIES[library], **measured})
                    page.context.close()
    report("plots", {"The explorer's plot: median milliseconds": rows})
    tables.fill("plots")


def _bundle(folder: Path) -> Path:
    """regl-scatterplot and its component as one module."""
    quiet: dict[str, Any] = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", *PACKAGES], **quiet)
    shutil.copy(HERE / "regl.js", folder)
    target = folder / "bundle.js"
    command = ["npx", "esbuild", "regl.js", "--bundle", "--format=esm", f"--outfile={target}", "--log-level=error"]
    subprocess.run(command, **quiet)
    return target


def _measured(page: Page, address: str, library: str, faces: int) -> dict[str, Any]:
    sent = [0]

    def count(frame: str | bytes) -> None:
        sent[0] += len(frame)

    page.on("websocket", lambda socket: socket.on("framereceived", count))
    started = time.perf_counter()
    page.goto(f"{address}/?library={library}&faces={faces}")
    _wait(page, f"Number({_DRAWN[library]}) === {faces}")
    first = time.perf_counter() - started
    page.wait_for_timeout(1500)
    hovers: list[float] = []
    clicks: list[float] = []
    sizes: list[int] = []
    random = np.random.default_rng(1)
    while len(clicks) < REPEATS:
        x, y = 640 + 200 * random.uniform(-1, 1), 420 + 150 * random.uniform(-1, 1)
        page.mouse.move(5, 5)
        _wait(page, f"!({_TIP[library]})")
        begun = time.perf_counter()
        page.mouse.move(x, y)
        if not _wait(page, _TIP[library], 600):
            continue
        hovers.append(time.perf_counter() - begun)
        before, size = _value(page, _MARK[library]), sent[0]
        begun = time.perf_counter()
        page.mouse.click(x, y)
        if not _wait(page, f"(({_MARK[library]}) || {before!r}) !== {before!r}", 20_000):
            continue
        clicks.append(time.perf_counter() - begun)
        page.wait_for_timeout(400)
        sizes.append(sent[0] - size)
    milliseconds: Callable[[list[float]], int] = lambda values: round(1000 * float(np.median(values)))  # noqa: E731
    return {
        "first drawing": milliseconds([first]),
        "hover to name": milliseconds(hovers),
        "click to mark": milliseconds(clicks),
        "kB sent by a click": round(float(np.median(sizes)) / 1000),
    }


def _value(page: Page, expression: str) -> str:
    return str(page.evaluate(f"() => {{ {_FIND} return {expression} }}"))


def _wait(page: Page, condition: str, milliseconds: float = 120_000) -> bool:
    """Whether a condition came true, asked with every frame."""
    try:
        page.wait_for_function(f"() => {{ {_FIND} return {condition} }}", timeout=milliseconds)
    except Exception as error:
        if milliseconds > 60_000:
            raise RuntimeError(f"{condition} did not come true.") from error
        return False
    return True


if __name__ == "__main__":
    main()
