"""What a scorer makes of a gallery before any probe, computed once and kept in the gallery's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from pipeline import storage
from pipeline.gallery.gallery import Gallery
from pipeline.similarity.base import Scorer

# Rows at a time, so that what is in between stays small beside the gallery.
_ROWS = 65_536


def prepared_rows(gallery: Gallery, scorer: Scorer) -> np.ndarray:
    """``scorer.prepare`` of a whole gallery, float32 (faces, columns), memory-mapped.

    The file's name says which scorer and which embeddings it belongs to: another network or a change of the gallery
    makes it anew, and so does damage. Where the folder cannot be written it stays in memory.
    """
    if not scorer.digest:
        return scorer.prepare(gallery.embeddings)
    path = gallery.folder / f"prepared-{scorer.digest}-{gallery.digest}.npy"
    stored = _read(path, gallery, scorer)
    if stored is not None:
        return stored
    # A folder that is not there is that of a gallery in memory.
    if gallery.folder.is_dir():
        with suppress(OSError):
            _write(path, gallery, scorer)
            return np.load(path, mmap_mode="r", allow_pickle=False)
    return np.concatenate(list(_parts(gallery, scorer)))


def _parts(gallery: Gallery, scorer: Scorer) -> Iterator[np.ndarray]:
    for start in range(0, len(gallery), _ROWS):
        yield scorer.prepare(gallery.embeddings[start : start + _ROWS])


def _read(path: Path, gallery: Gallery, scorer: Scorer) -> np.ndarray | None:
    """The stored rows, or None where there are none, or none that fit: the first and the last are compared."""
    try:
        stored: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    ends = scorer.prepare(gallery.embeddings[[0, -1]])
    fits = stored.dtype == ends.dtype and stored.shape == (len(gallery), ends.shape[1])
    return stored if fits and np.allclose(stored[[0, -1]], ends, atol=1e-5) else None


def _write(path: Path, gallery: Gallery, scorer: Scorer) -> None:
    with storage.atomic_path(path) as temporary:
        shape = (len(gallery), scorer.prepare(gallery.embeddings[:1]).shape[1])
        rows = np.lib.format.open_memmap(temporary, "w+", dtype=np.float32, shape=shape)
        start = 0
        for part in _parts(gallery, scorer):
            rows[start : start + len(part)] = part
            start += len(part)
        rows.flush()
    for stale in path.parent.glob("prepared-*.npy"):
        if stale != path:
            stale.unlink(missing_ok=True)
