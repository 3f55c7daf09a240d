"""Adding people to a gallery and removing them by hand: what the app's page and the command line do.

A photo that is added is kept in the gallery's folder, ``photos/NAME/``, so that a gallery of another version can be
built anew. A photo that is removed is deleted there.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import photo, storage
from pipeline.embedding.registry import default_identity
from pipeline.errors import GalleryError
from pipeline.gallery import building, layout, opening, screening, writing
from pipeline.gallery.building import BuildSettings, Looked
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.rows import ROW
from pipeline.gallery.screening import Candidates
from pipeline.sources import folder
from pipeline.sources.base import SourcePerson, display_name

SOURCE, LICENCE = "Your photos", "not stated"
# Long enough for another page's change, too short for a build.
_WAIT_SECONDS = 10.0
_PERSON = re.compile(r"[^/\\\0.][^/\\\0]{0,79}")


@dataclass(frozen=True)
class Photo:
    """A photo to add: whose it is, the name and the bytes of its file, and what was seen when it was looked at."""

    person: str
    file: str
    data: bytes
    looked: Looked


def _check_name(text: str) -> None:
    """Raises GalleryError for what cannot be the name of a person, whose folder is called so."""
    name = display_name(text)
    if not _PERSON.fullmatch(name) or len(name.encode()) > 200:
        raise GalleryError("Give a name of at most 80 letters, without slashes and not starting with a dot.")


def screen(opened: Gallery, photos: Sequence[Photo]) -> list[str]:
    """Why each photo would be refused; empty for those that :func:`add` would take."""
    return [reason for _, _, reason in _screened(opened, photos)]


def _screened(opened: Gallery, photos: Sequence[Photo]) -> list[tuple[str, int, str]]:
    """The person's key, the round that accepts the photo, and why none does."""
    known = _people(opened)
    before = set(known.values())
    names = [display_name(each.person) for each in photos]
    keys = [known.setdefault(name.casefold(), f"{SOURCE}/{name}") for name in names]
    files = set(zip(opened.faces["person"].to_pylist(), opened.faces["sha256"].to_pylist(), strict=True))
    measured = {}
    for number, (key, each) in enumerate(zip(keys, photos, strict=True)):
        file = (key, each.looked.sha256)
        measured[number] = building.DUPLICATE if file in files else each.looked.measured
        if each.looked.sha256:
            files.add(file)
    people = {}
    for key in dict.fromkeys(keys):
        own = [number for number in measured if keys[number] == key]
        people[key] = Candidates(own, len(own), known_already=key in before)
    screening.choose(
        list(people.values()), measured.__getitem__, lambda numbers: {number: measured[number] for number in numbers}
    )
    return [
        (key, people[key].accepted.get(number, -1), people[key].rejected().get(number, ""))
        for number, key in enumerate(keys)
    ]


def _people(opened: Gallery) -> dict[str, str]:
    """The keys of the people by their names in small letters; of several of one name, the first one's."""
    names, keys = (opened.faces[column].to_pylist() for column in ("name", "person"))
    return {names[row].casefold(): keys[row] for row in opened.first_rows[::-1].tolist()}


def add(name: str, photos: Sequence[Photo]) -> list[str]:
    """Add those of some photos that pass the screening: why each of the others was refused, else empty.

    A person whose name the gallery knows gets them beside the others. Raises GalleryError.
    """
    for each in photos:
        _check_name(each.person)
    identity = default_identity()
    opening.read_gallery(name, identity)
    with writing.locked(name, _WAIT_SECONDS) as place:
        opened = opening.read_gallery(name, identity)
        screened = _screened(opened, photos)
        known = dict(zip(opened.faces["person"].to_pylist(), opened.faces["name"].to_pylist(), strict=True))
        crop = writing.next_crop(opened)
        rows: list[dict[str, Any]] = []
        embeddings: list[np.ndarray] = []
        for each, (key, number, reason) in zip(photos, screened, strict=True):
            if not reason:
                shown = known.get(key, key.removeprefix(f"{SOURCE}/"))
                path = _keep(layout.photos_folder(name) / shown, each)
                of = {"person": key, "name": shown, "source": SOURCE, "licence": LICENCE, "original": str(path)}
                rows.append(of | building.kept(place, each.looked, number, crop + len(rows)))
                embeddings.append(each.looked.embedding)
        if rows:
            new = (pa.Table.from_pylist(rows, schema=ROW), np.stack(embeddings))
            _commit(opened, [writing.rows_of(opened), new], len(opened) + len(rows))
    return [reason for _, _, reason in screened]


def _keep(place: Path, added: Photo) -> Path:
    """Write a photo under a name of its own, the same for the same photo."""
    suffix = PurePath(added.file).suffix.lower()
    path = place / f"{added.looked.sha256[:16]}{suffix if suffix in photo.SUFFIXES else '.jpg'}"
    with storage.written_whole(path) as temporary:
        temporary.write_bytes(added.data)
    return path.absolute()


def _commit(opened: Gallery, pieces: list[tuple[pa.Table, np.ndarray]], faces: int, without: str = "") -> None:
    """Commit these rows, and what was refused before but of the person ``without``."""
    refused = [row for row in writing.read_refused(opened.folder) if row["person"] != without]
    about = {key: value for key, value in opened.manifest.items() if key in ("embedding", "dimensions", "build")}
    writing.commit(opened.folder, opened.manifest["generation"] + 1, pieces, faces, refused, about)


def remove(name: str, person: str, sha256: str | None = None) -> int:
    """Remove a person by the key, or only the photo of this hash: how many photos, 0 where they are gone already.

    Nothing that is kept here shows them afterwards; files of the user's own outside the gallery's folder stay.
    Raises GalleryError.
    """
    opening.read_gallery(name)
    with writing.locked(name, _WAIT_SECONDS):
        opened = opening.read_gallery(name)
        rows, embeddings = writing.rows_of(opened)
        own = np.array([key == person for key in rows["person"].to_pylist()], bool)
        gone = own & np.array([sha256 in (None, file) for file in rows["sha256"].to_pylist()], bool)
        if not gone.any():
            return 0
        # Photos first: were this killed before the rows are gone, the person is still there to be removed again.
        for row in np.flatnonzero(gone).tolist():
            _forget(layout.photos_folder(name), opened.row(row))
        called = opened.row(int(gone.argmax()))["name"]
        if gone.sum() == own.sum() and people_called(opened, called) == [person] and _PERSON.fullmatch(called):
            shutil.rmtree(layout.photos_folder(name) / called, ignore_errors=True)
        left = (rows.filter(pa.array(~gone)), embeddings[~gone])
        _commit(opened, [left], len(left[0]), without=person if sha256 is None else "")
        return int(gone.sum())


def _forget(place: Path, row: dict[str, Any]) -> None:
    """Delete the photo of a row where it is one that was added by hand."""
    if _PERSON.fullmatch(row["name"]):
        (place / row["name"] / PurePath(row["original"]).name).unlink(missing_ok=True)


def people_called(opened: Gallery, text: str) -> list[str]:
    """The keys of the people of a name, or of this very key."""
    names, keys = (opened.faces[column].to_pylist() for column in ("name", "person"))
    return list(dict.fromkeys(key for name, key in zip(names, keys, strict=True) if text in (name, key)))


def own_people(name: str) -> list[SourcePerson]:
    """The people whose photos were added by hand, for building the gallery anew."""
    place = layout.photos_folder(name)
    found = folder.people(place, SOURCE, LICENCE).people if place.is_dir() and any(place.rglob("*.*")) else ()
    return list(found)


def create(name: str) -> None:
    """Make a gallery with nobody in it. Raises GalleryError where the name is taken or cannot be one."""
    with storage.written_whole(_free(name)) as temporary:
        temporary.mkdir()
        about = {"embedding": default_identity(), "build": asdict(BuildSettings())}
        writing.commit(temporary, 1, (), 0, (), about)
        _free(name)


def copy(source: str, name: str) -> None:
    """Make a gallery with the people and the map of another one. Raises GalleryError as :func:`create`."""
    opening.read_gallery(source)
    place = _free(name)
    with writing.locked(source, _WAIT_SECONDS) as origin, storage.written_whole(place) as temporary:
        shutil.copytree(origin, temporary, ignore=shutil.ignore_patterns(".*", writing.BUILDING))
        _free(name)


def _free(name: str) -> Path:
    """Where a gallery of this name will lie."""
    place = layout.folder_of(name)
    if place.exists():
        raise GalleryError(f"There is a gallery {name} already. Choose another name.")
    return place
