"""``rejected.csv``: the photos that screening rejected, and why."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import notices, storage
from pipeline.csv_files import original_text, safe_text
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
    """The rejected photos of the gallery in ``folder``.

    A file that was changed by hand so that it cannot be read is renamed, and the user is told. Its photos count as
    new then.
    """
    path = folder / layout.REJECTED
    if not path.is_file():
        return []
    try:
        # Spreadsheets mark UTF-8 with a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            head, *rows = csv.reader(file, strict=True) if path.stat().st_size else [_COLUMNS]
            if tuple(head) != _COLUMNS or any(len(row) != len(head) for row in rows):
                raise ValueError(f"its columns are not {', '.join(_COLUMNS)}")
            texts = [list(map(original_text, row)) for row in rows]
            return [RejectedPhoto(row[0], row[1], row[2], row[3], Rejection.parse(row[4])) for row in texts]
    except (ValueError, csv.Error) as error:
        storage.set_aside(path, str(error).partition("\n")[0])
        return []


def forget_unreadable(folder: Path) -> None:
    """Delete the lists of a gallery that could not be read and were renamed: nobody can tell whom they name."""
    for path in storage.set_aside_files(folder / layout.REJECTED):
        path.unlink(missing_ok=True)
        notices.tell(f"{path.name} was deleted: it may name somebody who was removed.")


def write_rejected(folder: Path, photos: Sequence[RejectedPhoto], *, generation: int) -> dict[str, Any]:
    """Write the rejected photos of this generation of the gallery in ``folder``, under a pending name.

    Returns the fingerprint of the file, for the manifest.
    """
    path = layout.pending(folder, layout.REJECTED, generation)
    with storage.atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for each in photos:
            row = (each.person, each.name, each.source, each.original, str(each.rejection))
            writer.writerow(map(safe_text, row))
    return storage.fingerprint(path) | {"name": layout.REJECTED}
