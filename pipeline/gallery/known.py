"""The photos that a build need not inspect again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from pipeline.gallery.rejected import RejectedPhoto
from pipeline.gallery.screening import Rejection


@dataclass
class KnownPhotos:
    """What earlier builds and finished parts have inspected.

    originals: paths of the photos. files: person and hash of each file. faces_of: number of faces by person.
    """

    originals: set[str] = field(default_factory=set)
    files: set[tuple[str, str]] = field(default_factory=set)
    faces_of: dict[str, int] = field(default_factory=dict)
    rejected: list[RejectedPhoto] = field(default_factory=list)

    def add_rejected(self, photos: Iterable[RejectedPhoto]) -> None:
        """Add rejected photos."""
        for each in photos:
            self.originals.add(each.original)
            self.rejected.append(each)

    def add_rows(self, rows: pa.Table) -> None:
        """Add the rows of a gallery or of a part."""
        for row in rows.select([name for name in rows.column_names if name != "embedding"]).to_pylist():
            if reason := row.get("reason"):
                rejection = Rejection.parse(reason)
                self.add_rejected(
                    [RejectedPhoto(row["person"], row["name"], row["source"], row["original"], rejection)]
                )
            else:
                self.originals.add(row["original"])
                self.files.add((row["person"], row["sha256"]))
                self.faces_of[row["person"]] = self.faces_of.get(row["person"], 0) + 1
