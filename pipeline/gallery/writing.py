"""Changing a gallery: one process at a time, committed by replacing the manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from pipeline import __version__, arrays, storage
from pipeline.errors import GalleryError
from pipeline.gallery import details as about_people
from pipeline.gallery import digests, layout, mirroring, rows, sweeping
from pipeline.gallery.details import Details
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.rejected import RejectedPhoto, write_rejected


@contextmanager
def locked(name: str, wait_seconds: float = 0.0, *, create: bool = False) -> Iterator[Path]:
    """Lock a gallery for this process and give its folder, which ``create`` makes if there is none.

    It is swept before, where the last change was killed, and afterwards: see :mod:`pipeline.gallery.sweeping`. Then
    what has changed is sent to its collection in Milvus, if it has one: see :mod:`pipeline.gallery.mirroring`.

    Raises GalleryError if another process holds the lock, and StorageError if the disk is full or read-only.
    """
    folder = layout.folder_of(name)
    try:
        with storage.writing(folder):
            if create:
                folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock", timeout=wait_seconds):
                if (folder / layout.CHANGE).exists():
                    sweeping.sweep(folder)
                sweeping.begin(folder)
                try:
                    yield folder
                finally:
                    if (folder / layout.CHANGE).exists():
                        sweeping.sweep(folder)
                mirroring.follow(folder)
    except Timeout as error:
        raise GalleryError(f"The gallery {name} is being built by another process. Wait until it is done.") from error


def next_crop(old: Gallery | None) -> int:
    """The first crop number that no row uses, nor any after it."""
    return pa.compute.max(old.faces["crop"]).as_py() + 1 if old and len(old) else 0


def last_generation(folder: Path) -> int:
    """The generation of a gallery that cannot be read, as far as its files show it; 0 if there is none."""
    if not (folder / storage.MANIFEST).exists():
        return 0
    names = [path.stem.rpartition("-")[2] for pattern in ("faces-*", "embeddings-*") for path in folder.glob(pattern)]
    return max((int(number) for number in names if number.isdecimal()), default=1)


def next_crop_on_disk(folder: Path) -> int:
    """The first crop number that no file has, nor any after it, where no rows say which are in use."""
    if not (folder / storage.MANIFEST).exists():
        return 0
    return max((int(path.stem) for path in folder.glob("crops/*/*.jpg") if path.stem.isdecimal()), default=-1) + 1


def rows_of(old: Gallery) -> tuple[pa.Table, NDArray[np.float32]]:
    """All rows and embeddings of a gallery, as a piece for :func:`commit`."""
    return old.faces.select(rows.ROW.names).cast(rows.ROW), old.embeddings


def commit(
    folder: Path,
    pieces: Iterable[tuple[pa.Table, NDArray[np.float32]]],
    *,
    generation: int,
    faces: int,
    about: dict[str, Any],
    rejected: Sequence[RejectedPhoto] = (),
    details: Details = Details(),
) -> dict[str, Any]:
    """Write a gallery's rows and embeddings, replace its manifest, and delete what is no longer needed.

    pieces: tables of :data:`pipeline.gallery.rows.ROW` and their unit rows, float32 (n, dimensions), read one by one.
    generation: one more than that of the gallery being replaced. faces: the number of rows in all pieces.
    about: more entries for the manifest, with the ``dimensions`` of the rows. details: of these people, and others.

    Returns the manifest. If killed before the manifest is replaced, nothing has changed.
    """
    faces_path, embeddings_path = folder / f"faces-{generation}.arrow", folder / f"embeddings-{generation}.npy"
    digests_path = folder / f"digests-{generation}.npy"
    earlier = digests.known(folder, storage.read_manifest(folder))
    found = [np.empty((0, 2), np.uint64)]
    with (
        storage.atomic_path(faces_path) as rows_file,
        storage.atomic_path(embeddings_path) as embeddings_file,
        arrays.array_writer(embeddings_file, (faces, about["dimensions"])) as write_embeddings,
    ):
        rows.write(rows_file, _rows(folder, pieces, write_embeddings, earlier, found))
    with storage.atomic_path(digests_path) as temporary, temporary.open("wb") as file:
        np.save(file, np.concatenate(found))
    written = rows.open_rows(faces_path)
    files = about_people.write(folder, details, written, generation=generation)
    files["rejected"] = write_rejected(folder, rejected, generation=generation)
    manifest: dict[str, Any] = {
        "format": layout.FORMAT,
        "generation": generation,
        "made_by": f"lookslikewho {__version__}",
        **about,
        "people": pa.compute.count_distinct(written["person"]).as_py(),
        "faces": faces,
        "rejected": len(rejected),
        "files": {
            "faces": storage.fingerprint(faces_path),
            "embeddings": storage.fingerprint(embeddings_path),
            "digests": storage.fingerprint(digests_path),
            **files,
        },
    }
    storage.write_manifest(folder, manifest)
    sweeping.sweep(folder)
    return manifest


def commit_change(
    opened: Gallery,
    pieces: Sequence[tuple[pa.Table, NDArray[np.float32]]],
    left_out: Sequence[RejectedPhoto],
    *,
    details: Details = Details(),
) -> None:
    """Commit these rows and these rejected photos in place of those of a locked gallery, built as it was.

    details: what is new, beside those that the gallery has.
    """
    generation, faces = opened.manifest["generation"] + 1, sum(len(table) for table, _ in pieces)
    known, about = about_people.merged(details, opened.details), built_as(opened)
    commit(opened.folder, pieces, generation=generation, faces=faces, rejected=left_out, about=about, details=known)


def built_as(opened: Gallery) -> dict[str, Any]:
    """What the manifest of a gallery says of how it was built."""
    kept_keys = ("embedding", "default_embedder", "detector", "build")
    about = {key: value for key, value in opened.manifest.items() if key in kept_keys}
    return about | {"dimensions": opened.embeddings.shape[1]}


def _rows(
    folder: Path,
    pieces: Iterable[tuple[pa.Table, NDArray[np.float32]]],
    write_embeddings: Callable[[NDArray[np.float32]], object],
    earlier: digests.KnownDigests,
    found: list[digests.Digests],
) -> Iterator[pa.Table]:
    """The tables of all pieces; on the way their embeddings are written, and their digests found."""
    for table, embeddings in pieces:
        write_embeddings(embeddings)
        found.append(digests.of_rows(folder, table, embeddings, earlier))
        yield table
