"""How a gallery changes: by one process at a time, and at once, when its manifest is replaced."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
from filelock import FileLock, Timeout

from pipeline import __version__, storage
from pipeline.embedding import facenet_weights
from pipeline.errors import GalleryError
from pipeline.gallery import layout, rows
from pipeline.gallery.gallery import Gallery

# What is kept of each refused photo.
REFUSED = ("person", "name", "source", "original", "reason")
BUILDING = "building"


@contextmanager
def locked(name: str, wait_seconds: float = 0.0) -> Iterator[Path]:
    """The folder of a gallery, which is nobody else's meanwhile. Raises GalleryError where it is another's."""
    folder = layout.folder_of(name)
    try:
        with FileLock(folder / ".lock", timeout=wait_seconds):
            # What processes were writing when they were killed.
            for path in (*folder.glob(".faces-*.part"), *folder.glob(".embeddings-*.part")):
                path.unlink(missing_ok=True)
            yield folder
    except Timeout as error:
        raise GalleryError(f"The gallery {name} is being built by another process. Wait until it is done.") from error


def next_crop(old: Gallery | None) -> int:
    """The first number from which on no row has a crop."""
    return pa.compute.max(old.faces["crop"]).as_py() + 1 if old and len(old) else 0


def rows_of(old: Gallery) -> tuple[pa.Table, np.ndarray]:
    """All rows of a gallery, as :func:`commit` takes them."""
    return old.faces.select(rows.ROW.names).cast(rows.ROW), old.embeddings


def commit(
    folder: Path,
    generation: int,
    pieces: Iterable[tuple[pa.Table, np.ndarray]],
    faces: int,
    refused: Sequence[dict[str, str]],
    about: dict[str, Any],
) -> dict[str, Any]:
    """Write the rows of a gallery and their embeddings, piece by piece, and clear up: the manifest, which is given.

    Its last step but clearing up is the one that counts: killed before, nothing has changed.
    """
    faces_path, embeddings_path = folder / f"faces-{generation}.arrow", folder / f"embeddings-{generation}.npy"
    dimensions = about.get("dimensions", facenet_weights.DIMENSIONS)
    with storage.written_whole(faces_path) as rows_file, storage.written_whole(embeddings_path) as array_file:
        array = np.lib.format.open_memmap(array_file, "w+", dtype=np.float32, shape=(faces, dimensions))
        rows.write(rows_file, _rows(pieces, array))
        array.flush()
    written = rows.open_rows(faces_path)
    _write_refused(folder / layout.REJECTED, refused)
    manifest = {
        "format": layout.FORMAT,
        "generation": generation,
        "made_by": f"lookslikewho {__version__}",
        **about,
        "people": pa.compute.count_distinct(written["person"]).as_py(),
        "faces": faces,
        "rejected": len(refused),
        "files": {
            "faces": {"name": faces_path.name, "sha256": storage.sha256(faces_path)},
            "embeddings": {"name": embeddings_path.name, "sha256": storage.sha256(embeddings_path)},
        },
    }
    storage.write_manifest(folder, manifest)
    _clear_up(folder, {faces_path, embeddings_path}, written["crop"])
    return manifest


def _rows(pieces: Iterable[tuple[pa.Table, np.ndarray]], array: np.ndarray) -> Iterator[pa.Table]:
    """The rows of all pieces, whose embeddings are written meanwhile."""
    start = 0
    for table, embeddings in pieces:
        array[start : start + len(table)] = embeddings
        start += len(table)
        yield table


def _clear_up(folder: Path, files: set[Path], crops: pa.ChunkedArray) -> None:
    """Delete what no row needs: earlier rows, what scorers kept of them, pictures, an unfinished build."""
    for pattern in ("faces-*", "embeddings-*.npy", "prepared-*.npy", "index-*.faiss"):
        for path in folder.glob(pattern):
            # Where what somebody has mapped cannot be deleted, the next change does.
            with suppress(PermissionError):
                if path not in files:
                    path.unlink(missing_ok=True)
    needed = np.zeros(pa.compute.max(crops).as_py() + 1 if len(crops) else 0, bool)
    for chunk in crops.chunks:
        needed[chunk.to_numpy()] = True
    for path in folder.glob("crops/*/*.jpg"):
        number = int(path.stem) if path.stem.isdecimal() else len(needed)
        if number >= len(needed) or not needed[number] or path != layout.crop_path(folder, number):
            path.unlink(missing_ok=True)
    if (folder / BUILDING).exists():
        shutil.rmtree(folder / BUILDING)


def read_refused(folder: Path) -> list[dict[str, str]]:
    """The refused photos, each with the reason."""
    path = folder / layout.REJECTED
    if not path.is_file():
        return []
    options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(REFUSED, pa.string()))
    refused: list[dict[str, str]] = pyarrow.csv.read_csv(path, convert_options=options).to_pylist()
    return refused


def _write_refused(path: Path, refused: Sequence[dict[str, str]]) -> None:
    columns = {name: pa.array([row[name] for row in refused], pa.string()) for name in REFUSED}
    with storage.written_whole(path) as temporary:
        pyarrow.csv.write_csv(pa.table(columns), temporary)
