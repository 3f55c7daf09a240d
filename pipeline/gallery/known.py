"""The people and photos that a build knows already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from pipeline import names
from pipeline.gallery.rejected import RejectedPhoto
from pipeline.gallery.screening import Rejection, RejectionKind
from pipeline.sources.base import SkippedPath, SourcePerson
from pipeline.storage import encodable


@dataclass
class KnownPhotos:
    """What earlier builds and finished parts have inspected.

    originals: paths of the photos. files: person and hash of each file. faces_of: number of faces by person.
    rejected: by path. names: of people, by key.
    """

    originals: set[str] = field(default_factory=set)
    files: set[tuple[str, str]] = field(default_factory=set)
    faces_of: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, RejectedPhoto] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    _key_of: dict[tuple[str, str], str] = field(default_factory=dict)
    _owner: dict[str, str] = field(default_factory=dict)
    _shared: dict[str, set[str]] = field(default_factory=dict)

    def key(self, person: SourcePerson | SkippedPath) -> str:
        """The key of a person in the gallery, ``source/key``. People keep the key and name that they have there."""
        return self._known_key(_own_key(person), encodable(person.name))

    def _known_key(self, key: str, name: str) -> str:
        known = self._key_of.setdefault(_spelt(key), key)
        self.names.setdefault(known, name)
        return known

    def add_rejected(self, photos: Iterable[RejectedPhoto]) -> None:
        """Add rejected photos."""
        for each in photos:
            # What was skipped may be a photo by now.
            if each.rejection.kind != RejectionKind.SKIPPED:
                self.originals.add(each.original)
            self.rejected[each.original] = each

    def add_rows(self, rows: pa.Table) -> None:
        """Add the rows of a gallery or of a part."""
        for row in rows.select([name for name in rows.column_names if name != "embedding"]).to_pylist():
            if row["person"] not in self.names:
                self._known_key(row["person"], row["name"])
                self.names.setdefault(row["person"], row["name"])
            if reason := row.get("reason"):
                rejection = Rejection.parse(reason)
                self.add_rejected(
                    [RejectedPhoto(row["person"], row["name"], row["source"], row["original"], rejection)]
                )
            else:
                self._add_face(row["person"], row["original"], row["sha256"])

    def _add_face(self, person: str, original: str, sha256: str) -> None:
        self.originals.add(original)
        self.files.add((person, sha256))
        self.faces_of[person] = self.faces_of.get(person, 0) + 1
        owner = self._owner.setdefault(sha256, person)
        if owner != person and names.person_key(self.names[owner]) != names.person_key(self.names[person]):
            self._shared.setdefault(sha256, {owner}).add(person)

    def replace_skipped(self, skipped: Iterable[SkippedPath], sources: set[str]) -> None:
        """Note what these sources skip now, instead of what they skipped in earlier builds."""
        self.rejected = {
            original: each
            for original, each in self.rejected.items()
            if each.rejection.kind != RejectionKind.SKIPPED or each.source not in sources
        }
        for each in skipped:
            original, source = encodable(str(each.path.absolute())), encodable(each.source)
            key, rejection = (
                self.key(each) if each.key else "",
                Rejection(RejectionKind.SKIPPED, encodable(each.reason)),
            )
            self.rejected.setdefault(original, RejectedPhoto(key, encodable(each.name), source, original, rejection))

    def files_by_person(self) -> dict[str, set[tuple[str, str]]]:
        """:attr:`files` by the key of the person."""
        found: dict[str, set[tuple[str, str]]] = {}
        for file in self.files:
            found.setdefault(file[0], set()).add(file)
        return found

    def only(self, people: Iterable[SourcePerson], files: Mapping[str, set[tuple[str, str]]]) -> KnownPhotos:
        """What is known of some people and their photos. files: of :meth:`files_by_person`."""
        listed = list(people)
        keys = {self.key(person) for person in listed}
        photos = {original_of(path) for person in listed for path in person.photos}
        own = KnownPhotos(
            photos & self.originals,
            set().union(*(files.get(key, ()) for key in keys)),
            {key: self.faces_of[key] for key in keys & self.faces_of.keys()},
        )
        own._key_of = {_spelt(_own_key(person)): self.key(person) for person in listed}
        own.names = {key: self.names[key] for key in keys}
        return own

    def shared_files(self) -> list[list[str]]:
        """The names of people who share a photo: each group once, in the order of their names."""
        groups = {tuple(sorted(self.names[person] for person in people)) for people in self._shared.values()}
        return [list(group) for group in sorted(groups)]


def _own_key(person: SourcePerson | SkippedPath) -> str:
    return encodable(f"{person.source}/{person.key}")


def _spelt(key: str) -> tuple[str, str]:
    """What keys that are spelt alike have in common, as sources once gave each spelling a key of its own."""
    source, _, own = key.partition("/")
    return names.key(source), names.person_key(own) or own


def original_of(path: Path) -> str:
    """The path of a photo, as a gallery stores it."""
    return encodable(str(path.absolute()))
