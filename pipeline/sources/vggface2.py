"""VGGFace2 (Cao et al. 2018): ``n000001/0001_01.jpg``, with the names in ``identity_meta.csv``."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline import names
from pipeline.errors import SourceError
from pipeline.sources import walking
from pipeline.sources.base import SkippedPath, Source, SourcePeople, SourcePerson

SOURCE, LICENCE = "VGGFace2", "VGGFace2: for research"
_IDENTITY, _TABLE = re.compile(r"n\d+"), "identity_meta.csv"


def vggface2_people(path: Path) -> SourcePeople:
    """The people of an unpacked VGGFace2 folder, with or without ``train`` and ``test`` below it.

    People missing from ``identity_meta.csv`` are named by their number. Raises SourceError if the folder is missing
    or has no identities, or the table cannot be read.
    """
    top = walking.open_folder(path)
    parts = [walking.list_folder(part) for part in top.folders if not _IDENTITY.fullmatch(part.name)]
    below = [place for part in parts for place in part.folders]
    folders = sorted(place for place in (*top.folders, *below) if _IDENTITY.fullmatch(place.name))
    if not folders:
        raise SourceError(f"There are no VGGFace2 identities (n000001, n000002, ...) in {path}.")
    tables = [place / _TABLE for place in (path, path.parent) if (place / _TABLE).is_file()]
    known = _names(tables[0]) if tables else {}
    skipped = [SkippedPath(one.path, one.reason, SOURCE) for part in (top, *parts) for one in part.skipped]

    def each() -> Iterator[SourcePerson]:
        for place in folders:
            name = known.get(place.name) or place.name
            found = walking.list_folder(place)
            skipped.extend(SkippedPath(one.path, one.reason, SOURCE, place.name, name) for one in found.skipped)
            yield SourcePerson(place.name, name, tuple(found.photos), SOURCE, LICENCE)

    return SourcePeople(each(), len(folders), skipped)


VGGFACE2 = Source("vggface2", SOURCE, "the folder of VGGFace2", vggface2_people)


def _names(table: Path) -> dict[str, str]:
    """Names by identity. They may contain commas, so the last four columns are counted from the end."""
    try:
        with table.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = [row for row in csv.reader(file, skipinitialspace=True) if row]
    except (OSError, csv.Error) as error:
        raise SourceError(f"{table} is not a table of names, or cannot be read.") from error
    columns = len(rows[0]) if rows else 0
    return {
        row[0].strip(): names.person(", ".join(part.strip() for part in row[1 : len(row) - columns + 2]))
        for row in rows[1:]
        if len(row) >= columns >= 2
    }
