"""The photos that a gallery keeps: those added by hand, ``photos/NAME/``, under the hashes of their files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from pipeline import names, storage
from pipeline.gallery import layout


def path_of(name: str, row: dict[str, Any]) -> Path | None:
    """Where the gallery keeps the photo of a row; None for photos in folders of one's own.

    A copied gallery has the photo in its own folder, not where the row says that it was.
    """
    path = _place(name, row)
    return path if path and path.is_file() else None


def _place(name: str, row: dict[str, Any]) -> Path | None:
    if not names.is_folder_name(row["name"]):
        return None
    return layout.photos_folder(name) / row["name"] / PurePath(row["original"]).name


def copy(name: str, row: dict[str, Any], person: str) -> Path | None:
    """Copy the photo of a row to the folder of the person of this name. None if the gallery keeps no such photo."""
    old = path_of(name, row)
    if old is None:
        return None
    new = layout.photos_folder(name) / person / old.name
    # Where capitals do not count, it may be the same file.
    if not new.exists():
        with storage.atomic_path(new) as temporary:
            shutil.copyfile(old, temporary)
    return new.absolute()


def delete_unneeded(name: str, rows: Iterable[dict[str, Any]], lost: Iterable[Path] = ()) -> None:
    """Delete the photos ``lost``, and those that a change or a kill has left beside the copy that a row has.

    Photos that are no copies are left alone, although no row has them: screening may have rejected them.
    """
    photos = layout.photos_folder(name)
    places: dict[str, list[Path]] = {}
    for row in rows:
        if place := _place(name, row):
            places.setdefault(place.name, []).append(place)
    lost = set(lost)
    for path in list(photos.glob("*/*")):
        needed = [place for place in places.get(path.name, ()) if place.exists()]
        # Two spellings of a folder may be one folder.
        if not any(path.samefile(place) for place in needed) and (needed or path in lost):
            path.unlink(missing_ok=True)
            with suppress(OSError):  # There are others in it.
                path.parent.rmdir()
