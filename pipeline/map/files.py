"""A map on disk.

It is fitted once and kept as ``map.npz`` in the gallery's folder, with the identity of what it was fitted on; a map
of other embeddings is refused. The layouts of a trained network's codes are kept beside it in ``codes.npz``. Opening
a map loads none of the libraries that fit it.
"""

from __future__ import annotations

import json
import shlex
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.errors import MapError, WeightsError
from pipeline.gallery import layout as places
from pipeline.gallery.gallery import Gallery
from pipeline.map.layouts import FaceMap, Families, Layout, MapSettings
from pipeline.map.queries import typical_rows
from pipeline.map.sample import part_on_map, rows_on_map
from pipeline.similarity import files
from pipeline.similarity.network import SimilarityNetwork

# 2: the share of people kept, where 1 had that of photos, also the person's own.
_FORMAT = 2
_FAMILIES = "families"
# RuntimeError: zipfile says so of encryption and methods that it does not know.
_DAMAGED = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, OverflowError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)


def map_path(opened: Gallery) -> Path:
    """Where a gallery's map is kept."""
    return opened.folder / places.MAP


def save_map(opened: Gallery, fitted: FaceMap, settings: MapSettings = MapSettings()) -> None:
    """Write a map into its gallery's folder, atomically. Raises MapError if the gallery was deleted meanwhile."""
    about = {
        "identity": _identity(opened, settings),
        "layouts": {name: layout.trustworthiness for name, layout in fitted.layouts.items()},
        "silhouette": fitted.silhouette,
        "purity": fitted.purity,
    }
    names = ("clusters", "typical", "quality")
    arrays: dict[str, NDArray[Any]] = {name: getattr(fitted, name) for name in names}
    if fitted.families:
        arrays |= {f"{_FAMILIES} {name}": values for name, values in vars(fitted.families).items()}
    _write(opened, map_path(opened), about, arrays | _arrays(fitted.layouts))


def open_map(opened: Gallery, settings: MapSettings = MapSettings()) -> FaceMap:
    """Open a gallery's map. Raises MapError where it is missing, damaged or stale."""
    command = f"python -m pipeline map --gallery {shlex.quote(opened.name)}"
    try:
        with _load(map_path(opened)) as arrays:
            about = json.loads(str(arrays["about"]))
            if about["identity"] == _identity(opened, settings):
                return _read_map(about, arrays, opened)
    except FileNotFoundError:
        raise MapError(f"The gallery {opened.name} has no map yet.", command=command) from None
    except _DAMAGED as error:
        raise MapError(f"The map of the gallery {opened.name} is damaged.", command=command) from error
    raise MapError(f"The map of the gallery {opened.name} is out of date.", command=command)


def save_code_layouts(
    opened: Gallery,
    layouts: dict[str, Layout],
    *,
    folder: Path,
    network: SimilarityNetwork,
    settings: MapSettings = MapSettings(),
) -> None:
    """Write the layouts of a network's codes beside the map, with the network's folder and digest."""
    about = {
        "identity": _identity(opened, settings),
        "layouts": {name: layout.trustworthiness for name, layout in layouts.items()},
        "folder": str(folder.absolute()),
        "network": files.network_digest(network),
    }
    _write(opened, opened.folder / places.CODES, about, _arrays(layouts))


def open_code_layouts(opened: Gallery, settings: MapSettings = MapSettings()) -> dict[str, Layout]:
    """The layouts of a network's codes; empty where there are none.

    Raises MapError where they are damaged, or where the gallery or the network has changed.
    """
    if not (opened.folder / places.CODES).exists():
        return {}
    folder = network_of_codes(opened) or Path("FOLDER")
    command = f"python -m pipeline map --gallery {shlex.quote(opened.name)} --network {shlex.quote(str(folder))}"
    try:
        with _load(opened.folder / places.CODES) as arrays:
            about = json.loads(str(arrays["about"]))
            if about["identity"] != _identity(opened, settings):
                raise MapError(f"The code maps of the gallery {opened.name} are out of date.", command=command)
            if about["network"] != files.network_digest(files.read_network(folder, opened.manifest["embedding"])):
                raise MapError(f"The network in {folder} has changed since its codes were mapped.", command=command)
            return _read_layouts(about, arrays, len(rows_on_map(len(opened))))
    except _DAMAGED as error:
        raise MapError(f"The code maps of the gallery {opened.name} are damaged.", command=command) from error
    except WeightsError as error:
        raise MapError(str(error), command=error.command) from error


def network_of_codes(opened: Gallery) -> Path | None:
    """The folder of the network whose codes are laid out, if any are."""
    try:
        with _load(opened.folder / places.CODES) as arrays:
            return Path(json.loads(str(arrays["about"]))["folder"])
    except _DAMAGED:
        return None


def _identity(opened: Gallery, settings: MapSettings) -> dict[str, Any]:
    """What a map and its gallery must agree on."""
    manifest = opened.manifest
    return {
        "format": _FORMAT,
        "generation": manifest["generation"],
        "embedding": manifest["embedding"],
        "embeddings": manifest["files"]["embeddings"]["sha256"],
        "settings": asdict(settings),
    }


def _arrays(layouts: dict[str, Layout]) -> dict[str, NDArray[Any]]:
    return {
        f"{name} {part}": getattr(layout, part) for name, layout in layouts.items() for part in ("places", "kept")
    }


def _write(opened: Gallery, target: Path, about: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    manifest = storage.read_manifest(opened.folder)
    if manifest is None:
        raise MapError(f"The gallery {opened.name} was deleted while its map was drawn.")
    # It would show people who have been removed.
    if manifest["files"]["embeddings"]["sha256"] != opened.manifest["files"]["embeddings"]["sha256"]:
        raise MapError(f"The gallery {opened.name} has changed while its map was drawn. Draw it again.")
    with storage.atomic_path(target) as temporary, temporary.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        file.close()
        storage.seal(temporary)


def problems(opened: Gallery) -> Iterator[tuple[Path, str]]:
    """The map and that of codes where they have changed since they were written, one sentence for each."""
    for path in (map_path(opened), opened.folder / places.CODES):
        if path.exists():
            try:
                with _load(path) as arrays:
                    json.loads(str(arrays["about"]))
                    # Reading an array compares its check sum.
                    list(arrays.values())
            except _DAMAGED:
                yield path, f"{path.name} has changed since it was written"


def _load(path: Path) -> Any:
    """The arrays of a file. Maps of earlier versions have no seal. Raises one of ``_DAMAGED``."""
    if not (storage.is_whole(path) or _ends_as_archive(path)):
        raise ValueError(f"{path.name} has changed since it was written")
    return np.load(path, allow_pickle=False)


def _ends_as_archive(path: Path) -> bool:
    """Whether a file ends as an archive without a seal, with the 22 bytes of its end record."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 22, 0))
        return file.read(4) == b"PK\x05\x06"


def _read_map(about: dict[str, Any], arrays: Any, opened: Gallery) -> FaceMap:
    rows = rows_on_map(len(opened))
    count = len(rows)
    layouts = _read_layouts(about, arrays, count)
    clusters, quality = _checked(arrays["clusters"], (count,)), _checked(arrays["quality"], (count,))
    typical = _typical(arrays, "typical", clusters, opened)
    families = _read_families(arrays, opened) if f"{_FAMILIES} doubles" in arrays else None
    return FaceMap(layouts, clusters, typical, about["silhouette"], about["purity"], quality, families)


def _typical(arrays: Any, name: str, groups: NDArray[Any], opened: Gallery) -> NDArray[np.int64]:
    """The most typical row of each group, (n,). Maps of earlier versions do not tell it."""
    if name not in arrays:
        return typical_rows(part_on_map(opened).embeddings, groups)
    typical = _checked(arrays[name], (int(groups.max()) + 1,))
    inside = (typical >= 0) & (typical < len(groups))
    if typical.dtype != np.int64 or not inside.all() or (groups[typical] != np.arange(len(typical))).any():
        raise ValueError("typical rows that do not fit")
    return typical


def _read_families(arrays: Any, opened: Gallery) -> Families:
    of_person, branches, doubles, cosines = (
        arrays[f"{_FAMILIES} {name}"] for name in ("of_person", "branches", "doubles", "cosines")
    )
    people = np.unique(opened.person_of_row[rows_on_map(len(opened))], return_inverse=True)[1]
    _checked(of_person, (int(people.max()) + 1,))
    _checked(cosines, (len(doubles),))
    if of_person.max() >= len(branches) or doubles.shape[1:] != (2,):
        raise ValueError("families that do not fit")
    if len(doubles) and not 0 <= doubles.min() <= doubles.max() < len(people):
        raise ValueError("doubles that do not fit")
    typical = _typical(arrays, f"{_FAMILIES} typical", of_person[people], opened)
    return Families(of_person, branches, typical, doubles, cosines)


def _read_layouts(about: dict[str, Any], arrays: Any, count: int) -> dict[str, Layout]:
    return {
        name: Layout(
            _checked(arrays[f"{name} places"], (count, 2)), _checked(arrays[f"{name} kept"], (count,)), trust
        )
        for name, trust in about["layouts"].items()
    }


def _checked(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"an array of shape {array.shape}")
    return array
