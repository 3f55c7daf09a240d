"""``rejected.csv``: the photos that screening rejected, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from pipeline import storage
from pipeline.gallery import layout
from pipeline.gallery.screening import Rejection

_COLUMNS = ("person", "name", "source", "original", "reason")


@dataclass(frozen=True)
class RejectedPhoto:
    """A rejected photo: the person's key and name, the source, the photo's path, and why."""

    person: str
    name: str
    source: str
    original: str
    rejection: Rejection


def read_rejected(folder: Path) -> list[RejectedPhoto]:
    """The rejected photos of the gallery in ``folder``."""
    path = folder / layout.REJECTED
    if not path.is_file():
        return []
    options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(_COLUMNS, pa.string()))
    rows = pyarrow.csv.read_csv(path, convert_options=options).to_pylist()
    return [
        RejectedPhoto(row["person"], row["name"], row["source"], row["original"], Rejection.parse(row["reason"]))
        for row in rows
    ]


def write_rejected(folder: Path, photos: Sequence[RejectedPhoto]) -> None:
    """Write the rejected photos of the gallery in ``folder``."""
    rows = [(each.person, each.name, each.source, each.original, str(each.rejection)) for each in photos]
    columns = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(_COLUMNS)}
    with storage.atomic_path(folder / layout.REJECTED) as temporary:
        pyarrow.csv.write_csv(pa.table(columns), temporary)
