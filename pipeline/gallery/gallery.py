"""An open gallery: people with their embeddings and crops."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import arrays
from pipeline.errors import GalleryError, reason
from pipeline.gallery import details as about
from pipeline.gallery.columns import PeopleColumns
from pipeline.gallery.details import NO_DETAILS, Details
from pipeline.gallery.layout import build_command, crop_path
from pipeline.sources.base import Credit

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Gallery:
    """An open gallery. A row is a face; people are numbered from 0 in order of appearance.

    faces: a table of :data:`pipeline.gallery.rows.ROW`. embeddings: unit rows, float32 (faces, dimensions).
    details: columns about the people, a row for each, and whose photos they are.
    """

    folder: Path
    manifest: dict[str, Any]
    faces: pa.Table
    embeddings: NDArray[np.float32]
    details: Details = NO_DETAILS

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def digest(self) -> str:
        """Identifies the embeddings. Empty for a gallery that was never on disk."""
        return str(self.manifest["files"]["embeddings"]["sha256"][:16]) if self.manifest else ""

    def __len__(self) -> int:
        return len(self.embeddings)

    @cached_property
    def _people(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        import pyarrow as pa

        keys = self.faces["person"]
        self._check(keys)
        # One dictionary for all chunks. Ten million rows take a second and 0.2 GB, which is released again.
        numbers = [chunk.indices.to_numpy() for chunk in keys.dictionary_encode().chunks]
        people = np.concatenate([np.empty(0, np.int32), *numbers])
        del numbers
        pa.default_memory_pool().release_unused()
        _, first_rows = np.unique(people, return_index=True)
        return people, first_rows

    @property
    def person_of_row(self) -> NDArray[np.int32]:
        """The number of each row's person, int32 (faces,)."""
        return self._people[0]

    @property
    def first_rows(self) -> NDArray[np.int64]:
        """The first row of each person, int64 (people,)."""
        return self._people[1]

    @property
    def people_count(self) -> int:
        """The number of people."""
        return len(self._people[1])

    @cached_property
    def columns(self) -> PeopleColumns:
        """What is known of the people."""
        table = self.details.people
        if table is not None and len(table) != self.people_count:
            raise damaged(self.name, ValueError(f"columns of {len(table)} people, {self.people_count} expected"))
        return PeopleColumns(table, lambda: self.faces["source"].take(self.first_rows), self.name)

    @cached_property
    def _credits(self) -> dict[str, Credit]:
        return about.credits_by_file(self.details)

    def credit(self, row: int) -> Credit:
        """Whose photo a row is."""
        columns = self.row(row)
        return self._credits.get(columns["sha256"]) or Credit(licence=columns["licence"])

    def numbers_of(self, keys: Collection[str]) -> NDArray[np.int32]:
        """The numbers of the people with these keys, ascending int32 (n,). A key that nobody has is left out."""
        import pyarrow as pa
        import pyarrow.compute as pc

        people = self.person_of_row
        if not keys:
            return people[:0]
        theirs = pc.is_in(self.faces["person"], value_set=pa.array(keys, pa.string()))
        return np.unique(people[theirs.to_numpy()])

    def row(self, row: int) -> dict[str, Any]:
        """The columns of one row. Raises GalleryError if the file was cut off meanwhile."""
        found = self.faces.slice(row, 1)
        self._check(found)
        columns: dict[str, Any] = found.to_pylist()[0]
        return columns

    def part(self, rows: NDArray[np.int64]) -> Gallery:
        """A gallery of some rows, ascending int64 (n,), copied into memory. Its people are numbered anew."""
        self.check_sizes()
        numbers = self.person_of_row[rows]
        _, first = np.unique(numbers, return_index=True)
        people = self.details.people
        if people is not None:
            people = people.take(numbers[np.sort(first)])
        details = replace(self.details, people=people)
        return replace(self, faces=self.faces.take(rows), embeddings=self.embeddings[rows], details=details)

    def check_sizes(self) -> None:
        """Raise GalleryError if a file that is mapped was cut off meanwhile: reading it would end the process."""
        for key in ("faces", "embeddings"):
            file = self.manifest.get("files", {}).get(key, {})
            size = file.get("bytes", 0)
            if size > arrays.MAPPED_MIN_BYTES and arrays.is_cut_off(self.folder / file["name"], size):
                raise damaged(self.name, ValueError(f"{file['name']} was cut off"))

    def _check(self, rows: pa.Table | pa.ChunkedArray) -> None:
        """Validate rows before they are read, if they are mapped: somebody may have changed the file meanwhile."""
        self.check_sizes()
        if self.manifest.get("files", {}).get("faces", {}).get("bytes", 0) > arrays.MAPPED_MIN_BYTES:
            try:
                rows.validate(full=True)
            except ValueError as error:
                raise damaged(self.name, error) from error

    def crop_path(self, row: int) -> Path:
        """The crop of one row, a JPEG."""
        return crop_path(self.folder, self.faces["crop"][row].as_py())


def damaged(name: str, error: Exception) -> GalleryError:
    """The error for a gallery that cannot be read."""
    text = f"The gallery {name} is damaged ({reason(error)}). Rebuild it."
    return GalleryError(text, command=build_command(name, fresh=True))
