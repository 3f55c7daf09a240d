"""``make benchmark-portraits``: from which cosine on two photos surely show the same person.

The limit is chosen on people of LFW's view 1 (``peopleDevTrain.txt``), two photos each: one in a thousand pairs of
different people is above it. It is checked on other people (``peopleDevTest.txt``), as the photos of a category of
Wikimedia Commons are: each has one photo of the person and one of somebody else. ``PEOPLE=200`` measures fewer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import explained, report
from pipeline.embedding.registry import DEFAULT_EMBEDDER
from pipeline.errors import UserError
from pipeline.gallery import inspection
from pipeline.lookalikes import Models
from train.datasets.lfw import LFW

PEOPLE = int(os.environ.get("PEOPLE", "500"))
WRONG_SHARE_MAX = 0.001
_BLOCK = 16


def main() -> None:
    """Choose the limit on some people, check it on others, and print both."""
    lfw = LFW()
    models = Models.load()
    chosen_on, checked_on = (_pairs(lfw, models, name) for name in ("peopleDevTrain.txt", "peopleDevTest.txt"))
    different = _different(chosen_on)
    limit = float(np.quantile(different, 1 - WRONG_SHARE_MAX))
    rows = [_line("chosen on", chosen_on, limit), _line("checked on", checked_on, limit)]
    report("portraits", {f"Photos of a category, {DEFAULT_EMBEDDER}, by a cosine of {limit:.3f}": rows})


def _pairs(lfw: LFW, models: Models, name: str) -> NDArray[np.float32]:
    """Unit rows of two photos of each person, (people, 2, d), where both show a face."""
    photos = lfw.photos_of(name)
    people: dict[str, list[Path]] = {}
    for number in photos.tolist():
        people.setdefault(lfw.paths[number].parent.name, []).append(lfw.paths[number])
    paths = [path for own in [own for own in people.values() if len(own) > 1][:PEOPLE] for path in own[:2]]
    rows = np.concatenate([_rows(paths[start : start + _BLOCK], models) for start in range(0, len(paths), _BLOCK)])
    pairs = rows.reshape(-1, 2, rows.shape[1])
    return pairs[(np.abs(pairs).sum(axis=2) > 0).all(axis=1)]


def _rows(paths: list[Path], models: Models) -> NDArray[np.float32]:
    found = inspection.inspect_photos((path.read_bytes() for path in paths), models.detector, models.embedder)
    missing = np.zeros(models.embedder.dimensions, np.float32)
    return np.stack([each.embedding if len(each.embedding) else missing for each in found])


def _different(pairs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cosines of each portrait to the other photos of everybody else."""
    cosines = pairs[:, 0] @ pairs[:, 1].T
    return cosines[~np.eye(len(pairs), dtype=bool)]


def _line(what: str, pairs: NDArray[np.float32], limit: float) -> dict[str, object]:
    same, different = np.einsum("ij,ij->i", pairs[:, 0], pairs[:, 1]), _different(pairs)
    return {
        "": what,
        "people": len(pairs),
        "own photos kept": float((same >= limit).mean()),
        "photos of others left out": float((different < limit).mean()),
        "highest cosine of others": float(different.max()),
    }


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
