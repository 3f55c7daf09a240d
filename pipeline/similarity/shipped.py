"""What was made for an embedder: a network, and the calibration of the cosine.

Both lie in a folder that has the embedder's name: in ``assets/similarity`` what ships, in the data folder what the
user released, which comes first. They are used for rows of exactly the embedder they name, views included.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.embedding.registry import EMBEDDERS, entry_of
from pipeline.errors import WeightsError
from pipeline.similarity import files
from pipeline.similarity.calibration import UNCALIBRATED, Calibration

COSINE = "cosine.json"
# The embedders with a network that ships.
NETWORKS_FOR = ("facenet", "sface", "facenet+sface")


def folder_name(identity: dict[str, Any]) -> str | None:
    """The name of the folder for an embedder. None for an embedder that is not here."""
    entry = entry_of(identity)
    if entry is None:
        return None
    return entry.name if entry.name in EMBEDDERS else entry.model


def network_folder(identity: dict[str, Any]) -> Path | None:
    """The folder with the network for rows of an embedder, which may be damaged. None if there is no network."""
    name = folder_name(identity)
    if name is None:
        return None
    candidates = [files.released() / name] if (files.released() / name).is_dir() else []
    candidates += [files.SHIPPED / name] if name in NETWORKS_FOR else []
    for folder in candidates:
        manifest = storage.read_manifest(folder)
        is_damaged = manifest is None or not storage.is_as_written(manifest)
        if is_damaged or files.embedding_of(manifest or {}) == identity:
            return folder
    return None


def cosine_calibration(identity: dict[str, Any]) -> Calibration:
    """What the cosine's distances of an embedder's rows mean; uncalibrated if nothing was fitted.

    Raises WeightsError if what was fitted is damaged.
    """
    name = folder_name(identity)
    for root in (files.released(), files.SHIPPED) if name else ():
        path = root / str(name) / COSINE
        fitted = storage.read_json(path)
        if path.exists() and (fitted is None or not storage.is_as_written(fitted)):
            raise _damaged(root)
        if fitted and fitted.get("embedding") == identity:
            try:
                return Calibration(fitted["middle"], fitted["slope"], strangers=fitted.get("strangers", ()))
            except (KeyError, TypeError, ValueError) as error:
                raise _damaged(root) from error
    return UNCALIBRATED


def _damaged(root: Path) -> WeightsError:
    """The error for a calibration that cannot be used."""
    advice = "Reinstall this version." if root == files.SHIPPED else "Release a run again, or delete the file."
    return WeightsError(f"The file {COSINE}, which says what distances mean, is damaged. {advice}")
