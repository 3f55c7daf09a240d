"""How a gallery changes: by one process at a time, and at once, when its manifest is replaced."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from pipeline import __version__, gallery, store, weights
from pipeline.errors import GalleryError
from pipeline.gallery import Gallery

ROW = pa.schema(
    [
        ("person", pa.string()),
        ("name", pa.string()),
        ("source", pa.string()),
        ("licence", pa.string()),
        ("original", pa.string()),
        ("sha256", pa.string()),
        ("confidence", pa.float32()),
        ("face_side_px", pa.float32()),
        ("short_side_px", pa.int32()),
        ("round", pa.int8()),
        ("crop", pa.int32()),
    ]
)
# What is kept of each refused photo.
REFUSED = ("person", "name", "source", "original", "reason")
BUILDING = "building"


@contextmanager
def locked(name: str, wait_seconds: float = 0.0) -> Iterator[Path]:
    """The folder of a gallery, which is nobody else's meanwhile. Raises GalleryError where it is another's."""
    folder = gallery.folder_of(name)
    try:
        with FileLock(folder / ".lock", timeout=wait_seconds):
            yield folder
    except Timeout as error:
        raise GalleryError(f"The gallery {name} is being built by another process. Wait until it is done.") from error


def next_crop(old: Gallery | None) -> int:
    """The first number from which on no row has a crop."""
    return int(old.faces["crop"].to_numpy().max()) + 1 if old and len(old) else 0


def rows_of(old: Gallery) -> tuple[pa.Table, np.ndarray]:
    """All rows of a gallery, as :func:`commit` takes them."""
    return old.faces.select(ROW.names).cast(ROW), old.embeddings


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
    faces_path, embeddings_path = folder / f"faces-{generation}.parquet", folder / f"embeddings-{generation}.npy"
    dimensions = about.get("dimensions", weights.DIMENSIONS)
    people, crops, start = set[str](), set[int](), 0
    with store.written_whole(faces_path) as rows_file, store.written_whole(embeddings_path) as array_file:
        array = np.lib.format.open_memmap(array_file, "w+", dtype=np.float32, shape=(faces, dimensions))
        with pq.ParquetWriter(rows_file, ROW) as writer:
            for table, embeddings in pieces:
                writer.write_table(table)
                array[start : start + len(table)] = embeddings
                start += len(table)
                people.update(table["person"].to_pylist())
                crops.update(table["crop"].to_pylist())
        array.flush()
    _write_refused(folder / gallery.REJECTED, refused)
    manifest = {
        "format": gallery.FORMAT,
        "generation": generation,
        "made_by": f"lookslikewho {__version__}",
        **about,
        "people": len(people),
        "faces": faces,
        "rejected": len(refused),
        "files": {
            "faces": {"name": faces_path.name, "sha256": store.sha256(faces_path)},
            "embeddings": {"name": embeddings_path.name, "sha256": store.sha256(embeddings_path)},
        },
    }
    store.write_manifest(folder, manifest)
    _clear_up(folder, {faces_path, embeddings_path}, {gallery.crop_path(folder, crop) for crop in crops})
    return manifest


def _clear_up(folder: Path, files: set[Path], crops: set[Path]) -> None:
    """Delete what no row needs: earlier rows, what scorers kept of them, pictures, an unfinished build."""
    stale = [path for pattern in ("faces-*.parquet", "embeddings-*.npy") for path in folder.glob(pattern)]
    stale += folder.glob("crops/*/*.jpg")
    for path in stale:
        if path not in files and path not in crops:
            path.unlink(missing_ok=True)
    for path in (*folder.glob("prepared-*.npy"), *folder.glob("index-*.faiss")):
        path.unlink(missing_ok=True)
    if (folder / BUILDING).exists():
        shutil.rmtree(folder / BUILDING)


def read_refused(folder: Path) -> list[dict[str, str]]:
    """The refused photos, each with the reason."""
    path = folder / gallery.REJECTED
    if not path.is_file():
        return []
    options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(REFUSED, pa.string()))
    rows: list[dict[str, str]] = pyarrow.csv.read_csv(path, convert_options=options).to_pylist()
    return rows


def _write_refused(path: Path, refused: Sequence[dict[str, str]]) -> None:
    columns = {name: pa.array([row[name] for row in refused], pa.string()) for name in REFUSED}
    with store.written_whole(path) as temporary:
        pyarrow.csv.write_csv(pa.table(columns), temporary)
