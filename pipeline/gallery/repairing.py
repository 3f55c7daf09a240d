"""Repairing a gallery: crops and embeddings are made anew from the photos that are still there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from pipeline import storage
from pipeline.embedding.base import Embedder
from pipeline.errors import GalleryError
from pipeline.faces.detector import Detector
from pipeline.gallery import checking, inspection, layout, opening, rejected, stored_photos, writing
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.rows import ROW

# What no photo says.
_FOR_GOOD = ("faces", "people", "credits")
# A face found again is the same if its embedding or its crop is as good as equal to what is whole of the row.
_COSINE_MIN, _PIXELS_MAX = 0.99, 8.0


@dataclass(frozen=True)
class Repaired:
    """How many crops and embeddings were made anew, and the names of people of whom some could not be."""

    crops: int
    embeddings: int
    lost: list[str]


def repair(name: str, detector: Detector, embedder: Embedder) -> Repaired:
    """Make anew what is damaged of a gallery, and write its files anew.

    Raises GalleryError if something is damaged that cannot be made anew and without which nothing can be written.
    """
    with writing.locked(name, layout.EDIT_WAIT_SECONDS):
        opened = opening.read_gallery(name, embedder.identity, to_repair=True)
        for key in opened.manifest["files"].keys() & set(_FOR_GOOD):
            if problem := checking.file_problem(opened, key):
                raise GalleryError(
                    f"The gallery {name} cannot be repaired: {problem}, and no photo says what it held. Rebuild it.",
                    command=layout.build_command(name, fresh=True),
                )
        return _Repair(opened, detector, embedder).run()


class _Repair:
    def __init__(self, opened: Gallery, detector: Detector, embedder: Embedder) -> None:
        self.opened, self.detector, self.embedder = opened, detector, embedder
        embeddings, crops = checking.damaged_rows(opened)
        self.embeddings, self.crops = set(embeddings.tolist()), set(crops.tolist())
        self.lost: list[str] = []

    def run(self) -> Repaired:
        """Find the faces of damaged rows again, and commit."""
        table, kept = writing.rows_of(self.opened)
        rows: list[dict[str, Any]] = table.to_pylist()
        embeddings = np.array(kept)
        found = dict(self._found())
        for crop, (row, inspected) in enumerate(found.items(), start=writing.next_crop(self.opened)):
            path = layout.crop_path(self.opened.folder, crop)
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = None if row in self.crops else self.opened.crop_path(row).read_bytes()
            path.write_bytes(inspected.portrait if whole is None else whole)
            rows[row]["crop"] = crop
            if row in self.embeddings:
                embeddings[row] = inspected.embedding
        lost = [row for row in sorted(self.embeddings | self.crops) if row not in found]
        names = sorted({rows[row]["name"] for row in lost})
        if any(not embeddings[row].any() for row in lost):
            raise GalleryError(
                f"The gallery {self.opened.name} cannot be repaired: the photos of {', '.join(names[:5])} are no "
                "longer there. Rebuild it.",
                command=layout.build_command(self.opened.name, fresh=True),
            )
        new = (pa.Table.from_pylist(rows, schema=ROW), embeddings)
        writing.commit_change(self.opened, [new], rejected.read_rejected(self.opened.folder))
        return Repaired(len(self.crops & found.keys()), len(self.embeddings & found.keys()), names)

    def _found(self) -> Iterator[tuple[int, InspectedPhoto]]:
        """The damaged rows whose photos are still there, each with its face."""
        for row in sorted(self.embeddings | self.crops):
            path = self._photo(self.opened.row(row))
            if path is not None:
                (inspected,) = inspection.inspect_photos([path.read_bytes()], self.detector, self.embedder)
                if len(inspected.embedding) and self._is_same(row, inspected):
                    yield row, inspected

    def _photo(self, row: dict[str, Any]) -> Path | None:
        """The photo of a row, unless it is gone or another one by now."""
        path = stored_photos.path_of(self.opened.folder, row) or Path(row["original"])
        try:
            return path if storage.sha256(path) == row["sha256"] else None
        except (OSError, ValueError):
            return None

    def _is_same(self, row: int, inspected: InspectedPhoto) -> bool:
        """Whether the face is that of the row: a photo may show several. Where nothing of it is whole, it must be."""
        if row not in self.embeddings:
            return float(self.opened.embeddings[row] @ inspected.embedding) > _COSINE_MIN
        if row not in self.crops:
            one, other = (_pixels(data) for data in (self.opened.crop_path(row).read_bytes(), inspected.portrait))
            return one.shape == other.shape and float(np.abs(one - other).mean()) < _PIXELS_MAX
        return True


def _pixels(data: bytes) -> NDArray[np.float32]:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"), np.float32)
