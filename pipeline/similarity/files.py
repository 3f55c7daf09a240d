"""A similarity network on disk: a folder with its weights and a manifest."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import __version__, storage
from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.registry import default_identity
from pipeline.errors import WeightsError, reason
from pipeline.similarity.calibration import Calibration
from pipeline.similarity.network import Layer, SimilarityNetwork

FORMAT = 1
# A folder for each embedder that a network ships for; see :mod:`pipeline.similarity.shipped`.
SHIPPED = storage.ASSETS / "similarity"
_WEIGHTS = "network.npz"


def released() -> Path:
    """Where the user's released networks are, laid out as those that ship."""
    return storage.home() / "similarity"


def network_digest(network: SimilarityNetwork) -> str:
    """A hash of a network's settings and weights."""
    settings, arrays = _to_parts(network)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()[:16]


def write_network(
    folder: Path, network: SimilarityNetwork, calibration: Calibration | None, about: dict[str, Any]
) -> None:
    """Write a network and its calibration, which the network of a run does not have.

    about: further keys of the manifest, such as what made the network and what it measured. If it names the
    ``embedding`` that the network was trained on (an embedder's identity), the network is not read for any other.
    """
    settings, arrays = _to_parts(network)
    with storage.atomic_path(folder / _WEIGHTS) as temporary, temporary.open("wb") as file:
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


def read_network(folder: Path, identity: dict[str, Any] | None = None) -> SimilarityNetwork:
    """The network in a folder, with or without a calibration. Raises WeightsError."""
    return read_network_and_manifest(folder, identity)[0]


def read_network_and_manifest(
    folder: Path, identity: dict[str, Any] | None = None
) -> tuple[SimilarityNetwork, dict[str, Any]]:
    """The network in a folder and its manifest.

    identity: of the embedder whose rows are to be compared; by default the default embedder's.

    Raises WeightsError if the network is damaged or was trained on rows of another embedder.
    """
    manifest = storage.read_manifest(folder)
    if manifest is None:
        raise unusable_network(folder, f"{storage.MANIFEST} is missing or damaged")
    if manifest.get("format") != FORMAT:
        raise unusable_network(folder, f"it has format {manifest.get('format')}, but this version reads {FORMAT}")
    if embedding_of(manifest) != (identity or default_identity()):
        raise unusable_network(folder, "it was trained on embeddings of another model or of other crops")
    if not storage.is_as_written(manifest):
        raise unusable_network(folder, f"{storage.MANIFEST} has changed since it was written")
    try:
        path = folder / manifest["weights"]["name"]
        if storage.sha256(path) != manifest["weights"]["sha256"]:
            raise unusable_network(folder, f"{path.name} does not match its hash in {storage.MANIFEST}")
        with np.load(path, allow_pickle=False) as arrays:
            network = _from_parts(manifest["network"], arrays)
        if not is_finite(network):
            raise unusable_network(folder, "its training diverged, so its weights are not numbers")
        return network, manifest
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unusable_network(folder, f"a part is missing or damaged ({reason(error)})") from error


def is_finite(network: SimilarityNetwork) -> bool:
    """Whether all weights are numbers."""
    _, arrays = _to_parts(network)
    return all(np.isfinite(array).all() for array in arrays.values())


def embedding_of(manifest: dict[str, Any]) -> Any:
    """The identity of the embedder on whose rows a network was trained: FaceNet where none is recorded."""
    return manifest.get("embedding", FACENET_128.identity)


def unusable_network(folder: Path, problem: str) -> WeightsError:
    """The error for a similarity network that cannot be used, with the command that trains another one."""
    if folder.parent in (SHIPPED, released()):
        # Visitors may read it: it says nothing of the server's folders.
        text = f"The similarity network for {folder.name} cannot be used: {problem}."
        if folder.parent == SHIPPED:
            return WeightsError(f"{text} Reinstall this version, or rank by cosine, which needs no network.")
        return WeightsError(f"{text} Release a run again, or delete this folder.")
    text = f"The similarity network in {folder} cannot be used: {problem}."
    return WeightsError(f"{text} Train it again.", command=f"python -m train fit --run {shlex.quote(folder.name)}")


def _to_parts(network: SimilarityNetwork) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """A network's settings, for JSON, and its arrays by name."""
    settings: dict[str, Any] = {}
    arrays: dict[str, NDArray[np.float32]] = {}
    for name in (field.name for field in fields(network)):
        value = getattr(network, name)
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value, tuple):
            for place, (kernel, bias) in enumerate(value):
                arrays |= {f"{name}_{place}_kernel": kernel, f"{name}_{place}_bias": bias}
        else:
            settings[name] = value
    return settings, arrays


def _from_parts(settings: Mapping[str, Any], arrays: Mapping[str, NDArray[np.float32]]) -> SimilarityNetwork:
    """The inverse of :func:`_to_parts`. Raises KeyError or TypeError if a part is missing or unknown."""
    layers: dict[str, list[Layer]] = {"encoder": [], "metric": []}
    others: dict[str, Any] = {}
    for name in arrays:
        if name.endswith("_kernel"):
            layer = name.removesuffix("_kernel")
            layers[layer.rpartition("_")[0]].append((arrays[name], arrays[f"{layer}_bias"]))
        elif not name.endswith("_bias"):
            others[name] = arrays[name]
    values: dict[str, Any] = {name: tuple(found) for name, found in layers.items()}
    return SimilarityNetwork(**values, **others, **settings)
