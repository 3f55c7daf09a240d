"""The people of a gallery, as every source gives them.

Nothing is read of a photo before the gallery asks for it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.photo import SUFFIXES


@dataclass(frozen=True)
class Person:
    """One identity and its photos.

    key: unique within the source, and stable, so that a later build knows the person again.
    name: what people read. Two people may share it.
    photos: files, the better known first.
    source, licence: where the photos come from and what is stated about their use.
    """

    key: str
    name: str
    photos: tuple[Path, ...]
    source: str
    licence: str


@dataclass(frozen=True)
class People:
    """The people of one source, with their number so that progress can be shown."""

    people: Iterable[Person]
    count: int


def photo_files(folder: Path) -> list[Path]:
    """The photos of a folder by name, hidden files left out."""
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def readable(name: str) -> str:
    """A file's or folder's name as a person's name: spaces for underscores, composed Unicode."""
    return " ".join(unicodedata.normalize("NFC", name).replace("_", " ").split())


def listed(people: Sequence[Person]) -> People:
    """People that are all known at once."""
    return People(people, len(people))
