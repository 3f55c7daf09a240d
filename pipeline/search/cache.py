"""The rows that a scorer prepares from a gallery, computed once and kept in the gallery's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import arrays, storage
from pipeline.gallery.gallery import Gallery
from pipeline.similarity.base import Scorer

# Chunk size: intermediates stay small beside the gallery.
_CHUNK_ROWS = 65_536


def prepared_rows(gallery: Gallery, scorer: Scorer) -> NDArray[np.float32]:
    """``scorer.prepare`` of a whole gallery, float32 (faces, columns), memory-mapped if they are many.

    The file's name holds the digests of the scorer and of the embeddings. It is computed again for another network,
    after a change of the gallery, and if it is damaged. It stays in memory if the folder cannot be written.
    """
    if not scorer.digest:
        return scorer.prepare(gallery.embeddings)
    path = gallery.folder / f"prepared-{scorer.digest}-{gallery.digest}.npy"
    stored = _read(path, gallery, scorer)
    if stored is not None:
        return stored
    # Galleries in memory have no folder.
    if gallery.folder.is_dir():
        with suppress(OSError):
            _write(path, gallery, scorer)
            return arrays.open_array(path)
    return np.concatenate(list(_chunks(gallery, scorer)))


def problems(gallery: Gallery) -> Iterator[tuple[Path, str]]:
    """The caches of the search, rows and index, that have changed since they were written, one sentence for each."""
    for pattern in ("prepared-*.npy", "index-*.faiss"):
        for path in sorted(gallery.folder.glob(pattern)):
            if not storage.is_whole(path):
                yield path, f"{path.name} has changed since it was written"


def _chunks(gallery: Gallery, scorer: Scorer) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(gallery), _CHUNK_ROWS):
        yield scorer.prepare(gallery.embeddings[start : start + _CHUNK_ROWS])


def _read(path: Path, gallery: Gallery, scorer: Scorer) -> NDArray[np.float32] | None:
    """The stored rows, or None if they are missing or damaged, or the first or last row does not fit."""
    if not storage.is_whole(path, quick=True):
        return None
    try:
        stored: NDArray[np.float32] = arrays.open_array(path)
    except (OSError, ValueError):
        return None
    ends = scorer.prepare(gallery.embeddings[[0, -1]])
    fits = stored.dtype == ends.dtype and stored.shape == (len(gallery), ends.shape[1])
    return stored if fits and np.allclose(stored[[0, -1]], ends, atol=1e-5) else None


def _write(path: Path, gallery: Gallery, scorer: Scorer) -> None:
    with storage.atomic_path(path) as temporary:
        shape = (len(gallery), scorer.prepare(gallery.embeddings[:1]).shape[1])
        with arrays.array_writer(temporary, shape) as write:
            for chunk in _chunks(gallery, scorer):
                write(chunk)
        storage.seal(temporary)
    for stale in path.parent.glob("prepared-*.npy"):
        if stale != path:
            stale.unlink(missing_ok=True)
