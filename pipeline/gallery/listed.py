"""What a build has listed of its source: in groups, with columns, and with whose the photos are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from pipeline.gallery import details
from pipeline.gallery.details import Details
from pipeline.gallery.known import KnownPhotos, original_of
from pipeline.sources.base import Credit, SourcePerson, Value
from pipeline.storage import encodable


def groups(
    people: Iterable[SourcePerson], *, people_max: int, photos_max: int, photos_per_person: int
) -> Iterator[list[SourcePerson]]:
    """The people of each part. A person counts for no more photos than are wanted."""
    group: list[SourcePerson] = []
    photos = 0
    for person in people:
        group.append(person)
        photos += min(len(person.photos), photos_per_person)
        if len(group) == people_max or photos >= photos_max:
            yield group
            group, photos = [], 0
    if group:
        yield group


@dataclass
class ListedPeople:
    """The people listed so far.

    sources: by the key of the person. columns: of people who have some. credits: by the path of the photo.
    """

    sources: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, Value]] = field(default_factory=dict)
    credits: dict[str, Credit] = field(default_factory=dict)

    def add(self, people: Iterable[SourcePerson], known: KnownPhotos) -> None:
        """Add people, under the keys that the gallery knows them by."""
        for person in people:
            key = known.key(person)
            self.sources[key] = encodable(person.source)
            if person.columns:
                self.columns.setdefault(key, {}).update(person.columns)
            self.credits |= {original_of(path): credit for path, credit in person.credits.items()}

    def details(self, tables: Iterable[pa.Table]) -> Details:
        """What was listed of the people, and of the photos in these rows."""
        photos = {}
        if self.credits:
            for table in tables:
                for row in table.select(["original", "sha256"]).to_pylist():
                    if credit := self.credits.get(row["original"]):
                        photos[row["sha256"]] = credit
        return details.details_of(self.columns, photos)
