"""What a gallery keeps beside its rows: columns about people, and whose photos they are.

Both are tables in files of their own, which the manifest names and galleries of earlier versions lack. With each
change of a gallery they are cut to the people and photos that are left. ``attribution.csv`` is made of them.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import storage
from pipeline.csv_files import safe_text
from pipeline.gallery import columns, layout
from pipeline.sources.base import Credit, Value

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Details:
    """Two tables, None where nothing is known.

    people: a row per person, with the key ``person`` and columns as in :mod:`pipeline.gallery.columns`.
    credits: a row per photo, with the hash of its file, ``sha256``, and the fields of a Credit.
    """

    people: pa.Table | None = None
    credits: pa.Table | None = None

    def of(self, people: Collection[str], files: Collection[str]) -> Details:
        """Those of some people, given by key, and of some photos, given by hash; copied."""
        import pyarrow as pa

        keys, hashes = (pa.array(list(values), pa.string()) for values in (people, files))
        return Details(_rows_of(self.people, "person", keys), _rows_of(self.credits, "sha256", hashes))


NO_DETAILS = Details()


def _rows_of(table: pa.Table | None, column: str, wanted: pa.Array | pa.ChunkedArray) -> pa.Table | None:
    import pyarrow.compute as pc

    return None if table is None else table.filter(pc.is_in(table[column], value_set=wanted))


def details_of(people: Mapping[str, Mapping[str, Value]], photos: Mapping[str, Credit]) -> Details:
    """Details from columns by person, and whose the photos are, by the hash of the file."""
    import pyarrow as pa

    rows = [{"sha256": sha256, **asdict(credit)} for sha256, credit in photos.items()]
    schema = pa.schema([(name, pa.string()) for name in ("sha256", *(field.name for field in fields(Credit)))])
    return Details(
        columns.table_of(people) if any(people.values()) else None,
        pa.Table.from_pylist(rows, schema=schema) if rows else None,
    )


def merged(new: Details, old: Details) -> Details:
    """Both, where what is new takes the place of what is old."""
    return Details(
        columns.merged(new.people, old.people, key="person"), columns.merged(new.credits, old.credits, key="sha256")
    )


def credits_by_file(details: Details) -> dict[str, Credit]:
    """Whose each photo is, by the hash of its file."""
    found = details.credits.to_pylist() if details.credits is not None else []
    return {row.pop("sha256"): Credit(**row) for row in found}


# Files --------------------------------------------------------------------------------------------------------------


def read(folder: Path, manifest: Mapping[str, Any]) -> Details:
    """The details of a gallery. Raises OSError, ValueError or KeyError if a file is damaged."""
    return Details(_read(folder, manifest, "people"), _read(folder, manifest, "credits"))


def _read(folder: Path, manifest: Mapping[str, Any], name: str) -> pa.Table | None:
    if name not in manifest["files"]:
        return None
    # Here, because pyarrow is slow to import.
    from pipeline.gallery import rows

    return rows.open_table(folder / manifest["files"][name]["name"])


def write(folder: Path, details: Details, rows: pa.Table, *, generation: int) -> dict[str, dict[str, Any]]:
    """Write what the details say of the people and photos in ``rows``. Returns the files, for the manifest."""
    tables = {
        "people": columns.aligned(details.people, rows["person"].unique()),
        "credits": _rows_of(details.credits, "sha256", rows["sha256"]),
    }
    files = {}
    for name, table in tables.items():
        if table is not None and len(table):
            path = folder / f"{name}-{generation}.arrow"
            with storage.atomic_path(path) as temporary:
                _write(temporary, table)
            files[name] = storage.fingerprint(path)
    known = credits_by_file(Details(credits=tables["credits"]))
    if known:
        path = layout.pending(folder, layout.ATTRIBUTION, generation)
        _write_attribution(path, known, rows)
        files["attribution"] = storage.fingerprint(path) | {"name": layout.ATTRIBUTION}
    return files


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table.combine_chunks())


def _write_attribution(path: Path, known: Mapping[str, Credit], rows: pa.Table) -> None:
    """``attribution.csv``: a line for each photo of which more than the licence is known."""
    with storage.atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("name", "crop", "source", *(field.name for field in fields(Credit))))
        for row in rows.select(["name", "crop", "source", "sha256"]).to_pylist():
            if credit := known.get(row["sha256"]):
                own = (row["name"], f"{row['crop']:06d}.jpg", row["source"], *asdict(credit).values())
                writer.writerow(map(safe_text, own))
