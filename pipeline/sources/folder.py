"""A user's own people: a folder for each person, or flat files named after the person."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from pipeline.errors import SourceError
from pipeline.sources.base import People, Person, listed, photo_files, readable

# "Ann Lee_0001.jpg", "Ann Lee-2.png" and "Ann Lee (3).jpg" are three photos of Ann Lee.
_NUMBER = re.compile(r"(\s*\(\d+\)|[\s_-]+\d+)$")


def people(folder: Path, source: str | None = None, licence: str = "not stated") -> People:
    """One person for each sub-folder with its photos at any depth; files directly in ``folder`` by their names.

    Sub-folders without a photo are people without photos, so that the build reports them.
    Raises SourceError where there is no folder or no photo in it.
    """
    if not folder.is_dir():
        raise SourceError(f"There is no folder {folder}.")
    source = source or folder.resolve().name
    found = [
        Person(path.name, readable(path.name), tuple(_photos_below(path)), source, licence)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    ]
    flat: dict[str, list[Path]] = {}
    for path in photo_files(folder):
        flat.setdefault(person_of(path.name), []).append(path)
    found += [Person(key, readable(key), tuple(paths), source, licence) for key, paths in flat.items()]
    if not any(person.photos for person in found):
        raise SourceError(
            f"There are no photos in {folder}. Put one folder for each person in it, or photos named after people."
        )
    return listed(found)


def person_of(file: str) -> str:
    """Whom a file's name names."""
    stem = PurePath(file).stem
    return _NUMBER.sub("", stem) or stem


def _photos_below(folder: Path) -> list[Path]:
    folders = sorted(path for path in folder.rglob("*") if path.is_dir() and not _hidden(path.relative_to(folder)))
    return [path for place in (folder, *folders) for path in photo_files(place)]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
