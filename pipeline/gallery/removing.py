"""Removing people or single photos from a gallery, and restoring what was removed.

Removing a photo deletes its crop and, if it was added by hand, its file. What was removed is returned, so that the
caller may keep it in memory and restore it: nothing of it is left on the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import names
from pipeline.gallery import layout, left_out, opening, rejected, stored_photos, writing
from pipeline.gallery.details import NO_DETAILS, Details
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.rejected import RejectedPhoto
from pipeline.gallery.rows import ROW
from pipeline.gallery.screening import Rejection, RejectionKind


@dataclass(frozen=True)
class RemovedPhotos:
    """Photos that were removed from a gallery, in memory.

    embedding: the identity of their embedder. rows: of :data:`pipeline.gallery.rows.ROW`. embeddings: unit rows,
    float32 (n, dimensions). crops, files: of each row, JPEG and the file that was added by hand; None if there was
    none. rejected: the person's rejected photos, if the person was removed. details: of the person and the photos.
    left_out: the id of a person whom no refresh brings back now, or "".
    """

    embedding: dict[str, Any]
    rows: pa.Table
    embeddings: NDArray[np.float32]
    crops: list[bytes | None]
    files: list[bytes | None]
    rejected: list[RejectedPhoto]
    details: Details = NO_DETAILS
    left_out: str = ""

    def __len__(self) -> int:
        return len(self.rows)


def remove_person(name: str, person: str, sha256: str | None = None) -> RemovedPhotos:
    """Remove a person by key, or only the photo with this hash.

    Nothing in the gallery's folder shows the person, or the photo, afterwards. Files in the user's own folders stay.
    A refresh of a gallery of celebrities does not bring the person back. No build that adds to the gallery brings a
    single photo back.

    Raises GalleryError if the gallery cannot be opened or changed.
    """
    opening.read_gallery(name)
    with writing.locked(name, layout.EDIT_WAIT_SECONDS):
        opened = opening.read_gallery(name)
        rows, embeddings = writing.rows_of(opened)
        own = np.array([key == person for key in rows["person"].to_pylist()], bool)
        gone = own & np.array([sha256 in (None, file) for file in rows["sha256"].to_pylist()], bool)
        if not gone.any():
            return _taken(opened, rows, gone, [])
        is_last = gone.sum() == own.sum()
        listed = rejected.read_rejected(opened.folder)
        theirs = [each for each in listed if each.person == person and is_last]
        removed = _taken(opened, rows, gone, theirs)
        if is_last:
            rejected.forget_unreadable(opened.folder)
            removed = _leave_out(opened.folder, removed)
        else:
            listed += _noted(opened.folder, removed)
        stored_photos.note(opened.folder, _photos(opened.folder, rows, gone))
        left = (rows.filter(pa.array(~gone)), embeddings[~gone])
        writing.commit_change(opened, [left], [each for each in listed if each not in theirs])
        return removed


def _taken(opened: Gallery, rows: pa.Table, gone: NDArray[np.bool_], listed: list[RejectedPhoto]) -> RemovedPhotos:
    """The rows where ``gone`` is true, with their pictures, in memory."""
    own = rows.filter(pa.array(gone)).combine_chunks()
    crops = [_content(opened.crop_path(int(row))) for row in np.flatnonzero(gone)]
    paths = [stored_photos.path_of(opened.folder, row) for row in own.to_pylist()]
    files = [_content(path) if path else None for path in paths]
    # Copies: the file that these are mapped from is deleted.
    copied = pa.Table.from_pylist(own.to_pylist(), schema=ROW)
    details = opened.details.of(own["person"].to_pylist(), own["sha256"].to_pylist())
    return RemovedPhotos(
        opened.manifest["embedding"], copied, np.array(opened.embeddings[gone]), crops, files, listed, details
    )


def _leave_out(folder: Path, removed: RemovedPhotos) -> RemovedPhotos:
    """Note that a person whom a refresh would bring back was removed."""
    (row, *_) = removed.rows.slice(0, 1).to_pylist()
    if person := left_out.id_of(row["person"]):
        left_out.add(folder, person, row["name"])
    return replace(removed, left_out=person)


def _noted(folder: Path, removed: RemovedPhotos) -> list[RejectedPhoto]:
    """The removed photos as a build finds them listed. Those that were added by hand are deleted, and not listed."""
    return [
        RejectedPhoto(row["person"], row["name"], row["source"], row["original"], Rejection(RejectionKind.REMOVED))
        for row in removed.rows.to_pylist()
        if stored_photos.path_of(folder, row) is None
    ]


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _photos(folder: Path, rows: pa.Table, gone: NDArray[np.bool_]) -> Iterator[Path]:
    """The photos of the rows that go, and all in the folders of people of whom nothing is left."""
    yield from filter(None, (stored_photos.path_of(folder, row) for row in rows.filter(pa.array(gone)).to_pylist()))
    shown = np.array(rows["name"].to_pylist(), object)
    for person in set(shown[gone]) - set(shown[~gone]):
        if names.is_folder_name(person):
            yield from (folder / layout.PHOTOS / person).glob("*")


def restore(name: str, removed: RemovedPhotos) -> int:
    """Put removed photos back. Returns how many: those that the person has again already are left out.

    Raises GalleryError if the gallery cannot be opened or changed, or has another embedder by now.
    """
    opening.read_gallery(name, removed.embedding)
    with writing.locked(name, layout.EDIT_WAIT_SECONDS) as folder:
        opened = opening.read_gallery(name, removed.embedding)
        columns = ("person", "sha256", "name")
        there = list(zip(*(opened.faces[column].to_pylist() for column in columns), strict=True))
        name_of = {person: shown for person, _, shown in there}
        known = {(person, sha256) for person, sha256, _ in there}
        rows = removed.rows.to_pylist()
        back = [number for number, row in enumerate(rows) if (row["person"], row["sha256"]) not in known]
        first_crop = writing.next_crop(opened)
        restored = []
        for crop, number in enumerate(back, start=first_crop):
            # The person may have been renamed meanwhile.
            row = rows[number] | {"crop": crop, "name": name_of.get(rows[number]["person"], rows[number]["name"])}
            if (data := removed.crops[number]) is not None:
                path = layout.crop_path(folder, crop)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            if (data := removed.files[number]) is not None:
                file = PurePath(row["original"]).name
                row["original"] = str(stored_photos.write(folder, row["name"], file, data))
            restored.append(row)
        if restored:
            new = (pa.Table.from_pylist(restored, schema=ROW), removed.embeddings[back])
            back_again = {row["original"] for row in restored}
            listed = [each for each in rejected.read_rejected(opened.folder) if each.original not in back_again]
            listed += [each for each in removed.rejected if each not in listed]
            writing.commit_change(opened, [writing.rows_of(opened), new], listed, details=removed.details)
        if removed.left_out:
            left_out.drop(folder, removed.left_out)
        return len(restored)
