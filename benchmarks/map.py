"""``make benchmark-map``: fitting a map, opening it and placing a face, compared with umap-learn alone.

umap-learn gets the same rows, its defaults and a seed, because ours has one; it places new faces by ``transform``.
Its compilation, half a minute at first use, is not counted. Our time includes clusters, PCA and the map's quality.
The faces are a crowd (:mod:`benchmarks.crowd`); the new faces are other photos of its people.
``SIZES=5000,20000 make benchmark-map`` measures other sizes.
"""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import Line, exponent, report, times
from benchmarks.crowd import PER_PERSON, Crowd
from pipeline import tensorflow_loader
from pipeline.gallery.gallery import Gallery
from pipeline.map import files, queries
from pipeline.map.fitting import fit_map
from pipeline.map.layouts import UMAP, MapSettings
from pipeline.map.neighbours import Neighbours, most_similar_people, nearest_photos
from pipeline.map.quality import people_kept, trustworthiness

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "5000,20000,91310").split(","))
PLACED = 100
HERE, THEIRS = "here", "umap-learn"
# Upper limits in seconds.
AIMS = {"fit, s": 600.0, "open, s": 2.0, "first face placed, s": math.inf, "face placed, s": 0.05}
Row = dict[str, Any]


def main() -> None:
    """Measure every size, the smallest first."""
    tensorflow_loader.load_tensorflow()  # UMAP imports it too, with its start-up messages.
    import umap

    crowd = Crowd()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # UMAP warns that a seed limits it to one thread.
        model = umap.UMAP(random_state=0)
        # Compile. Below 4,096 faces, UMAP would take another path and compare all pairs.
        model.fit_transform(crowd.rows[:5000])
        model.transform(crowd.rows[5000:5001])
        rows = [row for size in SIZES for row in _measured(crowd, size)]
    by = {way: [row for row in rows if row["map"] == way] for way in (HERE, THEIRS)}
    grown = [_grown(way, some) for way, some in by.items() if len(SIZES) > 1]
    report("map", {"A map, compared with umap-learn with its defaults and a seed": [*rows, *grown]}, list(_lines(by)))


def _measured(crowd: Crowd, size: int) -> Iterator[Row]:
    """A row for our map, then one for umap-learn's."""
    import umap

    embeddings = np.concatenate(list(crowd.blocks(size)))
    random = np.random.default_rng(1)
    new = crowd.others(embeddings[random.choice(size, PLACED, replace=False)], random)
    with tempfile.TemporaryDirectory() as folder:
        opened = _gallery(Path(folder), embeddings)
        fitting, fitted = times(lambda: fit_map(opened), 1)
        files.save_map(opened, fitted)
        opening, layouts = times(lambda: files.open_map(opened).layouts, 5)
    places = layouts[UMAP].places

    def place(face: np.ndarray) -> np.ndarray:
        return queries.place_face(embeddings @ face, places)

    first, _ = times(lambda: place(new[0]), 1)
    placing, _ = times(lambda: place(new[1]), 20)
    quality = _quality(embeddings, places, new, np.stack([place(face) for face in new]))
    yield _row(HERE, size, (fitting, opening, first, placing), quality)
    print(f"{size:,} faces here: {fitting:.0f} s", flush=True)
    model = umap.UMAP(random_state=0)
    fitting, places = times(lambda: model.fit_transform(embeddings), 1)
    first, _ = times(lambda: model.transform(new[:1]), 1)
    placing, _ = times(lambda: model.transform(new[1:2]), 20)
    quality = _quality(embeddings, places, new, model.transform(new))
    yield _row(THEIRS, size, (fitting, math.nan, first, placing), quality)
    print(f"{size:,} faces by umap-learn: {fitting:.0f} s", flush=True)


def _row(way: str, size: int, seconds: tuple[float, ...], quality: tuple[float, ...]) -> Row:
    names = ("trustworthiness", "people kept", "people kept of new faces")
    return {
        "map": way,
        "faces": f"{size:,}",
        **dict(zip(AIMS, seconds, strict=True)),
        **dict(zip(names, quality, strict=True)),
    }


def _quality(rows: np.ndarray, places: np.ndarray, new: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """Trustworthiness, the share of people kept, and that of new faces, which are placed at ``found``."""
    settings, people = MapSettings(), _people(len(rows))
    count = int(people[-1]) + 1
    checked, near = settings.checked_of(count), settings.near_of(count)
    neighbours = Neighbours(rows)
    known, _ = nearest_photos(neighbours, settings.neighbours)
    similar = most_similar_people(neighbours, people, checked, known=known)
    share = people_kept(similar, places, people, near=near).mean()
    shares = []
    for face, place in zip(new, found, strict=True):
        nearest = queries.most_similar_people(rows @ face, people, count=checked)
        radius = queries.near_radius(places, place, people, near=near)
        shares.append(1 - queries.is_far(places[nearest], place, radius).mean())
    return trustworthiness(rows, places, settings), float(share), float(np.mean(shares))


def _people(faces: int) -> np.ndarray:
    """The number of each row's person, int32 (faces,)."""
    return np.arange(faces, dtype=np.int32) // PER_PERSON


def _gallery(folder: Path, rows: np.ndarray) -> Gallery:
    people = _people(len(rows)).astype(str)
    faces = pa.table({"person": people, "confidence": np.ones(len(rows)), "face_side_px": np.full(len(rows), 160)})
    manifest = {"generation": 1, "embedding": {}, "files": {"embeddings": {"sha256": ""}}}
    return Gallery(folder, manifest, faces, rows)


def _grown(way: str, rows: list[Row]) -> Row:
    powers = {name: exponent(SIZES, [row[name] for row in rows]) for name in AIMS if not np.isnan(rows[0][name])}
    return {name: powers.get(name, "") for name in rows[0]} | {"map": way, "faces": "grows with faces to the power"}


def _lines(by: dict[str, list[Row]]) -> Iterator[Line]:
    here, theirs = by[HERE][-1], by[THEIRS][-1]
    once = f", the first one {_seconds(theirs['first face placed, s'])}"
    what = {"fit, s": "fitted", "open, s": "opened", "face placed, s": "a new face placed"}
    for name in what:
        known, aim = not np.isnan(theirs[name]), AIMS[name]
        yield Line(
            f"map of {here['faces']} faces, {what[name]}",
            _seconds(here[name]),
            f"umap-learn: {_seconds(theirs[name])}{once if name == 'face placed, s' else ''}" if known else "–",
            theirs[name] / here[name],
            f"below {_seconds(aim)}",
            here[name] < aim,
        )


def _seconds(value: float) -> str:
    if value < 0.1:
        return f"{1000 * value:.2g} ms"
    return f"{value:.2g} s" if value < 1 else f"{value:.3g} s" if value < 600 else f"{value / 60:.0f} min"


if __name__ == "__main__":
    main()
