"""Upgrading galleries of format 1, whose rows are a Parquet file that must be read whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.errors import GalleryError
from pipeline.gallery import layout, rows, writing


def upgrade(name: str, manifest: dict[str, Any]) -> bool:
    """Rewrite the gallery with this manifest in the current format. The change is atomic.

    Returns False, and changes nothing, if another process is changing the gallery, its folder is read-only, or it is
    damaged.
    """
    try:
        with writing.locked(name) as folder:
            # Otherwise it was changed before it was locked.
            if storage.read_manifest(folder) == manifest:
                _rewrite(folder, manifest)
    except (GalleryError, OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _rewrite(folder: Path, manifest: dict[str, Any]) -> None:
    files = manifest["files"]
    old = folder / files["faces"]["name"]
    new = old.with_suffix(".arrow")
    # A damaged file must not get a new hash.
    if storage.sha256(old) != files["faces"]["sha256"]:
        raise ValueError(f"{old.name} has changed since it was written")
    with storage.atomic_path(new) as temporary:
        rows.write(temporary, rows.parquet_tables(old))
        if len(rows.open_rows(temporary)) != manifest["faces"]:
            raise ValueError(f"{manifest['faces']} faces expected")
    files = files | {"faces": storage.fingerprint(new)}
    # The date and the generation stay, so the gallery's map remains valid.
    written = {**manifest, "format": layout.FORMAT, "files": files}
    storage.write_json(folder / storage.MANIFEST, storage.with_digest(written))
