"""VGGFace2 (Cao et al. 2018): ``n000001/0001_01.jpg``, with the names in ``identity_meta.csv``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.sources.base import Source, SourcePeople, SourcePerson, person_name, photo_files

LICENCE = "VGGFace2: for research"


def vggface2_people(path: Path) -> SourcePeople:
    """The people of an unpacked VGGFace2 folder, with or without ``train`` and ``test`` below it.

    People missing from ``identity_meta.csv`` are named by their number. Raises SourceError if the folder is missing
    or has no identities.
    """
    if not path.is_dir():
        raise SourceError(f"There is no folder {path}.")
    folders = sorted(place for pattern in ("n*", "*/n*") for place in path.glob(pattern) if _is_identity(place))
    if not folders:
        raise SourceError(f"There are no VGGFace2 identities (n000001, n000002, ...) in {path}.")
    tables = sorted({*path.glob("identity_meta.csv"), *path.parent.glob("identity_meta.csv")})
    names = _names(tables[0]) if tables else {}

    def each() -> Iterator[SourcePerson]:
        for place in folders:
            name = names.get(place.name, place.name)
            yield SourcePerson(place.name, name, tuple(photo_files(place)), "VGGFace2", LICENCE)

    return SourcePeople(each(), len(folders))


VGGFACE2 = Source("vggface2", "VGGFace2", "the folder of VGGFace2", vggface2_people)


def _is_identity(place: Path) -> bool:
    return place.is_dir() and place.name[1:].isdigit()


def _names(table: Path) -> dict[str, str]:
    """Names by identity. They may contain commas, so the last four columns are counted from the end."""
    with table.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = [row for row in csv.reader(file, skipinitialspace=True) if row]
    columns = len(rows[0]) if rows else 0
    return {
        row[0].strip(): person_name(", ".join(part.strip() for part in row[1 : len(row) - columns + 2]))
        for row in rows[1:]
        if len(row) >= columns >= 2
    }
