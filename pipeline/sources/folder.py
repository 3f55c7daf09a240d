"""Your own people: one folder per person, or files named after people."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from pipeline import names
from pipeline.errors import SourceError
from pipeline.sources import people_csv, walking
from pipeline.sources.base import SkippedPath, Source, SourcePeople, SourcePerson
from pipeline.sources.people_csv import TableEntry
from pipeline.sources.walking import Listing, Skipped

# "Ann Lee_0001.jpg", "Ann Lee-2.png" and "Ann Lee (3).jpg" are three photos of Ann Lee.
_NUMBER = re.compile(r"(\s*\(\d+\)|[\s_-]+\d+)$")


@dataclass
class _Found:
    """What was found of one person: how the name is spelt, in how many folders, and what is in them."""

    spellings: list[str] = field(default_factory=list)
    folders: int = 0
    below: Listing = field(default_factory=Listing)

    @property
    def name(self) -> str:
        """The most common spelling; of several, the first in sorted order."""
        return min(Counter(self.spellings).items(), key=lambda item: (-item[1], item[0]))[0]


def people_in_folder(folder: Path, *, source: str | None = None, licence: str = "not stated") -> SourcePeople:
    """One person per sub-folder, with photos at any depth, plus the people that files in ``folder`` are named after.

    Folders and files whose names differ only in spelling, as :mod:`pipeline.names` defines it, are one person. A
    sub-folder without photos gives a person without photos, which the build reports. What ``people.csv`` says of
    people are their columns.
    source: the name of the source; by default the folder's.

    Raises SourceError if there is no such folder, it or its ``people.csv`` cannot be read, or it has no photos.
    """
    top = walking.open_folder(folder)
    source = source or names.clean(folder.resolve().name)
    found, nameless = _people(top)
    skipped = [SkippedPath(each.path, each.reason, source) for each in (*top.skipped, *nameless)]
    for own in found:
        skipped += [SkippedPath(each.path, each.reason, source, own.name, own.name) for each in own.below.skipped]
    if not any(own.below.photos for own in found):
        raise SourceError(_no_photos(folder, skipped))
    known = people_csv.read(folder)
    people = [_person(own, known.pop(names.key(own.name), None), source, licence) for own in found]
    people_csv.tell_unknown(folder, list(known.values()))
    cameras = [own for own in found if not own.folders and names.is_camera_name(own.name)]
    return SourcePeople(people, len(people), skipped, {own.name: len(own.below.photos) for own in cameras})


FOLDER = Source("folder", "Folder", "one folder per person, or photos named after people", people_in_folder)


def name_from_file(file: str) -> str:
    """The person that a file is named after: its stem without a trailing number."""
    stem = PurePath(file).stem
    return names.person(_NUMBER.sub("", stem) or stem)


def _person(own: _Found, entry: TableEntry | None, source: str, licence: str) -> SourcePerson:
    columns = entry.columns if entry else {}
    return SourcePerson(own.name, own.name, tuple(own.below.photos), source, licence, columns)


def _people(top: Listing) -> tuple[list[_Found], list[Skipped]]:
    """The people in a folder, and the folders and files that have no name."""
    found: dict[str, _Found] = {}
    nameless = []
    folders = [(path, names.person(path.name), True) for path in top.folders]
    files = [(path, name_from_file(path.name), False) for path in top.photos]
    for path, name, is_folder in folders + files:
        if not name:
            nameless.append(Skipped(path, "no name that can be seen"))
            continue
        own = found.setdefault(names.key(name), _Found())
        own.spellings.append(name)
        own.folders += is_folder
        below = walking.list_below(path) if is_folder else Listing(photos=[path])
        own.below.photos += below.photos
        own.below.skipped += below.skipped
    return list(found.values()), nameless


def _no_photos(folder: Path, skipped: list[SkippedPath]) -> str:
    text = f"There are no photos in {folder}. Put one folder for each person in it, or photos named after people."
    if skipped:
        text += f" Skipped: {skipped[0].path.relative_to(folder)}, {skipped[0].reason}"
        text += f", and {len(skipped) - 1} more." if len(skipped) > 1 else "."
    return text
