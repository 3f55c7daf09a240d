"""Histograms of the distances within random quadruplets, per epoch: what the quadruplet loss acts on.

``geometry.jsonl`` has one line per epoch, with a histogram of each of the three distances for the people trained on
and for held-out people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from train.runs.files import GEOMETRY

# Anchor to positive, anchor to first negative, first to second negative.
DISTANCES = ("ap", "an", "nn")
BINS = 50
# Counts by side ("train", "held_out") and distance.
Histograms = dict[str, dict[str, list[int]]]


def histograms(distances: NDArray[np.floating[Any]]) -> dict[str, list[int]]:
    """Counts in equal bins over 0..1 of the distances (n, 3) of quadruplets."""
    return {
        name: np.histogram(np.clip(column, 0, 1), BINS, (0, 1))[0].tolist()
        for name, column in zip(DISTANCES, distances.T, strict=True)
    }


def append_geometry(folder: Path, epoch: int, sides: Mapping[str, NDArray[np.floating[Any]]]) -> None:
    """Append the line of an epoch: the distances (n, 3) of each side."""
    line = {"epoch": epoch, **{side: histograms(distances) for side, distances in sides.items()}}
    with (folder / GEOMETRY).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def read_geometry(folder: Path) -> dict[int, Histograms]:
    """The histograms by epoch. Damaged and half-written lines are skipped."""
    found: dict[int, Histograms] = {}
    with suppress(OSError):
        for line in (folder / GEOMETRY).read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                values: dict[str, Any] = json.loads(line)
                epoch = int(values.pop("epoch"))
                if all(_is_histogram(values[side][name]) for side in values for name in DISTANCES) and values:
                    found[epoch] = values
    return found


def has_geometry(folder: Path) -> bool:
    """Whether there is a line that can be read. A file without any is set aside."""
    if read_geometry(folder):
        return True
    if (folder / GEOMETRY).is_file():
        storage.set_aside(folder / GEOMETRY, "it is damaged")
    return False


def truncate_geometry(folder: Path, epoch: int) -> None:
    """Remove the lines after ``epoch``, as :func:`train.runs.checkpoints.resume` does with the history."""
    known = read_geometry(folder)
    (folder / GEOMETRY).unlink(missing_ok=True)
    kept = [{"epoch": at, **sides} for at, sides in sorted(known.items()) if at <= epoch]
    if kept:
        lines = [json.dumps(line, separators=(",", ":")) + "\n" for line in kept]
        (folder / GEOMETRY).write_text("".join(lines), encoding="utf-8")


def _is_histogram(counts: Any) -> bool:
    return len(counts) == BINS and all(isinstance(count, int) for count in counts)
