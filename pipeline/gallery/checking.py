"""A thorough check of an open gallery."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline import storage
from pipeline.gallery.gallery import Gallery, reason


def problems(gallery: Gallery) -> Iterator[str]:
    """Changed files, embeddings that are not unit rows and unreadable crops, one sentence each."""
    from PIL import Image

    for file in gallery.manifest["files"].values():
        if storage.sha256(gallery.folder / file["name"]) != file["sha256"]:
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
            yield f"row {row} ({gallery.row(row)['name']}): its crop cannot be read ({reason(error)})"
