"""Opening a gallery: check that its files fit together, and upgrade an old format."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import arrays, storage
from pipeline.embedding import facenet_weights
from pipeline.embedding.base import Embedder, EmbedderEntry
from pipeline.embedding.registry import DEFAULT_EMBEDDER, FIRST_DEFAULT, entry_of
from pipeline.errors import EmptyGalleryError, GalleryError
from pipeline.gallery import details
from pipeline.gallery.gallery import Gallery, damaged
from pipeline.gallery.layout import (
    BUILDING,
    CHANGE,
    DEMONSTRATION,
    FORMAT,
    OLD_FORMAT,
    build_command,
    folder_of,
    names,
)

# The files that are mapped and read without further checks.
_VERIFIED = {"faces", "embeddings", "people", "credits"}


def entry_of_gallery(opened: Gallery) -> EmbedderEntry:
    """The embedder of a gallery. Raises GalleryError if the one here has another model or makes other crops."""
    embedding = opened.manifest["embedding"]
    entry = entry_of(embedding)
    if entry is None or entry.identity != embedding:
        raise _other_embedder(opened.name, embedding)
    return entry


def embedder_of(opened: Gallery) -> Embedder:
    """The embedder of a gallery, loaded. Raises GalleryError as :func:`entry_of_gallery`, and UserError."""
    return entry_of_gallery(opened).load()


def former_default(opened: Gallery) -> str | None:
    """A sentence for the user if the gallery has an embedder that was the default, and another one is by now.

    None if it has the default one, or one that was asked for.
    """
    entry = entry_of(opened.manifest["embedding"])
    then = opened.manifest.get("default_embedder", FIRST_DEFAULT)
    if entry is None or entry.name != then or then == DEFAULT_EMBEDDER:
        return None
    return (
        f"The gallery {opened.name} was made with the former face model, {entry.title}, and keeps it until rebuilt."
    )


def open_gallery(name: str, identity: dict[str, Any] | None = None) -> Gallery:
    """Open a gallery that has people, and check that its files fit together.

    identity: of the embedder that the gallery must have been built with, if given.

    Raises GalleryError, with the command that helps, and EmptyGalleryError if it has no people.
    """
    opened = read_gallery(name, identity)
    if not len(opened):
        raise EmptyGalleryError(f"The gallery {name} has no people yet.", command=build_command(name))
    return opened


def read_gallery(name: str, identity: dict[str, Any] | None = None, *, to_repair: bool = False) -> Gallery:
    """Open a gallery, which may be empty. Otherwise like :func:`open_gallery`.

    to_repair: whatever state its embeddings are in; rows of zeros stand for those that cannot be read.
    """
    folder = folder_of(name)
    _sweep(name, folder)
    manifest = storage.read_manifest(folder)
    if manifest is None:
        if (folder / storage.MANIFEST).exists():
            raise damaged(name, ValueError(f"{storage.MANIFEST} cannot be read"))
        raise _missing(name, folder)
    _check_manifest(name, manifest, identity)
    if manifest["format"] == OLD_FORMAT:
        # Here, because pyarrow is slow to import.
        from pipeline.gallery.upgrade import upgrade

        if upgrade(name, manifest):
            return read_gallery(name, identity, to_repair=to_repair)
    try:
        return _read(folder, manifest, to_repair=to_repair)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        if storage.read_manifest(folder) != manifest:
            # It was changed after the manifest was read.
            return read_gallery(name, identity, to_repair=to_repair)
        raise damaged(name, error) from error


def _sweep(name: str, folder: Path) -> None:
    """Delete what killed processes have left of this gallery, and of copied and deleted ones."""
    for place in (folder, folder.parent):
        storage.remove_leftovers(place)
    if (folder / CHANGE).exists():
        # Here, because pyarrow is slow to import.
        from pipeline.gallery import writing

        # Who locks a gallery sweeps it. Otherwise somebody is changing it, or its folder is read-only.
        with suppress(GalleryError, OSError), writing.locked(name):
            pass


def _check_manifest(name: str, manifest: dict[str, Any], identity: dict[str, Any] | None) -> None:
    if manifest.get("format") not in (OLD_FORMAT, FORMAT):
        raise GalleryError(
            f"The gallery {name} has format {manifest.get('format')}; this version reads {FORMAT}. Rebuild it.",
            command=build_command(name, fresh=True),
        )
    embedding = manifest.get("embedding")
    if identity is not None and embedding != identity:
        raise _other_embedder(name, embedding)


def _other_embedder(name: str, embedding: Any) -> GalleryError:
    model = embedding.get("model") if isinstance(embedding, dict) else "unknown"
    return GalleryError(
        f"The gallery {name} was built with another model or other crops ({model}), "
        "so its distances would mean nothing. Rebuild it.",
        command=build_command(name, fresh=True),
    )


def _read(folder: Path, manifest: dict[str, Any], *, to_repair: bool = False) -> Gallery:
    # Here, because pyarrow is slow to import.
    from pipeline.gallery import rows

    if not storage.is_as_written(manifest):
        raise ValueError(f"{storage.MANIFEST} has changed since it was written")
    files = manifest["files"]
    for entry, kind in (
        (manifest["generation"], int),
        (manifest["build"]["photos_per_person"], int),
        (manifest["embedding"]["model"], str),
        *((file[key], str) for file in files.values() for key in ("name", "sha256")),
    ):
        if not isinstance(entry, kind):
            raise TypeError(f"{storage.MANIFEST} has {entry!r} in place of {kind.__name__}")
    for key in () if to_repair else _VERIFIED & files.keys():
        if storage.has_changed(folder / files[key]["name"], files[key]):
            raise ValueError(f"{files[key]['name']} has changed since it was written")
    path = folder / files["faces"]["name"]
    faces = rows.read_parquet(path) if manifest["format"] == OLD_FORMAT else rows.open_rows(path)
    try:
        embeddings = _embeddings(folder, manifest, len(faces))
    except (OSError, ValueError, EOFError):
        if not to_repair:
            raise
        embeddings = np.zeros((len(faces), manifest["dimensions"]), np.float32)
    return Gallery(folder, manifest, faces, embeddings, details.read(folder, manifest))


def _embeddings(folder: Path, manifest: dict[str, Any], count: int) -> NDArray[np.float32]:
    embeddings = arrays.open_array(folder / manifest["files"]["embeddings"]["name"])
    if not count == len(embeddings) == manifest["faces"]:
        raise ValueError(f"{count} faces, {len(embeddings)} embeddings, {manifest['faces']} expected")
    dimensions = manifest.get("dimensions", facenet_weights.DIMENSIONS)
    if embeddings.shape[1:] != (dimensions,) or embeddings.dtype != np.float32:
        raise ValueError(f"embeddings of shape {embeddings.shape} and type {embeddings.dtype}")
    return embeddings


def _missing(name: str, folder: Path) -> GalleryError:
    """The error for a gallery that does not exist or is only partly built."""
    if (folder / BUILDING).is_dir():
        text = f"The gallery {name} is not finished. Resume its build."
    elif name == DEMONSTRATION:
        text = "The demonstration gallery has not been set up yet."
    else:
        text = f"There is no gallery {name} (existing galleries: {', '.join(names()) or 'none'})."
    return GalleryError(text, command=build_command(name))
