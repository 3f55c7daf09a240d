"""Galleries made by a computer, of any size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from benchmarks.crowd import PER_PERSON, name_of
from pipeline.embedding.base import unit
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from pipeline.gallery import layout, writing
from pipeline.gallery.rows import ROW

_GROUPS = 12
# Of more faces, several share a file.
_CROPS_MAX = 1_000_000


def synthetic(name: str, faces: int, seed: int = 0, *, embedder: str = DEFAULT_EMBEDDER) -> None:
    """Write a gallery with the structure of a real one: groups of people, and ten photos of each person.

    Cosines are those of FaceNet on real photos: about 0.75 within a person, 0.2 within a group, 0.05 beyond.
    """
    random, entry = np.random.default_rng(seed), EMBEDDERS[embedder]
    length = entry.dimensions
    assert length
    people = np.arange(faces) // PER_PERSON
    count = int(people[-1]) + 1
    group_of = np.sort(random.integers(_GROUPS, size=count))
    common, groups, persons = (unit(random.normal(size=(size, length))) for size in (1, _GROUPS, count))
    centres = unit(0.22 * common + 0.4 * groups[group_of] + persons)
    folder = layout.folder_of(name)
    folder.mkdir(parents=True)
    _crops(folder, min(faces, _CROPS_MAX), np.random.default_rng(seed + 1))

    def pieces() -> Iterator[tuple[pa.Table, NDArray[np.float32]]]:
        for rows in np.array_split(np.arange(faces), max(20, faces // 50_000)):
            noise = random.normal(scale=0.58 / length**0.5, size=(len(rows), length))
            yield _table(rows, people[rows], group_of[people[rows]], random), unit(centres[people[rows]] + noise)

    about = {"embedding": entry.identity, "dimensions": length, "build": {"photos_per_person": PER_PERSON}}
    writing.commit(folder, pieces(), generation=1, faces=faces, about=about)


def _table(
    rows: NDArray[np.int64], people: NDArray[np.int64], groups: NDArray[np.int64], random: np.random.Generator
) -> pa.Table:
    side = np.clip(random.normal(130, 50, len(rows)), 32, 400).astype(np.float32)
    return pa.table(
        {
            "person": [f"person {person}" for person in people.tolist()],
            "name": [name_of(person) for person in people.tolist()],
            "source": [f"Group {group + 1}" for group in groups.tolist()],
            "licence": ["none: made by a computer"] * len(rows),
            "original": [f"{row}.jpg" for row in rows.tolist()],
            "sha256": [f"{row:064x}" for row in rows.tolist()],
            "confidence": (1 - random.exponential(0.01, len(rows))).clip(0.8).astype(np.float32),
            "face_side_px": side,
            "short_side_px": (side * 2).astype(np.int32),
            "round": np.zeros(len(rows), np.int8),
            "crop": rows % _CROPS_MAX,
        },
        schema=ROW,
    )


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
