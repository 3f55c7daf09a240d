"""Giving photos of a gallery another name or another person: rename and merge people, move a photo.

The photos that were added by hand follow into the folder of their person's new name, so that a rebuilt gallery has
the same people. Rebuilding from folders of one's own restores the names that those have.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import names
from pipeline.errors import GalleryError
from pipeline.gallery import editing, layout, opening, rejected, stored_photos, writing
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.rows import ROW

_GONE = "is no longer in the gallery. Somebody else has changed it."


def rename_person(name: str, person: str, new_name: str) -> str:
    """Rename a person, given by key. Returns the new name as it is shown.

    Raises GalleryError if the name is invalid or another person has it, or the person is gone, or the gallery cannot
    be opened or changed.
    """
    shown = _checked(new_name)
    with writing.locked(name, layout.EDIT_WAIT_SECONDS):
        opened = opening.read_gallery(name)
        if others := [key for key in editing.find_people(opened, shown) if key != person]:
            raise GalleryError(
                f"There is {_name_of(opened, others[0])} in the gallery already. Merge the two instead."
            )
        # A rebuild gives people who were added by hand this key.
        added = person == f"{editing.SOURCE}/{_name_of(opened, person)}"
        key = _unused_key(opened, shown, person) if added else person
        _reassign(opened, person, key, shown)
    return shown


def merge_people(name: str, person: str, into: str) -> int:
    """Give all photos of a person to another one. Returns how many: files that the other one has are dropped.

    Raises GalleryError if one of them is gone, or both are one, or the gallery cannot be opened or changed.
    """
    if person == into:
        raise GalleryError("A person cannot be merged with themselves. Choose somebody else.")
    with writing.locked(name, layout.EDIT_WAIT_SECONDS):
        opened = opening.read_gallery(name)
        return _reassign(opened, person, into, _name_of(opened, into))


def move_photo(name: str, person: str, sha256: str, to_name: str) -> str:
    """Move the photo with this hash to the person with this name, or to a new person.

    Returns the name as it is shown. Raises GalleryError if the name is invalid or the person's own, or the photo is
    gone, or the gallery cannot be opened or changed.
    """
    wanted = _checked(to_name)
    with writing.locked(name, layout.EDIT_WAIT_SECONDS):
        opened = opening.read_gallery(name)
        found = editing.find_people(opened, wanted)
        if person in found:
            raise GalleryError(f"This photo is {_name_of(opened, person)}'s already. Choose somebody else.")
        key = found[0] if found else _unused_key(opened, wanted, person)
        shown = _name_of(opened, key) if found else wanted
        _reassign(opened, person, key, shown, sha256)
    return shown


def _checked(text: str) -> str:
    """A text as a person's name. Raises GalleryError if it cannot be one."""
    name = names.person(text)
    if problem := names.problem(name):
        raise GalleryError(problem)
    return name


def _name_of(opened: Gallery, person: str) -> str:
    """The name of a person, given by key. Raises GalleryError if the person is gone."""
    for key, shown in zip(opened.faces["person"].to_pylist(), opened.faces["name"].to_pylist(), strict=True):
        if key == person:
            return str(shown)
    raise GalleryError(f"{person.partition('/')[2]} {_GONE}")


def _unused_key(opened: Gallery, shown: str, person: str) -> str:
    """A key for a person of this name that nobody else has."""
    key, taken = f"{editing.SOURCE}/{shown}", set(opened.faces["person"].to_pylist()) - {person}
    return next(
        free for free in (key, *(f"{key} {number}" for number in range(2, len(taken) + 3))) if free not in taken
    )


def _reassign(opened: Gallery, person: str, key: str, shown: str, sha256: str | None = None) -> int:
    """Give the photos of a person, or only one, this key and name, and commit. Returns how many there are then.

    A file that the person with this key has already is dropped.
    """
    table, embeddings = writing.rows_of(opened)
    rows: list[dict[str, Any]] = table.to_pylist()
    theirs = {row["sha256"] for row in rows if row["person"] == key != person}
    own = [number for number, row in enumerate(rows) if row["person"] == person and sha256 in (None, row["sha256"])]
    if not own:
        raise GalleryError(f"This photo {_GONE}" if sha256 else f"{person.partition('/')[2]} {_GONE}")
    dropped = {number for number in own if rows[number]["sha256"] in theirs}
    lost = [path for number in dropped if (path := stored_photos.path_of(opened.folder, rows[number]))]
    stored_photos.note(opened.folder, lost)
    for number in own:
        path = None if number in dropped else stored_photos.copy(opened.folder, rows[number], shown)
        rows[number] = rows[number] | {"person": key, "name": shown} | ({"original": str(path)} if path else {})
    kept = np.array([number not in dropped for number in range(len(rows))], bool)
    left = pa.Table.from_pylist([row for row, stays in zip(rows, kept, strict=True) if stays], schema=ROW)
    listed = rejected.read_rejected(opened.folder)
    if sha256 is None:
        listed = [replace(each, person=key, name=shown) if each.person == person else each for each in listed]
    writing.commit_change(opened, [(left, embeddings[kept])], listed)
    return len(own) - len(dropped)
