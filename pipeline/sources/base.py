"""What a source is, and the people it gives.

A source lists files. It reads no photo: the gallery does so when it screens them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipeline.errors import SourceError

# The column that every gallery has of its people, whatever their source says.
SOURCE = "source"
# What a column says of a person: a number, or texts, of which there may be several.
Value = float | tuple[str, ...]


@dataclass(frozen=True)
class Credit:
    """Whose photo it is, and on which terms: "" where nothing is known. page: the address of its description."""

    author: str = ""
    licence: str = ""
    licence_url: str = ""
    page: str = ""


NO_CREDIT = Credit()


@dataclass(frozen=True)
class SourcePerson:
    """One identity and its photos.

    key: unique within the source and stable, so that a later build recognises the person.
    name: for display; two people may share it.
    photos: files, the preferred ones first.
    source, licence: where the photos come from, and the terms stated for them.
    columns: what is known of the person, by the name of the column.
    credits: of single photos, where they differ.
    portrait_first: whether only the first photo surely shows the person. Others count if they show that face alone.
    """

    key: str
    name: str
    photos: tuple[Path, ...]
    source: str
    licence: str
    columns: Mapping[str, Value] = field(default_factory=dict)
    credits: Mapping[Path, Credit] = field(default_factory=dict)
    portrait_first: bool = False

    def credit(self, photo: Path) -> Credit:
        """Whose photo it is."""
        return self.credits.get(photo) or Credit(licence=self.licence)


@dataclass(frozen=True)
class SkippedPath:
    """A file or folder that a source skipped, and why. key, name: of the person it is under, or ""."""

    path: Path
    reason: str
    source: str
    key: str = ""
    name: str = ""


@dataclass(frozen=True)
class SourcePeople:
    """The people of a source, which may be listed lazily, and their number, for progress bars.

    skipped: complete once all people are listed. camera_names: people whose names are a camera's, as their photos are
    not named after anybody, with their numbers of photos.
    """

    people: Iterable[SourcePerson]
    count: int
    skipped: Iterable[SkippedPath] = ()
    camera_names: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """Whom to choose, where a source has more people than anybody wants.

    people: how many. balanced: whether women, countries, eras and occupations have their share. left_out: who is not
    chosen, by id or name, a line each.
    """

    people: int = 5000
    balanced: bool = True
    photos_per_person: int = 3
    left_out: str = ""


class SourceReport(Protocol):
    """Tells how far a stage is; ``total`` 0 means that nobody knows."""

    def __call__(self, stage: str, done: int = 0, total: int = 0, detail: str = "") -> None:
        """Tell ``done`` of ``total``, and the same in words."""


class ChosenPeople(Protocol):
    """The people whom a source has chosen: known before a photo is here."""

    source: str

    def photos(self) -> dict[str, dict[Path, Credit]]:
        """Where the photos of each person will be, and whose they are, by the person's key; the portrait first."""

    def names(self) -> dict[str, str]:
        """The names of the people by key."""

    def summary(self, people: Collection[str]) -> list[str]:
        """Who some of them are, given by key, in a few lines."""

    def listed(self) -> SourcePeople:
        """The people, each with photos that are fetched on the way."""

    def replace(self, unusable: Collection[str], report: SourceReport) -> ChosenPeople | None:
        """Others in place of people without a usable photo, given by key; None if there are no others."""

    def finish(self) -> None:
        """Forget what was only needed to go on after an interruption, and photos that nobody needs."""

    def close(self) -> None:
        """Let other processes choose people."""


@dataclass(frozen=True)
class Source:
    """A kind of place that people come from.

    name: for ``--source``. title: for display. help: what the path must hold.
    people: lists the people at a path; raises SourceError if there are none.
    default: lists the people at the source's own place, if it has one.
    choose: chooses people instead, if the source has no place; raises SourceError. gallery: what theirs is called.
    of_rows: the source that the rows of its people name, if it chooses them.
    """

    name: str
    title: str
    help: str
    people: Callable[[Path], SourcePeople]
    default: Callable[[], SourcePeople] | None = None
    choose: Callable[[Selection, SourceReport], ChosenPeople] | None = None
    gallery: str = ""
    of_rows: str = ""

    @property
    def needs_path(self) -> bool:
        """Whether the path must be given."""
        return self.default is None

    def open(self, path: Path | None = None) -> SourcePeople:
        """The people at ``path``, or at the source's default place. Raises SourceError."""
        if path is not None:
            return self.people(path)
        if self.default is None:
            command = f"python -m pipeline build FOLDER --source {self.name}"
            raise SourceError("Which folder holds the photos?", command=command)
        return self.default()


def source_people(people: Sequence[SourcePerson]) -> SourcePeople:
    """People from a sequence of known length."""
    return SourcePeople(people, len(people))
