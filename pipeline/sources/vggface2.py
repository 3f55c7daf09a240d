"""VGGFace2 (Cao et al. 2018): ``n000001/0001_01.jpg``, with the names in ``identity_meta.csv``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.sources.base import People, Person, photo_files, readable

LICENCE = "VGGFace2: for research"


def people(path: Path) -> People:
    """The people of an unpacked VGGFace2 folder, with or without its ``train`` and ``test`` parts.

    Raises SourceError where there is no such folder. People missing in ``identity_meta.csv`` keep their number.
    """
    if not path.is_dir():
        raise SourceError(f"There is no folder {path}.")
    folders = sorted(place for pattern in ("n*", "*/n*") for place in path.glob(pattern) if _is_identity(place))
    if not folders:
        raise SourceError(f"There are no VGGFace2 identities (n000001, n000002, ...) in {path}.")
    tables = sorted({*path.glob("identity_meta.csv"), *path.parent.glob("identity_meta.csv")})
    names = _names(tables[0]) if tables else {}

    def one_by_one() -> Iterator[Person]:
        for place in folders:
            name = names.get(place.name, place.name)
            yield Person(place.name, name, tuple(photo_files(place)), "VGGFace2", LICENCE)

    return People(one_by_one(), len(folders))


def _is_identity(place: Path) -> bool:
    return place.is_dir() and place.name[1:].isdigit()


def _names(table: Path) -> dict[str, str]:
    """Identity to name. The file's names may contain commas, quoted or not: the four last columns have none."""
    with table.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = [row for row in csv.reader(file, skipinitialspace=True) if row]
    columns = len(rows[0]) if rows else 0
    return {
        row[0].strip(): readable(", ".join(part.strip() for part in row[1 : len(row) - columns + 2]))
        for row in rows[1:]
        if len(row) >= columns >= 2
    }
