"""Creating, copying, clearing and deleting galleries as a whole."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import names, storage
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from pipeline.errors import GalleryError
from pipeline.gallery import layout, milvus, mirroring, opening, stored_photos, sweeping, writing
from pipeline.gallery.building import BuildSettings


def create_gallery(name: str) -> None:
    """Create an empty gallery. Raises GalleryError if the name is taken or invalid."""
    with storage.atomic_path(_unused(name)) as temporary:
        temporary.mkdir()
        embedder = EMBEDDERS[DEFAULT_EMBEDDER]
        about = {
            "embedding": embedder.identity,
            "dimensions": embedder.dimensions,
            "default_embedder": DEFAULT_EMBEDDER,
            "build": asdict(BuildSettings()),
        }
        writing.commit(temporary, (), generation=1, faces=0, about=about)
        _unused(name)


def copy_gallery(source: str, name: str) -> None:
    """Copy a gallery with its people and its map. Raises GalleryError if the name is taken or invalid."""
    opening.read_gallery(source)
    target = _unused(name)
    with writing.locked(source, layout.EDIT_WAIT_SECONDS) as origin, storage.atomic_path(target) as temporary:
        _copy(origin, temporary)
        # Crops of an unfinished build stay behind.
        sweeping.sweep(temporary)
        _unused(name)
    _mirror_too(origin, name)


def copy_rows(source: str, name: str, rows: NDArray[np.int64]) -> None:
    """Make a gallery of some photos of another one, given their rows. The source stays as it is.

    Raises GalleryError if the name is taken or invalid, or there are no rows.
    """
    opening.read_gallery(source)
    target = _unused(name)
    with writing.locked(source, layout.EDIT_WAIT_SECONDS), storage.atomic_path(target) as temporary:
        opened = opening.read_gallery(source)
        if not len(rows) or rows.max() >= len(opened):
            raise GalleryError(f"These photos are not in the gallery {source} any more. Select them again.")
        temporary.mkdir()
        table, embeddings = writing.rows_of(opened)
        table = table.take(rows)
        for row, values in zip(rows.tolist(), table.to_pylist(), strict=True):
            _copy_file(opened.crop_path(row), layout.crop_path(temporary, values["crop"]))
            if photo := stored_photos.path_of(opened.folder, values):
                _copy_file(photo, temporary / photo.relative_to(opened.folder))
        writing.commit(
            temporary,
            [(table, embeddings[rows])],
            generation=1,
            faces=len(rows),
            about=writing.built_as(opened),
            details=opened.details,
        )
        _unused(name)
    _mirror_too(opened.folder, name)


def _mirror_too(origin: Path, name: str) -> None:
    """Give a copy a collection in Milvus where the gallery it was copied from has one."""
    mirror = mirroring.read(origin)
    if mirror or milvus.chosen():
        with writing.locked(name, layout.EDIT_WAIT_SECONDS) as folder:
            if mirror:
                mirroring.begin(folder, mirror.uri)


def _copy_file(origin: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(origin, target)


def _copy(origin: Path, target: Path) -> None:
    """Copy the files of a gallery. ``shutil.copytree`` would hide why one cannot be written."""
    target.mkdir()
    for path in origin.iterdir():
        if path.name.startswith(".") or path.name in (layout.BUILDING, mirroring.RECORD, mirroring.ROWS):
            continue
        if path.is_dir():
            _copy(path, target / path.name)
        else:
            shutil.copy2(path, target / path.name)


def _unused(name: str) -> Path:
    """The folder of a new gallery. Raises GalleryError if it exists, or has the name of the demonstration."""
    folder = layout.folder_of(name)
    # A build that was killed at once leaves a folder with nothing but hidden files.
    taken = any(not path.name.startswith(".") for path in folder.glob("*"))
    if taken or names.key(name) == layout.DEMONSTRATION:
        raise GalleryError(f"There is a gallery {folder.name} already. Choose another name.")
    return folder


def delete_gallery(name: str) -> None:
    """Delete a gallery and its unfinished build. Raises GalleryError if another process is building it.

    Its collection in Milvus is deleted first. Raises SearchIndexError if that cannot be done.
    """
    if layout.folder_of(name).is_dir():
        with writing.locked(name) as folder:
            mirroring.drop(folder)
            storage.delete_folder(folder)


def drop_unfinished_build(name: str) -> None:
    """Delete the parts of an unfinished build. Raises GalleryError if another process is building the gallery."""
    if (layout.folder_of(name) / layout.BUILDING).is_dir():
        with writing.locked(name) as folder:
            shutil.rmtree(folder / layout.BUILDING, ignore_errors=True)
