"""TODO."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import storage
from pipeline.embedding import facenet_weights
from pipeline.embedding.base import Embedder
from pipeline.embedding.registry import DEFAULT_EMBEDDER, default_identity, load_embedder, name_of
from pipeline.errors import EmptyGalleryError, GalleryError
from pipeline.gallery import opening
from pipeline.gallery.gallery import Gallery, damaged
from pipeline.gallery.layout import DEMONSTRATION, FORMAT, OLD_FORMAT, build_command, folder_of, names

if TYPE_CHECKING:
    import pyarrow as pa


def embedder_of(opened: Gallery) -> Embedder:
    """The embedder that a gallery was made with. Raises GalleryError where that is not here, or its crops differ."""
    name = name_of(opened.manifest["embedding"])
    if name in (None, DEFAULT_EMBEDDER):
        opening.open_gallery(opened.name, default_identity())
    embedder = load_embedder(name or DEFAULT_EMBEDDER)
    opening.open_gallery(opened.name, embedder.identity)
    return embedder


def open_gallery(name: str, identity: dict[str, Any] | None = None) -> Gallery:
    """Open a gallery and check that its parts fit together and, where ``identity`` is given, fit the embedder.

    Raises GalleryError with one sentence that names the command to run, EmptyGalleryError where nobody is in it.
    """
    opened = read_gallery(name, identity)
    if not len(opened):
        raise EmptyGalleryError(f"The gallery {name} has no people yet.", command=build_command(name))
    return opened


def read_gallery(name: str, identity: dict[str, Any] | None = None) -> Gallery:
    """As :func:`open`, but a gallery may be empty."""
    folder = folder_of(name)
    manifest = storage.read_manifest(folder)
    if manifest is None:
        if (folder / storage.MANIFEST).exists():
            raise damaged(name, ValueError(f"{storage.MANIFEST} cannot be read"))
        raise _missing(name, folder)
    if manifest.get("format") not in (OLD_FORMAT, FORMAT):
        raise GalleryError(
            f"The gallery {name} has format {manifest.get('format')}; this version reads {FORMAT}. Rebuild it.",
            command=build_command(name, fresh=True),
        )
    if identity is not None and manifest.get("embedding") != identity:
        raise GalleryError(
            f"The gallery {name} was built with another model or other crops ({_model(manifest)}), "
            "so its distances would mean nothing. Rebuild it.",
            command=build_command(name, fresh=True),
        )
    if manifest["format"] == OLD_FORMAT:
        from pipeline.gallery import upgrade

        if upgrade.migrate(name, manifest):
            return read_gallery(name, identity)
    try:
        faces, embeddings = _read(folder, manifest)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        if storage.read_manifest(folder) != manifest:
            return read_gallery(name, identity)  # It was changed meanwhile.
        raise damaged(name, error) from error
    return Gallery(folder, manifest, faces, embeddings)


def _read(folder: Path, manifest: dict[str, Any]) -> tuple[pa.Table, np.ndarray]:
    files = manifest["files"]
    path = folder / files["faces"]["name"]
    if manifest["format"] == OLD_FORMAT:
        from pipeline.gallery import upgrade

        faces = upgrade.read(path)
    else:
        from pipeline.gallery import rows

        faces = rows.open_rows(path)
    embeddings = np.load(folder / files["embeddings"]["name"], mmap_mode="r", allow_pickle=False)
    if not len(faces) == len(embeddings) == manifest["faces"]:
        raise ValueError(f"{len(faces)} faces, {len(embeddings)} embeddings, {manifest['faces']} expected")
    dimensions = manifest.get("dimensions", facenet_weights.DIMENSIONS)
    if embeddings.shape[1:] != (dimensions,) or embeddings.dtype != np.float32:
        raise ValueError(f"embeddings of shape {embeddings.shape} and type {embeddings.dtype}")
    return faces, embeddings


def _missing(name: str, folder: Path) -> GalleryError:
    """The error for a gallery that does not exist or is only partly built."""
    if (folder / "building").is_dir():
        text = f"The gallery {name} is not finished. Resume its build."
    elif name == DEMONSTRATION:
        text = "The demonstration gallery has not been set up yet."
    else:
        text = f"There is no gallery {name} (existing galleries: {', '.join(names()) or 'none'})."
    return GalleryError(text, command=build_command(name))


def _model(manifest: dict[str, Any]) -> str:
    embedding = manifest.get("embedding")
    return str(embedding.get("model")) if isinstance(embedding, dict) else "unknown"
