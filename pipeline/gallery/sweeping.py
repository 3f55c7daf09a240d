"""Making a gallery's folder exactly what its manifest says, after each change and after one that was killed.

A change begins with the note ``.change``, which stays where the process is killed. Whoever opens or changes the
gallery next finds it and sweeps: what neither the manifest nor an unfinished build needs is deleted.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import storage
from pipeline.gallery import layout, rows, stored_photos

_LISTS = (layout.REJECTED, layout.ATTRIBUTION)
_NAMED = ("faces-*", "embeddings-*.npy", "digests-*.npy", "people-*.arrow", "credits-*.arrow")
# Their names end with the digest of the embeddings.
_CACHES = ("prepared-*.npy", "index-*.faiss")


def begin(folder: Path) -> None:
    """Note that a change of the locked gallery in ``folder`` begins. Raises StorageError."""
    with storage.writing(folder / layout.CHANGE):
        (folder / layout.CHANGE).touch()


def sweep(folder: Path) -> None:
    """Delete what a change has left in the folder of a locked gallery, and the note of the change.

    The note stays, for another try, where a file cannot be deleted. Nothing is deleted where the gallery is damaged:
    nobody can tell then what belongs to it.
    """
    for place in (folder, folder / layout.BUILDING, *folder.glob(f"{layout.PHOTOS}/*/")):
        storage.remove_leftovers(place)
    manifest = storage.read_manifest(folder)
    try:
        if manifest is not None or not (folder / storage.MANIFEST).exists():
            _sweep(folder, manifest)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    except OSError:
        return
    with suppress(OSError):
        (folder / layout.CHANGE).unlink(missing_ok=True)


def _sweep(folder: Path, manifest: dict[str, Any] | None) -> None:
    if manifest is not None and manifest["format"] not in (layout.OLD_FORMAT, layout.FORMAT):
        return  # Another version's.
    table = rows.ROW.empty_table() if manifest is None else _rows(folder, manifest)
    unneeded = list(_unneeded_files(folder, manifest))
    if manifest is not None:
        _name_lists(folder, manifest)
    for path in unneeded:
        # Windows cannot delete a file that is mapped; the next change does.
        with suppress(PermissionError):
            path.unlink(missing_ok=True)
    _sweep_crops(folder, pa.chunked_array([*table["crop"].chunks, *_crops_of_parts(folder, manifest)], pa.int32()))
    # Without a manifest, the photos are what the gallery can be built from.
    if manifest is not None:
        stored_photos.delete_unneeded(folder, table)


def _rows(folder: Path, manifest: dict[str, Any]) -> pa.Table:
    path = folder / manifest["files"]["faces"]["name"]
    return rows.read_parquet(path) if manifest["format"] == layout.OLD_FORMAT else rows.open_rows(path)


def _name_lists(folder: Path, manifest: dict[str, Any]) -> None:
    """Give the lists that the last change has written their names for people."""
    for name in _LISTS:
        written = layout.pending(folder, name, manifest["generation"])
        if written.exists():
            written.replace(folder / name)
    # Earlier versions named neither of them.
    if "rejected" in manifest["files"] and "attribution" not in manifest["files"]:
        (folder / layout.ATTRIBUTION).unlink(missing_ok=True)


def _unneeded_files(folder: Path, manifest: dict[str, Any] | None) -> Iterator[Path]:
    """Files that no manifest names any more. Raises FileNotFoundError if one that it names is missing."""
    files = {} if manifest is None else manifest["files"]
    needed = {file["name"] for key, file in files.items() if key not in ("rejected", "attribution")}
    for name in needed:
        (folder / name).stat()
    for pattern in _NAMED:
        yield from (path for path in folder.glob(pattern) if path.name not in needed)
    pending = {} if manifest is None else dict.fromkeys(_LISTS, manifest["generation"])
    for name in _LISTS:
        for path in folder.glob(f"{Path(name).stem}-*.csv"):
            # Others were renamed because they could not be read.
            number = path.stem.rpartition("-")[2]
            is_pending = number.isdecimal() and path == layout.pending(folder, name, number)
            if is_pending and number != str(pending.get(name)):
                yield path
    digest = "" if manifest is None else files["embeddings"]["sha256"][:16]
    for pattern in _CACHES:
        yield from (path for path in folder.glob(pattern) if path.stem.rpartition("-")[2] != digest)
    whole = "" if manifest is None else files["embeddings"]["sha256"]
    # They show people who may have been removed.
    yield from (path for path in (folder / layout.MAP, folder / layout.CODES) if _mapped(path) not in (None, whole))


def _mapped(path: Path) -> str | None:
    """The hash of the embeddings that a map was fitted on, "" if it cannot be read, None where there is no map."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return str(json.loads(str(arrays["about"]))["identity"]["embeddings"])
    except FileNotFoundError:
        return None
    except Exception:  # A damaged archive raises many kinds.
        return ""


def _crops_of_parts(folder: Path, manifest: dict[str, Any] | None) -> Iterator[pa.Array]:
    """The crops of an unfinished build. The parts of one that is finished, or of another gallery, are deleted."""
    building = folder / layout.BUILDING
    if not building.is_dir():
        return
    about = storage.read_manifest(building) or {}
    if about.get("generation") != (0 if manifest is None else manifest["generation"]):
        shutil.rmtree(building)
        return
    for path in sorted(building.glob("*.parquet")):
        try:
            table = pq.read_table(path, columns=["reason", "crop"])
        except (OSError, ValueError):
            return  # This part and those after it are inspected again.
        accepted = table.filter(pa.compute.equal(table["reason"], ""))
        yield from accepted["crop"].chunks


def _sweep_crops(folder: Path, needed: pa.ChunkedArray) -> None:
    kept: NDArray[np.bool_] = np.zeros(pa.compute.max(needed).as_py() + 1 if len(needed) else 0, bool)
    for chunk in needed.chunks:
        kept[chunk.to_numpy()] = True
    for path in folder.glob("crops/*/*"):
        number = int(path.stem) if path.stem.isdecimal() else len(kept)
        if number >= len(kept) or not kept[number] or path != layout.crop_path(folder, number):
            path.unlink(missing_ok=True)
    for path in folder.glob("crops/*/"):
        with suppress(OSError):  # There are others in it.
            path.rmdir()
