"""The photos that a gallery keeps: those added by hand, ``photos/NAME/``, under the hashes of their files.

A change notes which photos it adds or deletes before it does so. Afterwards, or when the next process finds the note
of a change that was killed, those that no row has are deleted. Others stay: screening may have rejected them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from pipeline import names, storage
from pipeline.gallery import layout


def place_of(folder: Path, row: dict[str, Any]) -> Path | None:
    """Where the gallery in ``folder`` keeps the photo of a row, if it does. None for a name that no folder can have.

    A copied gallery has the photo in its own folder, not where the row says that it was.
    """
    if not names.is_folder_name(row["name"]):
        return None
    return folder / layout.PHOTOS / row["name"] / PurePath(row["original"]).name


def path_of(folder: Path, row: dict[str, Any]) -> Path | None:
    """The photo of a row; None for photos in folders of one's own."""
    path = place_of(folder, row)
    return path if path and path.is_file() else None


def copy(folder: Path, row: dict[str, Any], person: str) -> Path | None:
    """Copy the photo of a row to the folder of the person of this name. None if the gallery keeps no such photo.

    The photo of the row is deleted with the change, if no row has it then.
    """
    old = path_of(folder, row)
    if old is None:
        return None
    new = folder / layout.PHOTOS / person / old.name
    note(folder, [old])
    # Where capitals do not count, it may be the same file.
    if not new.exists():
        note(folder, [new])
        with storage.atomic_path(new) as temporary:
            shutil.copyfile(old, temporary)
    return new.absolute()


def write(folder: Path, person: str, file: str, data: bytes) -> Path:
    """Write a photo of the person of this name. It is deleted again if no row has it after the change."""
    path = folder / layout.PHOTOS / person / file
    if not path.exists():
        note(folder, [path])
    with storage.atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return path.absolute()


def note(folder: Path, paths: Iterable[Path]) -> None:
    """Note photos that a change adds or deletes. Raises StorageError."""
    lines = "".join(json.dumps(path.parts[-2:]) + "\n" for path in paths)
    with storage.writing(folder / layout.CHANGE), (folder / layout.CHANGE).open("a", encoding="utf-8") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def delete_unneeded(folder: Path, rows: pa.Table) -> None:
    """Delete the photos that were noted and that none of these rows has, and folders that are empty then."""
    noted = _noted(folder)
    if not noted:
        return
    columns = rows.select(["name", "original"]).to_pylist()
    places: dict[str, list[Path]] = {}
    for place in filter(None, (place_of(folder, row) for row in columns)):
        places.setdefault(place.name, []).append(place)
    for path in noted:
        # Two spellings of a folder may be one folder.
        needed = (place for place in places.get(path.name, ()) if place.exists())
        if path.exists() and not any(path.samefile(place) for place in needed):
            path.unlink()
        with suppress(OSError):  # There are others in it.
            path.parent.rmdir()


def _noted(folder: Path) -> list[Path]:
    try:
        lines = (folder / layout.CHANGE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    noted = []
    for line in lines:
        # The last line is cut where the process was killed while it wrote: nothing was done then.
        with suppress(ValueError, TypeError):
            person, file = json.loads(line)
            if names.is_folder_name(person) and names.is_folder_name(file):
                noted.append(folder / layout.PHOTOS / person / file)
    return noted
