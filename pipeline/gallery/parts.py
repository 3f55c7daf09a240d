"""The parts of an unfinished build, in the gallery's ``building/`` folder.

A part is a Parquet file with a row for every photo that was inspected, accepted or not. A manifest beside them says
which gallery and embedder they are for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import storage
from pipeline.embedding.base import Embedder
from pipeline.errors import GalleryError
from pipeline.gallery import layout
from pipeline.gallery.rows import ROW


class BuildParts:
    """The parts that a build has written so far."""

    def __init__(self, folder: Path, dimensions: int) -> None:
        self.folder = folder
        self.dimensions = dimensions
        embedding = pa.field("embedding", pa.list_(pa.float32(), dimensions))
        # reason: the text of the rejection; empty for an accepted photo.
        self._schema = ROW.append(pa.field("reason", pa.string())).append(embedding)

    def tables(self) -> Iterator[pa.Table]:
        """The parts in the order in which they were written.

        Parts from the first damaged one on are renamed, and the user is told: their photos are inspected again, and
        their numbers and crops are given anew.
        """
        damaged = ""
        for path in self._paths():
            if not damaged:
                try:
                    table = pq.read_table(path)
                    if not table.schema.equals(self._schema):
                        raise ValueError("it has other columns")
                    yield table
                    continue
                except (OSError, ValueError) as error:
                    damaged = str(error).partition("\n")[0]
            storage.set_aside(path, damaged)

    def append(self, rows: Sequence[dict[str, Any]]) -> pa.Table:
        """Write a part, whole or not at all, and return its table."""
        table = pa.Table.from_pylist(list(rows), schema=self._schema)
        with storage.atomic_path(self.folder / f"{len(self._paths()):06d}.parquet") as temporary:
            pq.write_table(table, temporary)
        return table

    def accepted(self) -> Iterator[tuple[pa.Table, NDArray[np.float32]]]:
        """The accepted rows of each part, and their embeddings, float32 (rows, dimensions)."""
        for table in self.tables():
            accepted = table.filter(pa.compute.equal(table["reason"], ""))
            if len(accepted):
                flat = accepted["embedding"].combine_chunks().flatten().to_numpy()
                yield accepted.select(ROW.names), flat.reshape(-1, self.dimensions)

    def _paths(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.parquet") if path.stem.isdecimal())


def open_parts(name: str, embedder: Embedder, *, generation: int, replace: bool) -> BuildParts:
    """The parts to resume, or a new folder for them.

    generation: of the gallery that the build adds to or replaces, 0 if there is none yet.

    Raises GalleryError if the parts are of another embedder, unless they or the build replace the gallery.
    """
    folder = layout.folder_of(name) / layout.BUILDING
    folder.mkdir(exist_ok=True)
    identity = embedder.identity
    manifest = storage.read_manifest(folder) or {}
    if manifest.get("embedding", identity) != identity and not (replace or manifest.get("replace")):
        raise GalleryError(
            f"The build of the gallery {name} was started with another model. Rebuild it.",
            command=layout.build_command(name, fresh=True),
        )
    about = {
        "embedding": identity,
        "generation": generation,
        "columns": ROW.names,
        "replace": replace and generation > 0,
    }
    known = {"replace": False, **{key: manifest[key] for key in manifest.keys() - {"written", storage.DIGEST}}}
    if any(folder.iterdir()) and (known != about or not storage.is_as_written(manifest)):
        # Killed after the commit but before the parts were deleted, written by another version, damaged, or of a
        # build of another kind.
        shutil.rmtree(folder)
        folder.mkdir()
    storage.write_manifest(folder, about)
    return BuildParts(folder, embedder.dimensions)
