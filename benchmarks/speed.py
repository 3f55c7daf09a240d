"""``make benchmarks``: all that is measured of speed, one after the other, and the README's table of it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

from benchmarks import LINES, Line

NAMES = ("find", "build", "detect", "scoring", "scale", "batch", "training", "map", "start")
_README = Path(__file__).parents[1] / "README.md"
_MARKS = ("<!-- speed -->\n", "<!-- /speed -->")


def main() -> None:
    """Measure what is named on the command line, everything without names, and fill the README's table."""
    # Each in a process of its own, which begins with the memory and the threads of no other.
    for name in sys.argv[1:] or NAMES:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
    _README.write_text(filled(_README.read_text(encoding="utf-8"), lines()), encoding="utf-8")


def lines() -> dict[str, list[Line]]:
    """What each benchmark has for the README, as far as it has been run."""
    found = {}
    for name in NAMES:
        path = Path(__file__).parent / "results" / f"{name}.json"
        if path.is_file():
            found[name] = [Line(**row) for row in json.loads(path.read_text(encoding="utf-8")).get(LINES, ())]
    return found


def filled(readme: str, measured: dict[str, list[Line]]) -> str:
    """The README's text with the table between its marks made anew."""
    rows = [
        f"| {line.what} | {line.here} | {line.beside} | {_times(line.times)} | {line.aim}: "
        f"{'reached' if line.reached else '**missed**'} | `benchmark-{name}` |"
        for name, some in measured.items()
        for line in some
    ]
    head = ["| what | here | beside | times faster | aim | make |", "| --- | --- | --- | --- | --- | --- |"]
    before, after = readme.split(_MARKS[0])[0], readme.split(_MARKS[1])[1]
    return before + _MARKS[0] + "\n".join([*head, *rows]) + "\n" + _MARKS[1] + after


def _times(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


if __name__ == "__main__":
    main()
