"""The gallery on disk: people with their embeddings and crops, opened and checked.

A gallery is a folder in the data folder. Its ``manifest.json`` names the files that hold its rows:

- ``faces-N.arrow``: a row for each face (:data:`pipeline.rows.ROW`), memory-mapped,
- ``embeddings-N.npy``: float32 (faces, dimensions), unit rows in the same order, memory-mapped,
- ``rejected.csv``: the photos that screening refused, with the reason,
- ``crops/000/000000.jpg``: what is shown of each row, by its number in the column ``crop``,
- ``photos/NAME/``: photos of a person that were added by hand (see :mod:`pipeline.adding`),
- ``prepared-SCORER-EMBEDDINGS.npy``: what a scorer keeps of it, made anew at will (see :mod:`pipeline.prepared`).

Replacing the manifest is what commits a change, so that a gallery is always whole. While a build runs, its
parts lie in ``building/`` (see :mod:`pipeline.building`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import store, weights
from pipeline.errors import EmptyGalleryError, GalleryError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 2
# Of before: the rows are a Parquet file (see :mod:`pipeline.migration`).
_OLD_FORMAT = 1
DEMONSTRATION = "demonstration"
REJECTED = "rejected.csv"
_NAME = re.compile(r"[\w][\w .-]{0,99}")


def folder_of(name: str) -> Path:
    """Where the gallery ``name`` lies. Raises GalleryError for what cannot be a folder's name."""
    if not _NAME.fullmatch(name) or name.endswith((".", " ")):
        raise GalleryError(
            f"'{name}' cannot name a gallery. Use letters, digits, spaces, dots and hyphens: --gallery my-family"
        )
    return store.home() / "galleries" / name


def names() -> list[str]:
    """The finished galleries, the demonstration first."""
    found = sorted(path.parent.name for path in (store.home() / "galleries").glob(f"*/{store.MANIFEST}"))
    # What is being copied has a name that no gallery can have.
    found = [name for name in found if _NAME.fullmatch(name)]
    return sorted(found, key=lambda name: name != DEMONSTRATION)


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
            raise GalleryError(_damaged(self.name, error)) from error

    def crop_path(self, row: int) -> Path:
        """The picture of one row, a JPEG."""
        return crop_path(self.folder, self.faces["crop"][row].as_py())


def crop_path(folder: Path, number: int) -> Path:
    """Where the picture of a number lies: a thousand of them in each folder."""
    return folder / "crops" / f"{number // 1000:03d}" / f"{number:06d}.jpg"


def photos_folder(name: str) -> Path:
    """Where the photos lie that were added by hand: a folder for each person. Raises GalleryError."""
    return folder_of(name) / "photos"


def open(name: str, identity: dict[str, Any] | None = None) -> Gallery:  # noqa: A001 - as in gallery.open(name)
    """Open a gallery and check that its parts fit together and, where ``identity`` is given, fit the embedder.

    Raises GalleryError with one sentence that names the command to run, EmptyGalleryError where nobody is in it.
    """
    opened = read(name, identity)
    if not len(opened):
        raise EmptyGalleryError(f"The gallery {name} has no faces. Add people: {_build_command(name)}")
    return opened


def read(name: str, identity: dict[str, Any] | None = None) -> Gallery:
    """As :func:`open`, but a gallery may be empty."""
    folder = folder_of(name)
    manifest = store.read_manifest(folder)
    if manifest is None:
        if (folder / store.MANIFEST).exists():
            raise GalleryError(f"The gallery {name} is damaged ({store.MANIFEST} cannot be read). {_again(name)}")
        raise GalleryError(_missing(name, folder))
    if manifest.get("format") not in (_OLD_FORMAT, FORMAT):
        raise GalleryError(
            f"The gallery {name} has format {manifest.get('format')}, this version reads {FORMAT}. {_again(name)}"
        )
    if identity is not None and manifest.get("embedding") != identity:
        raise GalleryError(
            f"The gallery {name} was made with another model or other crops ({_model(manifest)}), "
            f"so its distances would mean nothing. {_again(name)}"
        )
    if manifest["format"] == _OLD_FORMAT:
        from pipeline import migration

        if migration.migrate(name, manifest):
            return read(name, identity)
    try:
        faces, embeddings = _read(folder, manifest)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        if store.read_manifest(folder) != manifest:
            return read(name, identity)  # It was changed meanwhile.
        raise GalleryError(_damaged(name, error)) from error
    return Gallery(folder, manifest, faces, embeddings)


def _read(folder: Path, manifest: dict[str, Any]) -> tuple[pa.Table, np.ndarray]:
    files = manifest["files"]
    path = folder / files["faces"]["name"]
    if manifest["format"] == _OLD_FORMAT:
        from pipeline import migration

        faces = migration.read(path)
    else:
        from pipeline import rows

        faces = rows.open(path)
    embeddings = np.load(folder / files["embeddings"]["name"], mmap_mode="r", allow_pickle=False)
    if not len(faces) == len(embeddings) == manifest["faces"]:
        raise ValueError(f"{len(faces)} faces, {len(embeddings)} embeddings, {manifest['faces']} expected")
    dimensions = manifest.get("dimensions", weights.DIMENSIONS)
    if embeddings.shape[1:] != (dimensions,) or embeddings.dtype != np.float32:
        raise ValueError(f"embeddings of shape {embeddings.shape} and type {embeddings.dtype}")
    return faces, embeddings


def problems(gallery: Gallery) -> Iterator[str]:
    """What is wrong with an open gallery, one sentence each: hashes, rows that are not unit length, crops."""
    from PIL import Image

    for file in gallery.manifest["files"].values():
        if store.sha256(gallery.folder / file["name"]) != file["sha256"]:
            yield f"{file['name']} has changed since it was written"
    for start in range(0, len(gallery), 100_000):
        lengths = np.linalg.norm(gallery.embeddings[start : start + 100_000], axis=1)
        for row in (start + np.flatnonzero(~(np.abs(lengths - 1) < 1e-3))).tolist():
            yield f"row {row} ({gallery.row(row)['name']}): its embedding is not of unit length"
    for row in range(len(gallery)):
        try:
            with Image.open(gallery.crop_path(row)) as crop:
                crop.load()
        except (OSError, SyntaxError) as error:
            yield f"row {row} ({gallery.row(row)['name']}): its crop cannot be read ({_reason(error)})"


def _missing(name: str, folder: Path) -> str:
    if (folder / "building").is_dir():
        return f"The gallery {name} is not finished. Go on with it: {_build_command(name)}"
    if name == DEMONSTRATION:
        return "The demonstration gallery is not there yet. Run: python -m pipeline setup"
    known = ", ".join(names()) or "none yet"
    return f"There is no gallery {name} (there are: {known}). Make it: {_build_command(name)}"


def _damaged(name: str, error: Exception) -> str:
    return f"The gallery {name} is damaged ({_reason(error)}). {_again(name)}"


def _again(name: str) -> str:
    return f"Make it anew: {_build_command(name)} --fresh"


def _build_command(name: str) -> str:
    if name == DEMONSTRATION:
        return "python -m pipeline setup"
    # Photos that were added by hand are built without being named.
    where = "" if photos_folder(name).is_dir() else "FOLDER "
    return f"python -m pipeline build {where}--gallery {shlex.quote(name)}"


def _model(manifest: dict[str, Any]) -> str:
    embedding = manifest.get("embedding")
    return str(embedding.get("model")) if isinstance(embedding, dict) else "unknown"


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        # Arrow gives the path as the message.
        return f"{Path(error.filename or str(error)).name} is missing"
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
