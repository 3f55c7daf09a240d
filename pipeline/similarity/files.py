"""A similarity network on disk: its weights and a manifest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import __version__, storage
from pipeline.errors import WeightsError
from pipeline.similarity import network as similarity
from pipeline.similarity.calibration import Calibration
from pipeline.similarity.network import Network

FORMAT = 1
SHIPPED = storage.ASSETS / "similarity"
_WEIGHTS = "network.npz"


def digest(network: Network) -> str:
    """What identifies a network's numbers."""
    settings, arrays = similarity.parts(network)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()[:16]


def write_network(folder: Path, network: Network, calibration: Calibration | None, about: dict[str, Any]) -> None:
    """Write a network and its calibration as they ship; a run has no calibration, and no resemblance.

    ``about`` says what made them and what they measured; where it names the ``embedding`` that the network was
    trained on (``EmbeddingSettings.identity``), the network is not read for any other.
    """
    settings, arrays = similarity.parts(network)
    with storage.written_whole(folder / _WEIGHTS) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    storage.write_manifest(
        folder,
        {
            "format": FORMAT,
            "made_by": f"lookslikewho {__version__}",
            **about,
            "network": settings,
            "weights": {"name": _WEIGHTS, "sha256": storage.sha256(folder / _WEIGHTS)},
            "calibration": calibration and asdict(calibration),
        },
    )


def read_network(folder: Path) -> Network:
    """The network that :func:`write` wrote, with a calibration or without. Raises WeightsError with one sentence."""
    return read_parts(folder)[0]


def read_parts(folder: Path) -> tuple[Network, dict[str, Any]]:
    """The network and its manifest. Raises WeightsError."""
    from pipeline.embedding.registry import default_identity

    manifest = storage.read_manifest(folder)
    if manifest is None:
        raise unusable(folder, f"{storage.MANIFEST} is missing or damaged")
    if manifest.get("format") != FORMAT:
        raise unusable(folder, f"it has format {manifest.get('format')}, this version reads {FORMAT}")
    if manifest.get("embedding", default_identity()) != default_identity():
        raise unusable(folder, "it was trained on another model's embeddings or on other crops")
    try:
        path = folder / manifest["weights"]["name"]
        if storage.sha256(path) != manifest["weights"]["sha256"]:
            raise unusable(folder, f"{path.name} is not what {storage.MANIFEST} says")
        with np.load(path, allow_pickle=False) as arrays:
            return similarity.joined(manifest["network"], arrays), manifest
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unusable(folder, f"a part is missing or damaged ({error})") from error


def unusable(folder: Path, reason: str) -> WeightsError:
    """The error for a similarity network that cannot be used, with the command that trains another one."""
    text = f"The similarity network in {folder} cannot be used: {reason}."
    if folder == SHIPPED:
        return WeightsError(f"{text} Reinstall this version, or rank by cosine, which needs no network.")
    return WeightsError(f"{text} Train it again.", command="python -m train fit")
