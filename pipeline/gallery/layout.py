"""Where a gallery's files lie, and what it may be called.

A gallery is a folder in the data folder. Its ``manifest.json`` names the files that hold its rows:

- ``faces-N.arrow``: a row for each face (:data:`pipeline.gallery.layout.rows.ROW`), memory-mapped,
- ``embeddings-N.npy``: float32 (faces, dimensions), unit rows in the same order, memory-mapped,
- ``rejected.csv``: the photos that screening rejected, with the reason,
- ``crops/000/000000.jpg``: the picture of each row, by its number in the column ``crop``,
- ``photos/NAME/``: photos of a person that were added by hand,
- ``prepared-SCORER-EMBEDDINGS.npy`` and ``index-EMBEDDINGS.faiss``: caches of the search.

Replacing the manifest commits a change, so that a gallery is always whole. While a build runs, its parts lie in
``building/``.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from pipeline import storage
from pipeline.errors import GalleryError

FORMAT = 2
# Of before: the rows are a Parquet file (see :mod:`pipeline.gallery.upgrade`).
OLD_FORMAT = 1
DEMONSTRATION = "demonstration"
REJECTED = "rejected.csv"
NAME_PATTERN = re.compile(r"[\w][\w .-]{0,99}")


def folder_of(name: str) -> Path:
    """Where the gallery ``name`` lies. Raises GalleryError for what cannot be a folder's name."""
    if not NAME_PATTERN.fullmatch(name) or name.endswith((".", " ")):
        raise GalleryError(
            f"'{name}' cannot name a gallery. Use letters, digits, spaces, dots and hyphens, as in my-family."
        )
    return storage.home() / "galleries" / name


def names() -> list[str]:
    """The finished galleries, the demonstration first."""
    found = sorted(path.parent.name for path in (storage.home() / "galleries").glob(f"*/{storage.MANIFEST}"))
    # What is being copied has a name that no gallery can have.
    found = [name for name in found if NAME_PATTERN.fullmatch(name)]
    return sorted(found, key=lambda name: name != DEMONSTRATION)


def crop_path(folder: Path, number: int) -> Path:
    """Where the picture of a number lies: a thousand of them in each folder."""
    return folder / "crops" / f"{number // 1000:03d}" / f"{number:06d}.jpg"


def photos_folder(name: str) -> Path:
    """Where the photos lie that were added by hand: a folder for each person. Raises GalleryError."""
    return folder_of(name) / "photos"


def build_command(name: str, *, fresh: bool = False) -> str:
    """The command that builds a gallery, or with ``fresh`` rebuilds it from the start."""
    if name == DEMONSTRATION:
        command = "python -m pipeline setup"
    else:
        # A build finds photos added by hand without being told where they are.
        source = "" if photos_folder(name).is_dir() else "FOLDER "
        command = f"python -m pipeline build {source}--gallery {shlex.quote(name)}"
    return f"{command} --fresh" if fresh else command
