"""How far apart the photos of random quadruplets are, epoch by epoch: what the quadruplet loss works on.

``geometry.jsonl`` in a run's folder has a line for each epoch, with a histogram of each of the three distances on
people who are trained on and on held-out ones.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

FILE = "geometry.jsonl"
# Anchor to positive, anchor to first negative, first to second negative.
DISTANCES = ("ap", "an", "nn")
BINS = 50
Histograms = dict[str, dict[str, list[int]]]


def histograms(distances: np.ndarray) -> dict[str, list[int]]:
    """Counts in equal bins over 0..1 of distances (n, 3) of quadruplets."""
    return {
        name: np.histogram(np.clip(column, 0, 1), BINS, (0, 1))[0].tolist()
        for name, column in zip(DISTANCES, distances.T, strict=True)
    }


def append(folder: Path, epoch: int, sides: dict[str, np.ndarray]) -> None:
    """Add the line of an epoch: the distances (n, 3) of each side."""
    line = {"epoch": epoch, **{side: histograms(distances) for side, distances in sides.items()}}
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def read(folder: Path) -> dict[int, Histograms]:
    """The histograms by epoch and side; a line that is half written or damaged is left out."""
    found: dict[int, Histograms] = {}
    with suppress(OSError):
        for line in (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                values: dict[str, Any] = json.loads(line)
                epoch = int(values.pop("epoch"))
                if all(_whole(values[side][name]) for side in values for name in DISTANCES) and values:
                    found[epoch] = values
    return found


def keep(folder: Path, epoch: int) -> None:
    """Drop the lines after ``epoch``, as :func:`train.runs.runs.keep_rows` does with the history."""
    known = read(folder)
    (folder / FILE).unlink(missing_ok=True)
    kept = [{"epoch": at, **sides} for at, sides in sorted(known.items()) if at <= epoch]
    if kept:
        lines = [json.dumps(line, separators=(",", ":")) + "\n" for line in kept]
        (folder / FILE).write_text("".join(lines), encoding="utf-8")


def _whole(counts: Any) -> bool:
    return len(counts) == BINS and all(isinstance(count, int) for count in counts)
