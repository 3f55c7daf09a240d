"""A thorough check of an open gallery."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.errors import reason
from pipeline.gallery import digests
from pipeline.gallery.gallery import Gallery

_BLOCK = 100_000


def problems(gallery: Gallery) -> Iterator[str]:
    """Changed files, and damaged embeddings and crops of rows, one sentence each."""
    for key in gallery.manifest["files"]:
        if problem := file_problem(gallery, key):
            yield problem
    known = _digests(gallery)
    for row, problem in [*embedding_problems(gallery, known), *crop_problems(gallery, known)]:
        yield f"row {row} ({gallery.row(row)['name']}): {problem}"


def file_problem(gallery: Gallery, key: str) -> str:
    """What is wrong with a file, given by its key in the manifest; "" if nothing is."""
    file = gallery.manifest["files"][key]
    try:
        changed = storage.has_changed(gallery.folder / file["name"], file, whole=True)
    except OSError as error:
        return reason(error) if isinstance(error, FileNotFoundError) else f"{file['name']} cannot be read"
    return f"{file['name']} has changed since it was written" if changed else ""


def damaged_rows(gallery: Gallery) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows, (n,), whose embeddings are damaged, and those whose crops are."""
    known = _digests(gallery)
    found = (embedding_problems(gallery, known), crop_problems(gallery, known))
    embeddings, crops = (np.array([row for row, _ in problems], np.int64) for problems in found)
    return embeddings, crops


def _digests(gallery: Gallery) -> digests.Digests | None:
    """The digests of all rows. None where they are damaged, or the gallery is of an earlier version."""
    try:
        found = digests.read(gallery.folder, gallery.manifest)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return found if len(found) == len(gallery) else None


def embedding_problems(gallery: Gallery, known: digests.Digests | None) -> Iterator[tuple[int, str]]:
    """Rows with what is wrong with their embeddings."""
    for start in range(0, len(gallery), _BLOCK):
        block = gallery.embeddings[start : start + _BLOCK]
        with np.errstate(over="ignore", invalid="ignore"):
            is_unit = np.abs(np.linalg.norm(block, axis=1) - 1) < 1e-3
        for row, embedding in enumerate(block, start=start):
            if not is_unit[row - start]:
                yield row, "its embedding is not of unit length"
            elif known is not None and digests.of_embedding(embedding) != known[row, 1]:
                yield row, "its embedding has changed since it was written"


def crop_problems(gallery: Gallery, known: digests.Digests | None) -> Iterator[tuple[int, str]]:
    """Rows with what is wrong with their crops."""
    from PIL import Image

    for row in range(len(gallery)):
        path = gallery.crop_path(row)
        if known is not None and path.is_file() and digests.of_crop(path) == known[row, 0]:
            continue
        try:
            with Image.open(path) as crop:
                crop.load()
        except (OSError, SyntaxError, ValueError) as error:
            yield row, f"its crop cannot be read ({reason(error)})"
        else:
            if known is not None:
                yield row, "its crop has changed since it was written"
