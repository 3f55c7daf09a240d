"""Digests of each row's crop and embedding, by which a check tells which rows are damaged.

They are those of the crop and the embedding as they were when the row was new, and follow the row from then on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import arrays, storage
from pipeline.gallery import layout, rows

Digests = NDArray[np.uint64]
_MISSING = 0


class KnownDigests:
    """The digests of a gallery's rows, by the numbers of their crops."""

    def __init__(self, crops: NDArray[np.int32], digests: Digests) -> None:
        order = np.argsort(crops, kind="stable")
        self._crops, self._digests = crops[order], digests[order]

    def of(self, crops: NDArray[np.int32]) -> tuple[NDArray[np.bool_], Digests]:
        """Which of some crops (n,) are known, bool (n,), and their digests, (n, 2)."""
        if not len(self._crops):
            return np.zeros(len(crops), bool), np.zeros((len(crops), 2), np.uint64)
        places = np.minimum(np.searchsorted(self._crops, crops), len(self._crops) - 1)
        return self._crops[places] == crops, self._digests[places]


NOTHING = KnownDigests(np.empty(0, np.int32), np.empty((0, 2), np.uint64))


def known(folder: Path, manifest: Mapping[str, Any] | None) -> KnownDigests:
    """The digests that a gallery has. Those of a damaged gallery, or of an earlier version, are not known."""
    try:
        if manifest is None or "digests" not in manifest["files"]:
            return NOTHING
        found = read(folder, manifest)
        crops = rows.open_rows(folder / manifest["files"]["faces"]["name"])["crop"].to_numpy()
        return KnownDigests(crops, found) if len(found) == len(crops) else NOTHING
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return NOTHING


def read(folder: Path, manifest: Mapping[str, Any]) -> Digests:
    """The digests of all rows, uint64 (faces, 2). Raises OSError, ValueError, KeyError or EOFError."""
    file = manifest["files"]["digests"]
    if storage.has_changed(folder / file["name"], file, whole=True):
        raise ValueError(f"{file['name']} has changed since it was written")
    found: Digests = arrays.open_array(folder / file["name"])
    if found.dtype != np.uint64 or found.shape[1:] != (2,):
        raise ValueError(f"digests of shape {found.shape} and type {found.dtype}")
    return found


def of_rows(folder: Path, table: pa.Table, embeddings: NDArray[np.float32], earlier: KnownDigests) -> Digests:
    """The digests of rows, uint64 (n, 2): of the crop and of the embedding, as they are known from earlier."""
    crops = table["crop"].to_numpy()
    is_known, found = earlier.of(crops)
    found = found.copy()
    for row in np.flatnonzero(~is_known).tolist():
        found[row] = of_crop(layout.crop_path(folder, int(crops[row]))), of_embedding(embeddings[row])
    return found


def of_crop(path: Path) -> int:
    """The digest of a crop, 0 where it is missing."""
    try:
        return _digest(path.read_bytes())
    except OSError:
        return _MISSING


def of_embedding(embedding: NDArray[np.float32]) -> int:
    """The digest of a row, float32 (dimensions,)."""
    return _digest(np.ascontiguousarray(embedding, np.float32).tobytes())


def _digest(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
