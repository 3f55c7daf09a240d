"""The map of a gallery: a place on a plane for every face, and how far the plane can be trusted.

It is fitted once (``python -m pipeline map``) and kept as ``map.npz`` in the gallery's folder, with what it was
fitted on; opening one of other embeddings is refused. Whoever opens a map loads none of the libraries that fit it.
What the encoder of a trained network makes of the embeddings, its codes, can be laid out beside: ``codes.npz``.
"""

from __future__ import annotations

import json
import shlex
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import scorers, store
from pipeline.embedding import unit
from pipeline.errors import MapError, WeightsError
from pipeline.gallery import Gallery
from pipeline.similarity import Network

FORMAT = 1
FILE, CODES = "map.npz", "codes.npz"
UMAP, PCA = "UMAP", "PCA"
# The side of a face as FaceNet sees it: smaller faces have been enlarged for it.
_SHARP_SIDE_PX = 160
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class MapSettings:
    """How a map is fitted.

    neighbours, min_distance: UMAP's ``n_neighbors`` and ``min_dist``. umap_faces_min: fewer faces get PCA only.
    checked: how many nearest neighbours of each face are looked for on the map.
    near_max: they count as kept among so many nearest places, or a twentieth of all where that is fewer.
    clusters_min, clusters_max: two would mostly repeat the sources; no more than there are colours to tell apart.
    sample: measures that compare all faces with all others are taken on so many.
    """

    neighbours: int = 15
    min_distance: float = 0.1
    umap_faces_min: int = 30
    seed: int = 0
    checked: int = 10
    near_max: int = 50
    clusters_min: int = 3
    clusters_max: int = 7
    sample: int = 2000

    def checked_of(self, faces: int) -> int:
        """How many neighbours are looked for among ``faces``: fewer than half of them."""
        return min(self.checked, (faces - 1) // 2)

    def near_of(self, faces: int) -> int:
        """How many places on the map count as near."""
        return max(self.checked_of(faces), min(self.near_max, faces // 20))


@dataclass(frozen=True)
class Layout:
    """One way to lay the faces out.

    places: float32 (faces, 2) within -1..1, centred. kept: float32 (faces,), the share 0..1 of a face's nearest
    neighbours that are near it on the map too. trustworthiness: 0..1, of the whole (Venna and Kaski 2001).
    """

    places: np.ndarray
    kept: np.ndarray
    trustworthiness: float


@dataclass(frozen=True)
class Map:
    """What is known of a gallery's faces as a whole.

    layouts: by name, the best to look at first. clusters: uint8 (faces,), numbered from 0, the largest first.
    silhouette: -1..1, how well clusters are apart; NaN where there is but one. purity: 0..1, the share of photos that
    lie in the cluster of most photos of their person; NaN where nobody has several. quality: float32 (faces,), 0..1.
    """

    layouts: dict[str, Layout]
    clusters: np.ndarray
    silhouette: float
    purity: float
    quality: np.ndarray


def fit(opened: Gallery, settings: MapSettings = MapSettings(), progress: Progress = lambda *_: None) -> Map:
    """Lay out a gallery: minutes for 100,000 faces. ``progress`` is told the stage, and how much of it is done."""
    rows = np.ascontiguousarray(opened.embeddings)
    indices, cosines = _neighbours(rows, max(settings.neighbours, settings.checked), progress)
    progress("Finding clusters", 0, 0)
    clusters, silhouette = cluster(rows, settings)
    places = _places(rows, indices, cosines, settings, progress)
    layouts = _checked_layouts(places, rows, indices, settings, progress)
    return Map(layouts, clusters, silhouette, purity(clusters, opened.person_of_row), _quality(opened))


def fit_codes(
    opened: Gallery, network: Network, settings: MapSettings = MapSettings(), progress: Progress = lambda *_: None
) -> dict[str, Layout]:
    """Lay out what a network's encoder makes of a gallery.

    The measures are those of :func:`fit`, by the neighbours among the embeddings, so that layouts can be compared.
    """
    rows, wanted = np.ascontiguousarray(opened.embeddings), max(settings.neighbours, settings.checked)
    indices, _ = _neighbours(rows, wanted, progress)
    codes = unit(replace(network, cohort=None).codes(rows))
    places = _places(codes, *_neighbours(codes, wanted, progress), settings, progress)
    named = {f"{name} of codes": of for name, of in places.items()}
    return _checked_layouts(named, rows, indices, settings, progress)


def _places(
    rows: np.ndarray, indices: np.ndarray, cosines: np.ndarray, settings: MapSettings, progress: Progress
) -> dict[str, np.ndarray]:
    """Where each method puts unit rows of which these are the nearest others, framed."""
    plane = _pca(rows)
    places = {PCA: plane}
    if len(rows) >= settings.umap_faces_min:
        progress("Laying out by UMAP", 0, 0)
        places = {UMAP: _umap(rows, indices, cosines, plane, settings), **places}
    # UMAP finds no place for faces that are all copies of one.
    return {name: framed(of) for name, of in places.items() if np.isfinite(of).all()}


def _checked_layouts(
    places: dict[str, np.ndarray], rows: np.ndarray, indices: np.ndarray, settings: MapSettings, progress: Progress
) -> dict[str, Layout]:
    layouts = {}
    for name, of in places.items():
        progress(f"Checking {name}", 0, 0)
        share = kept(indices[:, : settings.checked_of(len(rows))], of, settings.near_of(len(rows)))
        layouts[name] = Layout(of, share, trustworthiness(rows, of, settings))
    return layouts


def _neighbours(
    rows: np.ndarray, wanted: int, progress: Progress, block: int = 4096
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest other rows, int64 (n, k), and their cosines, float32 (n, k), the nearest first; k < n."""
    import faiss

    count, wanted = len(rows), min(wanted, len(rows) - 1)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    found = []
    for start in range(0, count, block):
        progress("Finding neighbours", start, count)
        cosines, indices = index.search(rows[start : start + block], wanted + 1)
        # A copy of a row may come before the row itself, so that it is put last by its number.
        own = indices == np.arange(start, start + len(indices))[:, None]
        order = np.argsort(own, axis=1, kind="stable")[:, :wanted]
        found.append([np.take_along_axis(part, order, axis=1) for part in (indices, cosines)])
    progress("Finding neighbours", count, count)
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]


def _pca(rows: np.ndarray) -> np.ndarray:
    """The two directions in which rows differ most, float32 (n, 2)."""
    centred = rows - rows.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    first = directions[:, ::-1][:, :2]
    # A direction's sign is free: the same one on every machine.
    signs = np.sign(first[np.abs(first).argmax(axis=0), [0, 1]])
    return np.asarray(centred @ (first * signs), dtype=np.float32)


def _umap(
    rows: np.ndarray, indices: np.ndarray, cosines: np.ndarray, plane: np.ndarray, settings: MapSettings
) -> np.ndarray:
    from pipeline import tensorflow

    tensorflow.load()  # UMAP imports it, and less quietly.
    import umap

    own = np.arange(len(rows))[:, None]
    near = min(settings.neighbours, len(rows)) - 1
    distances = np.sqrt(np.maximum(2 - 2 * cosines[:, :near], 0))
    known = (
        np.hstack([own, indices[:, :near]]),
        np.hstack([np.zeros_like(own, np.float32), distances]).astype(np.float32),
        None,
    )
    # The start that UMAP's authors take, laid out by PCA so that both maps are turned alike.
    start = framed(plane) * 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That known neighbours cannot place new faces: they are placed otherwise.
        return np.asarray(
            umap.UMAP(
                n_neighbors=near + 1,
                min_dist=settings.min_distance,
                init=start,
                random_state=settings.seed,
                precomputed_knn=known,
            ).fit_transform(rows),
            dtype=np.float32,
        )


def framed(places: np.ndarray) -> np.ndarray:
    """Places moved and scaled into -1..1 on both axes alike, float32 (n, 2)."""
    low, high = places.min(axis=0), places.max(axis=0)
    side = float((high - low).max()) or 1.0
    return np.asarray((places - (low + high) / 2) * (2 / side), dtype=np.float32)


def kept(neighbours: np.ndarray, places: np.ndarray, near: int) -> np.ndarray:
    """The share, float32 (n,) 0..1, of each row's neighbours (n, k) that are among its ``near`` nearest places."""
    from scipy.spatial import cKDTree

    if not neighbours.shape[1]:
        return np.ones(len(places), np.float32)
    distances, _ = cKDTree(places).query(places, near + 1, workers=-1)
    apart = np.linalg.norm(places[neighbours] - places[:, None], axis=2)
    return np.asarray((apart <= distances[:, -1:] + 1e-6).mean(axis=1), dtype=np.float32)


def trustworthiness(rows: np.ndarray, places: np.ndarray, settings: MapSettings = MapSettings()) -> float:
    """How far neighbours on the map are neighbours in truth, 0..1 (Venna and Kaski 2001), by a sample of the rows.

    As ``sklearn.manifold.trustworthiness``, which needs all distances of all rows at once. One for tiny galleries.
    """
    from scipy.spatial import cKDTree

    count, near = len(rows), settings.checked_of(len(rows))
    if not near:
        return 1.0
    sample = _sample(count, settings)
    _, mapped = cKDTree(places).query(places[sample], near + 1, workers=-1)
    penalty = 0
    for start in range(0, len(sample), 256):
        own = sample[start : start + 256]
        cosines = rows[own] @ rows.T
        cosines[np.arange(len(own)), own] = np.inf
        order = np.argsort(mapped[start : start + 256] == own[:, None], axis=1, kind="stable")[:, :near]
        found = np.take_along_axis(mapped[start : start + 256], order, axis=1)
        for column in found.T:
            # How many rows are nearer; the row itself is one of them.
            rank = (cosines > cosines[np.arange(len(own)), column][:, None]).sum(axis=1)
            penalty += int(np.maximum(rank - near, 0).sum())
    return 1 - penalty * 2 / (len(sample) * near * (2 * count - 3 * near - 1))


def cluster(rows: np.ndarray, settings: MapSettings = MapSettings()) -> tuple[np.ndarray, float]:
    """Clusters by k-means, uint8 (n,), the largest first, and their silhouette: as many as make it best."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.metrics import silhouette_score

    best, score = np.zeros(len(rows), np.uint8), float("nan")
    sample = _sample(len(rows), settings)
    method = KMeans if len(rows) <= 20_000 else MiniBatchKMeans
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That equal rows make fewer clusters.
        for clusters in range(settings.clusters_min, min(settings.clusters_max, len(rows) - 1) + 1):
            labels = method(clusters, n_init=4, random_state=settings.seed).fit_predict(rows)
            if len(np.unique(labels[sample])) > 1:
                reached = float(silhouette_score(rows[sample], labels[sample], metric="cosine"))
                if not reached <= score:
                    best, score = labels, reached
    sizes = np.bincount(best)
    return np.argsort(np.argsort(-sizes, kind="stable"))[best].astype(np.uint8), score


def purity(clusters: np.ndarray, people: np.ndarray) -> float:
    """The share of photos in the cluster of most photos of their person, 0..1, of people with several; else NaN."""
    counts = np.zeros((people.max() + 1, clusters.max() + 1), np.int64)
    np.add.at(counts, (people, clusters), 1)
    several = counts[counts.sum(axis=1) > 1]
    return float(several.max(axis=1).sum() / several.sum()) if len(several) else float("nan")


def _quality(opened: Gallery) -> np.ndarray:
    """How good a photo is for the network, 0..1: MTCNN's confidence, less where the face had to be enlarged."""
    confidence, side = (opened.faces[name].to_numpy() for name in ("confidence", "face_side_px"))
    return np.clip(confidence * np.minimum(side / _SHARP_SIDE_PX, 1), 0, 1).astype(np.float32)


def _sample(count: int, settings: MapSettings) -> np.ndarray:
    generator = np.random.default_rng(settings.seed)
    return np.sort(generator.choice(count, min(count, settings.sample), replace=False))


def place(cosines: np.ndarray, places: np.ndarray, neighbours: int = 8) -> np.ndarray:
    """Where a new face belongs, float32 (2,): the middlemost place of its nearest neighbours, by its cosines (n,).

    Not their mean: where they lie in two parts of the map, nobody like the face lies between. Left out one by one,
    faces of the demonstration find 0.56 of their nearest neighbours near such a place, 0.50 near the mean, and 0.59
    near the place that UMAP itself gave them.
    """
    count = min(neighbours, len(cosines))
    nearest = np.argpartition(-cosines, count - 1)[:count]
    weights = np.exp((cosines[nearest] - cosines[nearest].max()) / 0.1)
    apart = np.linalg.norm(places[nearest][:, None] - places[nearest], axis=2)
    return places[nearest[(apart @ weights).argmin()]]


def within(places: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Whether places (n, 2) lie in a polygon (corners, 2): its edges to the right of them are odd in number."""
    odd = np.zeros(len(places), bool)
    x, y = places.T
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if y1 != y2:
            odd ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return odd


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


def path(opened: Gallery) -> Path:
    """Where a gallery's map lies."""
    return opened.folder / FILE


def save(opened: Gallery, fitted: Map, settings: MapSettings = MapSettings()) -> None:
    """Write a map into its gallery's folder, whole or not at all."""
    about = {
        "identity": _identity(opened, settings),
        "layouts": {name: layout.trustworthiness for name, layout in fitted.layouts.items()},
        "silhouette": fitted.silhouette,
        "purity": fitted.purity,
    }
    arrays = {"clusters": fitted.clusters, "quality": fitted.quality, **_arrays(fitted.layouts)}
    _write(path(opened), about, arrays)


def _arrays(layouts: dict[str, Layout]) -> dict[str, np.ndarray]:
    return {
        f"{name} {part}": getattr(layout, part) for name, layout in layouts.items() for part in ("places", "kept")
    }


def _write(target: Path, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    with store.written_whole(target) as temporary, temporary.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]


def save_codes(
    opened: Gallery, layouts: dict[str, Layout], folder: Path, network: Network, settings: MapSettings = MapSettings()
) -> None:
    """Write the layouts of a network's codes beside the map, with where the network lies and what identifies it."""
    about = {
        "identity": _identity(opened, settings),
        "layouts": {name: layout.trustworthiness for name, layout in layouts.items()},
        "folder": str(folder.absolute()),
        "network": scorers.digest_of(network),
    }
    _write(opened.folder / CODES, about, _arrays(layouts))


def open(opened: Gallery, settings: MapSettings = MapSettings()) -> Map:  # noqa: A001 - as in gallery.open(name)
    """Open a gallery's map. Raises MapError, with the command to run, where it is missing, damaged or stale."""
    command = f"python -m pipeline map --gallery {shlex.quote(opened.name)}"
    try:
        with np.load(path(opened), allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            stale = about["identity"] != _identity(opened, settings)
            read = _read(about, arrays, len(opened)) if not stale else None
    except FileNotFoundError:
        raise MapError(f"The gallery {opened.name} has no map yet. Make it: {command}") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise MapError(f"The map of the gallery {opened.name} is damaged. Make it anew: {command}") from error
    if read is None:
        raise MapError(f"The gallery {opened.name} has changed since its map was made. Make it anew: {command}")
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
    command = f"python -m pipeline map --gallery {shlex.quote(opened.name)} --network"
    if not (opened.folder / CODES).exists():
        return {}
    folder = network_folder(opened) or Path("FOLDER")
    command = f"Make them anew: {command} {shlex.quote(str(folder))}"
    try:
        with np.load(opened.folder / CODES, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            if about["identity"] != _identity(opened, settings):
                raise MapError(f"The gallery {opened.name} has changed since codes of it were laid out. {command}")
            if about["network"] != scorers.digest_of(scorers.read_network(folder)):
                raise MapError(f"The network in {folder} has changed since its codes were laid out. {command}")
            return _layouts(about, arrays, len(opened))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise MapError(f"The layouts of codes of the gallery {opened.name} are damaged. {command}") from error
    except WeightsError as error:
        raise MapError(str(error)) from error


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
