"""Adding people to a gallery by hand, for the app and the command line.

An added photo is kept in the gallery's folder, ``photos/NAME/``, so that the gallery can be rebuilt.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import names, photo
from pipeline.errors import GalleryError
from pipeline.gallery import inspection, layout, opening, rejected, screening, stored_photos, writing
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.rows import ROW
from pipeline.gallery.screening import PersonScreening, PhotoQuality, Rejection
from pipeline.sources import folder, walking
from pipeline.sources.base import SourcePerson

SOURCE, LICENCE = "Your photos", "not stated"


@dataclass(frozen=True)
class NewPhoto:
    """A photo to add: the person's name, the file's name and bytes, and the result of its inspection."""

    person: str
    file: str
    data: bytes
    inspected: InspectedPhoto


@dataclass(frozen=True)
class _Screened:
    """A new photo after screening: the person's key, and the round that accepted it or why none did."""

    key: str
    round_number: int
    rejection: Rejection | None


def screen_photos(opened: Gallery, photos: Sequence[NewPhoto]) -> list[Rejection | None]:
    """Why each photo would be rejected; None for those that :func:`add_photos` would add."""
    return [each.rejection for each in _screen(opened, photos)]


def _screen(opened: Gallery, photos: Sequence[NewPhoto]) -> list[_Screened]:
    key_of_name = _people(opened)
    existing = set(key_of_name.values())
    people_names = [names.person(each.person) for each in photos]
    keys = [key_of_name.setdefault(names.key(name), f"{SOURCE}/{name}") for name in people_names]
    qualities = _qualities(opened, keys, photos)
    people: dict[str, PersonScreening[int]] = {}
    for key in dict.fromkeys(keys):
        own = [number for number in qualities if keys[number] == key]
        people[key] = PersonScreening(own, wanted=len(own), known_already=key in existing)
    screening.run_rounds(
        list(people.values()),
        qualities.__getitem__,
        lambda numbers: {number: qualities[number] for number in numbers},
    )
    return [
        _Screened(key, people[key].accepted.get(number, -1), people[key].rejected().get(number))
        for number, key in enumerate(keys)
    ]


def _qualities(opened: Gallery, keys: Sequence[str], photos: Sequence[NewPhoto]) -> dict[int, PhotoQuality]:
    """The quality of each photo, where a file that the person has already is a duplicate."""
    files = set(zip(opened.faces["person"].to_pylist(), opened.faces["sha256"].to_pylist(), strict=True))
    qualities = {}
    for number, (key, each) in enumerate(zip(keys, photos, strict=True)):
        file = (key, each.inspected.sha256)
        qualities[number] = PhotoQuality(flaw=screening.DUPLICATE) if file in files else each.inspected.quality
        if each.inspected.sha256:
            files.add(file)
    return qualities


def _people(opened: Gallery) -> dict[str, str]:
    """Keys of people by what the spellings of a name share. Of several people with the same name, the first."""
    shown, keys = (opened.faces[column].to_pylist() for column in ("name", "person"))
    return {names.person_key(shown[row]): keys[row] for row in opened.first_rows[::-1].tolist()}


def add_photos(name: str, photos: Sequence[NewPhoto]) -> list[Rejection | None]:
    """Add the photos that pass screening. Returns why each of the others was rejected, None for those added.

    Photos of a name that the gallery has are added to that person.

    Raises GalleryError if a name is invalid, or the gallery cannot be opened or changed, or has another embedder than
    the one that the photos were inspected with.
    """
    for each in photos:
        if text := names.problem(names.person(each.person)):
            raise GalleryError(text)
    identities = [each.inspected.identity for each in photos if each.inspected.identity]
    _open(name, identities)
    with writing.locked(name, layout.EDIT_WAIT_SECONDS) as gallery_folder:
        opened = _open(name, identities)
        screened = _screen(opened, photos)
        accepted = [(each, result) for each, result in zip(photos, screened, strict=True) if not result.rejection]
        if accepted:
            rows = _new_rows(opened, gallery_folder, accepted)
            embeddings = np.stack([each.inspected.embedding for each, _ in accepted])
            new = (pa.Table.from_pylist(rows, schema=ROW), embeddings)
            writing.commit_change(opened, [writing.rows_of(opened), new], rejected.read_rejected(opened.folder))
    return [result.rejection for result in screened]


def _open(name: str, identities: Sequence[dict[str, Any]]) -> Gallery:
    """The gallery, which must have been built with each of these embedders."""
    opened = opening.read_gallery(name)
    for identity in identities:
        if identity != opened.manifest["embedding"]:
            return opening.read_gallery(name, identity)
    return opened


def _new_rows(
    opened: Gallery, gallery_folder: Path, accepted: Sequence[tuple[NewPhoto, _Screened]]
) -> list[dict[str, Any]]:
    """Store accepted photos and their crops, and return their rows."""
    name_of_key = dict(zip(opened.faces["person"].to_pylist(), opened.faces["name"].to_pylist(), strict=True))
    first_crop = writing.next_crop(opened)
    rows = []
    for number, (each, result) in enumerate(accepted):
        name = name_of_key.get(result.key, result.key.removeprefix(f"{SOURCE}/"))
        path = stored_photos.write(gallery_folder, name, _file_name(each), each.data)
        own = {"person": result.key, "name": name, "source": SOURCE, "licence": LICENCE, "original": str(path)}
        face = inspection.store_face(
            gallery_folder, each.inspected, round_number=result.round_number, crop=first_crop + number
        )
        rows.append(own | face)
    return rows


def _file_name(added: NewPhoto) -> str:
    """The name under which a photo is kept: the hash of its bytes."""
    suffix = PurePath(added.file).suffix.lower()
    return f"{added.inspected.sha256[:16]}{suffix if suffix in photo.SUFFIXES else '.jpg'}"


def find_people(opened: Gallery, text: str) -> list[str]:
    """The keys of the people with this name, in any spelling, or with this key."""
    shown, keys = (opened.faces[column].to_pylist() for column in ("name", "person"))
    wanted = names.person_key(text)
    people = {keys[row]: shown[row] for row in opened.first_rows.tolist()}
    return [key for key, name in people.items() if key == text or names.person_key(name) == wanted]


def people_called(opened: Gallery, who: Sequence[str]) -> list[str]:
    """The keys of people, each given by name or by key. Raises GalleryError if nobody is called so."""
    found: list[str] = []
    for text in who:
        # A key needs no look at all the names.
        keys = [text] if len(opened.numbers_of([text])) else find_people(opened, text)
        if not keys:
            raise GalleryError(f"There is no {text} in the gallery {opened.name}.")
        found += keys
    return found


def people_besides(opened: Gallery, sources: Collection[str]) -> list[SourcePerson]:
    """The people of a gallery from other sources than these, with those of their photos that are still there."""
    own: dict[str, list[dict[str, Any]]] = {}
    for row in opened.faces.select(["person", "name", "source", "licence", "original"]).to_pylist():
        if row["source"] not in sources and Path(row["original"]).is_file():
            own.setdefault(row["person"], []).append(row)
    return [
        SourcePerson(
            key=key.removeprefix(f"{rows[0]['source']}/"),
            name=rows[0]["name"],
            photos=tuple(Path(row["original"]) for row in rows),
            source=rows[0]["source"],
            licence=rows[0]["licence"],
        )
        for key, rows in own.items()
    ]


def added_people(name: str) -> list[SourcePerson]:
    """The people whose photos were added by hand, for rebuilding the gallery."""
    photos = layout.photos_folder(name)
    if not (photos.is_dir() and walking.list_below(photos).photos):
        return []
    return list(folder.people_in_folder(photos, source=SOURCE, licence=LICENCE).people)
