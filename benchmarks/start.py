"""``make benchmark-start``: from a cold start to the first import, page and match."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright import sync_api

from benchmarks import Line, data_folder, explained, exponent, peers, report, times
from benchmarks.crowd import Crowd
from pipeline import storage
from pipeline.errors import UserError
from pipeline.sources import demonstration
from tests.browser import serving

IMPORTS, SERVERS = 7, 3
SIZES = (10_000, 30_000, 91_310)
# The first ranking of a fresh process, without loading the networks.
FIRST_RANKING = """
import sys, time
begun = time.perf_counter()
from pipeline.gallery import opening
from pipeline.search.search import Search
from pipeline.similarity.registry import load_scorer
opened = opening.open_gallery(sys.argv[1])
Search(opened, load_scorer()).rank(opened.embeddings[:1], 10)
print(time.perf_counter() - begun)
"""
IMPORT, PAGE, MATCH = (
    "import pipeline.lookalikes",
    "address to the finder",
    "example chosen right away to its matches",
)
DEEPFACE = "from deepface import DeepFace"
AIMS_S = {IMPORT: 0.3, PAGE: 5.0, MATCH: 10.0}


def main() -> None:
    """Measure the imports, then several servers in turn, each visited once."""
    seconds = {code: _import(sys.executable, code) for code in ("import pipeline", IMPORT)}
    seconds[DEEPFACE] = _import(str(peers.python()), DEEPFACE)
    with tempfile.TemporaryDirectory() as place, serving.chromium(Path(place)) as browser:
        visits = [_visit(browser) for _ in range(SERVERS)]
    seconds |= {what: [visit[what] for visit in visits] for what in visits[0]}
    rows: list[dict[str, Any]] = [
        {"what": what, "median, s": float(np.median(some)), "slowest, s": max(some), "times measured": len(some)}
        for what, some in seconds.items()
    ]
    tables: dict[str, Sequence[dict[str, Any]]] = {
        "From nothing, nothing loaded before": rows,
        "A gallery opened and its first ranking": _first_rankings(),
    }
    report("start", tables, [_line(what, seconds) for what in AIMS_S])


def _line(what: str, seconds: dict[str, list[float]]) -> Line:
    middle, slow = (float(np.median(seconds[name])) for name in (what, DEEPFACE))
    return Line(
        f"`{what}`" if what == IMPORT else f"a fresh server: {what}",
        f"{middle:.2f} s",
        f"`{DEEPFACE}`: {slow:.2f} s" if what == IMPORT else "–",
        slow / middle if what == IMPORT else float("nan"),
        f"{AIMS_S[what]:g} s",
        middle <= AIMS_S[what],
    )


def _first_rankings() -> list[dict[str, Any]]:
    """Seconds of fresh processes by gallery size; another process has filled the cache."""
    crowd, seconds = Crowd(), []
    with tempfile.TemporaryDirectory() as place, data_folder(Path(place)):
        for size in SIZES:
            crowd.gallery(f"crowd-{size}", size)
            command = [sys.executable, "-c", FIRST_RANKING, f"crowd-{size}"]
            told = [float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout) for _ in range(IMPORTS)]
            seconds.append(float(np.median(told[1:])))
    rows: list[dict[str, Any]] = [{"faces": f"{size:,}", "s": s} for size, s in zip(SIZES, seconds, strict=True)]
    return [*rows, {"faces": "grows with faces to the power", "s": exponent(SIZES, seconds)}]


def _import(python: str, code: str) -> list[float]:
    """Seconds of an import in fresh processes, after one that warms the file cache."""
    command = [python, "-c", code]

    def run() -> None:
        subprocess.run(command, env=peers.variables(), check=True, capture_output=True)

    run()
    return [times(run, 1)[0] for _ in range(IMPORTS)]


def _visit(browser: sync_api.Browser) -> dict[str, float]:
    """Seconds from the start of a server to its first match."""
    # Drawn last by the page.
    *_, example = demonstration.example_photos()
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "temporary"
        temporary.mkdir()
        begun = time.perf_counter()
        with serving.app(storage.home(), temporary) as address:
            started = time.perf_counter() - begun
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.set_default_timeout(120_000)
            chosen = page.get_by_role("button", name=example, exact=True)

            def opened() -> None:
                page.goto(address)
                page.get_by_role("heading", name="Who do I look like?").wait_for()
                chosen.wait_for()
                serving.wait_until(page, "[...document.images].every(image => image.complete)")

            def matched() -> None:
                chosen.click()
                page.get_by_role("heading", name="1. ").wait_for()

            try:
                seconds = {"the server itself": started, PAGE: times(opened, 1)[0], MATCH: times(matched, 1)[0]}
            except sync_api.TimeoutError as error:
                raise RuntimeError(f"The app stopped on the way:\n{page.inner_text('body')}") from error
            page.context.close()
    return seconds


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
