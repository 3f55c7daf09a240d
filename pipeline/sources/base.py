"""What a source is, and the people it gives.

A source lists files. It reads no photo: the gallery does so when it screens them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import SourceError


@dataclass(frozen=True)
class SourcePerson:
    """One identity and its photos.

    key: unique within the source and stable, so that a later build recognises the person.
    name: for display; two people may share it.
    photos: files, the preferred ones first.
    source, licence: where the photos come from, and the terms stated for them.
    """

    key: str
    name: str
    photos: tuple[Path, ...]
    source: str
    licence: str


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
class Source:
    """A kind of place that people come from.

    name: for ``--source``. title: for display. help: what the path must hold.
    people: lists the people at a path; raises SourceError if there are none.
    default: lists the people at the source's own place, if it has one.
    """

    name: str
    title: str
    help: str
    people: Callable[[Path], SourcePeople]
    default: Callable[[], SourcePeople] | None = None

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
