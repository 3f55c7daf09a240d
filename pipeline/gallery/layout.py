"""The names and paths of galleries and of the files in them.

A gallery is a folder in the data folder. Its ``manifest.json`` names the files that hold its rows:

- ``faces-N.arrow``: one row per face (:data:`pipeline.gallery.rows.ROW`), memory-mapped
- ``embeddings-N.npy``: unit rows in the same order, float32 (faces, dimensions), memory-mapped
- ``digests-N.npy``: digests of each row's crop and embedding, for a check
- ``people-N.arrow``: columns about the people, in the order of their numbers, if anything is known
- ``credits-N.arrow`` and ``attribution.csv``: whose photos they are, if more than the licence is known
- ``exclude.txt``: who does not come back, see :mod:`pipeline.gallery.left_out`
- ``reviewed.txt``: the photos that were looked at and are to stay, see :mod:`pipeline.map.review`
- ``views.json``: saved views of the map, see :mod:`pipeline.map.views`
- ``rejected.csv``: the photos that screening rejected, with reasons
- ``crops/000/000000.jpg``: the crops, numbered by the column ``crop``
- ``photos/NAME/``: a person's photos that were added by hand
- ``map.npz`` and ``codes.npz``: maps of these embeddings, see :mod:`pipeline.map.files`
- ``prepared-SCORER-EMBEDDINGS.npy`` and ``index-EMBEDDINGS.faiss``: caches of the search
- ``milvus.json`` and ``milvus-rows.npy``: its collection in Milvus, see :mod:`pipeline.gallery.mirroring`

The manifest also names the ``detector`` of the last build; earlier versions named none and used ``mtcnn``. It is not
compared: a detector decides which faces are found, and the rows of all faces that are found can be compared.

Replacing the manifest commits a change, so changes are atomic. ``building/`` holds the parts of an unfinished build,
``.change`` the note of a change that is not finished: see :mod:`pipeline.gallery.sweeping`.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from pipeline import storage
from pipeline.errors import GalleryError
from pipeline.names import folder_in, problem

FORMAT = 2
# Rows in a Parquet file; see :mod:`pipeline.gallery.upgrade`.
OLD_FORMAT = 1
DEMONSTRATION = "demonstration"
REJECTED, ATTRIBUTION = "rejected.csv", "attribution.csv"
MAP, CODES = "map.npz", "codes.npz"
BUILDING = "building"
PHOTOS = "photos"
CHANGE = ".change"
# How long an edit waits for another one: longer than an edit takes, shorter than a build.
EDIT_WAIT_SECONDS = 10.0


def folder_of(name: str) -> Path:
    """The folder of the gallery ``name``, in any spelling. Raises GalleryError if no gallery can have this name."""
    if text := problem(name, "gallery name", plain=True):
        raise GalleryError(text)
    return folder_in(storage.home() / "galleries", name)


def names() -> list[str]:
    """The names of the finished galleries, the demonstration first."""
    found = sorted(path.parent.name for path in (storage.home() / "galleries").glob(f"*/{storage.MANIFEST}"))
    # A copy in progress has a name that no gallery can have.
    found = [name for name in found if not problem(name, plain=True)]
    return sorted(found, key=lambda name: name != DEMONSTRATION)


def crop_path(folder: Path, number: int) -> Path:
    """The path of a crop. A folder holds a thousand crops."""
    return folder / "crops" / f"{number // 1000:03d}" / f"{number:06d}.jpg"


def photos_folder(name: str) -> Path:
    """The folder of the photos added by hand, one folder per person. Raises GalleryError."""
    return folder_of(name) / PHOTOS


def pending(folder: Path, name: str, generation: int | str) -> Path:
    """Where a change writes a list for people, such as ``rejected.csv``, until the manifest is replaced."""
    path = folder / name
    return path.with_stem(f"{path.stem}-{generation}")


def build_command(name: str, *, fresh: bool = False) -> str:
    """The command that builds a gallery, or with ``fresh`` rebuilds it from the start."""
    if name == DEMONSTRATION:
        command = "python -m pipeline setup"
    else:
        # A build finds photos added by hand without being told where they are.
        source = "" if photos_folder(name).is_dir() else "FOLDER "
        command = f"python -m pipeline build {source}--gallery {shlex.quote(name)}"
    return f"{command} --fresh" if fresh else command
