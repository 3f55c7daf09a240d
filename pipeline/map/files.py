"""A map on disk.

It is fitted once and kept as ``map.npz`` in the gallery's folder, with what it was fitted on; opening one of other
embeddings is refused. The layouts of a trained network's codes lie beside it in ``codes.npz``. Opening a map loads
none of the libraries that fit it.
"""

from __future__ import annotations

import json
import shlex
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import storage
from pipeline.errors import MapError, WeightsError
from pipeline.gallery.gallery import Gallery
from pipeline.map.layouts import Layout, Map, MapSettings
from pipeline.similarity import files
from pipeline.similarity.network import Network

FORMAT = 1
FILE, CODES = "map.npz", "codes.npz"


def _identity(opened: Gallery, settings: MapSettings) -> dict[str, Any]:
    """What a map must have been fitted on and how to be the map of a gallery."""
    manifest = opened.manifest
    return {
        "format": FORMAT,
        "generation": manifest["generation"],
        "embedding": manifest["embedding"],
        "embeddings": manifest["files"]["embeddings"]["sha256"],
        "settings": asdict(settings),
    }


def map_path(opened: Gallery) -> Path:
    """Where a gallery's map lies."""
    return opened.folder / FILE


def save_map(opened: Gallery, fitted: Map, settings: MapSettings = MapSettings()) -> None:
    """Write a map into its gallery's folder, whole or not at all."""
    about = {
        "identity": _identity(opened, settings),
        "layouts": {name: layout.trustworthiness for name, layout in fitted.layouts.items()},
        "silhouette": fitted.silhouette,
        "purity": fitted.purity,
    }
    arrays = {"clusters": fitted.clusters, "quality": fitted.quality, **_arrays(fitted.layouts)}
    _write(map_path(opened), about, arrays)


def _arrays(layouts: dict[str, Layout]) -> dict[str, np.ndarray]:
    return {
        f"{name} {part}": getattr(layout, part) for name, layout in layouts.items() for part in ("places", "kept")
    }


def _write(target: Path, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    with storage.written_whole(target) as temporary, temporary.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]


def save_codes(
    opened: Gallery, layouts: dict[str, Layout], folder: Path, network: Network, settings: MapSettings = MapSettings()
) -> None:
    """Write the layouts of a network's codes beside the map, with where the network lies and what identifies it."""
    about = {
        "identity": _identity(opened, settings),
        "layouts": {name: layout.trustworthiness for name, layout in layouts.items()},
        "folder": str(folder.absolute()),
        "network": files.digest(network),
    }
    _write(opened.folder / CODES, about, _arrays(layouts))


def open_map(opened: Gallery, settings: MapSettings = MapSettings()) -> Map:
    """Open a gallery's map. Raises MapError, with the command to run, where it is missing, damaged or stale."""
    command = f"python -m pipeline map --gallery {shlex.quote(opened.name)}"
    try:
        with np.load(map_path(opened), allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            stale = about["identity"] != _identity(opened, settings)
            read = _read(about, arrays, len(opened)) if not stale else None
    except FileNotFoundError:
        raise MapError(f"The gallery {opened.name} has no map yet.", command=command) from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise MapError(f"The map of the gallery {opened.name} is damaged.", command=command) from error
    if read is None:
        raise MapError(f"The gallery {opened.name} has changed since its map was made.", command=command)
    return read


def network_folder(opened: Gallery) -> Path | None:
    """Where the network lies whose codes are laid out, if any are."""
    try:
        with np.load(opened.folder / CODES, allow_pickle=False) as arrays:
            return Path(json.loads(str(arrays["about"]))["folder"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def open_codes(opened: Gallery, settings: MapSettings = MapSettings()) -> dict[str, Layout]:
    """The layouts of a network's codes; none where none were made.

    Raises MapError, with the command to run, where they are damaged, or where gallery or network have changed.
    """
    if not (opened.folder / CODES).exists():
        return {}
    folder = network_folder(opened) or Path("FOLDER")
    command = f"python -m pipeline map --gallery {shlex.quote(opened.name)} --network {shlex.quote(str(folder))}"
    try:
        with np.load(opened.folder / CODES, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            if about["identity"] != _identity(opened, settings):
                raise MapError(f"The gallery {opened.name} has changed since its codes were mapped.", command=command)
            if about["network"] != files.digest(files.read_network(folder)):
                raise MapError(f"The network in {folder} has changed since its codes were mapped.", command=command)
            return _layouts(about, arrays, len(opened))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise MapError(f"The code maps of the gallery {opened.name} are damaged.", command=command) from error
    except WeightsError as error:
        raise MapError(str(error), command=error.command) from error


def _layouts(about: dict[str, Any], arrays: Any, count: int) -> dict[str, Layout]:
    return {
        name: Layout(
            _checked(arrays[f"{name} places"], (count, 2)), _checked(arrays[f"{name} kept"], (count,)), trust
        )
        for name, trust in about["layouts"].items()
    }


def _read(about: dict[str, Any], arrays: Any, count: int) -> Map:
    layouts = _layouts(about, arrays, count)
    clusters, quality = _checked(arrays["clusters"], (count,)), _checked(arrays["quality"], (count,))
    return Map(layouts, clusters, about["silhouette"], about["purity"], quality)


def _checked(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"an array of shape {array.shape}")
    return array
