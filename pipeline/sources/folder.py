"""Your own people: one folder per person, or files named after people."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from pipeline.errors import SourceError
from pipeline.sources.base import Source, SourcePeople, SourcePerson, person_name, photo_files, source_people

# "Ann Lee_0001.jpg", "Ann Lee-2.png" and "Ann Lee (3).jpg" are three photos of Ann Lee.
_NUMBER = re.compile(r"(\s*\(\d+\)|[\s_-]+\d+)$")


def people_in_folder(folder: Path, *, source: str | None = None, licence: str = "not stated") -> SourcePeople:
    """One person per sub-folder, with photos at any depth, plus the people that files in ``folder`` are named after.

    A sub-folder without photos gives a person without photos, which the build reports.
    source: the name of the source; by default the folder's.

    Raises SourceError if there is no such folder or it has no photos.
    """
    if not folder.is_dir():
        raise SourceError(f"There is no folder {folder}.")
    source = source or folder.resolve().name
    found = [
        SourcePerson(path.name, person_name(path.name), tuple(_photos_below(path)), source, licence)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    ]
    flat: dict[str, list[Path]] = {}
    for path in photo_files(folder):
        flat.setdefault(name_from_file(path.name), []).append(path)
    found += [SourcePerson(key, person_name(key), tuple(paths), source, licence) for key, paths in flat.items()]
    if not any(person.photos for person in found):
        raise SourceError(
            f"There are no photos in {folder}. Put one folder for each person in it, or photos named after people."
        )
    return source_people(found)


FOLDER = Source("folder", "Folder", "one folder per person, or photos named after people", people_in_folder)


def name_from_file(file: str) -> str:
    """The person that a file is named after: its stem without a trailing number."""
    stem = PurePath(file).stem
    return _NUMBER.sub("", stem) or stem


def _photos_below(folder: Path) -> list[Path]:
    folders = sorted(path for path in folder.rglob("*") if path.is_dir() and not _hidden(path.relative_to(folder)))
    return [path for place in (folder, *folders) for path in photo_files(place)]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
