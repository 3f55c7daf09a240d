"""An open gallery: people with their embeddings and crops."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import GalleryError
from pipeline.gallery.layout import build_command, crop_path

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Gallery:
    """An open gallery. Rows are faces; ``person_of_row`` numbers the people from 0 in order of appearance."""

    folder: Path
    manifest: dict[str, Any]
    faces: pa.Table
    embeddings: np.ndarray

    @property
    def name(self) -> str:
        """What it was built as."""
        return self.folder.name

    @property
    def digest(self) -> str:
        """What identifies its embeddings; empty where it was made in memory."""
        return str(self.manifest["files"]["embeddings"]["sha256"][:16]) if self.manifest else ""

    def __len__(self) -> int:
        return len(self.embeddings)

    @cached_property
    def _people(self) -> tuple[np.ndarray, np.ndarray]:
        import pyarrow as pa

        keys = self.faces["person"]
        self._check(keys)
        # One dictionary for all chunks. Ten million rows take a second, and 0.2 GB that is given back.
        numbers = [chunk.indices.to_numpy() for chunk in keys.dictionary_encode().chunks]
        people = np.concatenate([np.empty(0, np.int32), *numbers])
        del numbers
        pa.default_memory_pool().release_unused()
        _, first_rows = np.unique(people, return_index=True)
        return people, first_rows

    @property
    def person_of_row(self) -> np.ndarray:
        """Number of the person of each row, int32, (faces,)."""
        return self._people[0]

    @property
    def first_rows(self) -> np.ndarray:
        """The first row of each person, int64, (people,)."""
        return self._people[1]

    @property
    def people_count(self) -> int:
        """How many people it has."""
        return len(self._people[1])

    def row(self, row: int) -> dict[str, Any]:
        """The columns of one row. Raises GalleryError where it is damaged."""
        found = self.faces.slice(row, 1)
        self._check(found)
        columns: dict[str, Any] = found.to_pylist()[0]
        return columns

    def _check(self, rows: pa.Table | pa.ChunkedArray) -> None:
        """What is mapped has not been read before: a damaged length of a text would end the process."""
        try:
            rows.validate(full=True)
        except ValueError as error:
            raise damaged(self.name, error) from error

    def crop_path(self, row: int) -> Path:
        """The picture of one row, a JPEG."""
        return crop_path(self.folder, self.faces["crop"][row].as_py())


def damaged(name: str, error: Exception) -> GalleryError:
    """The error for a gallery that cannot be read."""
    text = f"The gallery {name} is damaged ({reason(error)}). Rebuild it."
    return GalleryError(text, command=build_command(name, fresh=True))


def reason(error: Exception) -> str:
    """An exception in one short line."""
    if isinstance(error, FileNotFoundError):
        # Arrow gives the path as the message.
        return f"{Path(error.filename or str(error)).name} is missing"
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
