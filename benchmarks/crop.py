"""``make benchmark-crop``: which crops to show FaceNet, chosen on the people of LFW view 1 (never on view 2).

One-shot rank-1 over the 4,038 people of ``peopleDevTrain.txt`` and the 1,711 of ``peopleDevTest.txt``: crops and
mirror images, centring, levelling of rolled heads, and the distance between a photo and its copies.
"""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from benchmarks import explained, report
from pipeline import photo
from pipeline.cli.console import tracked
from pipeline.embedding.base import EmbedderEntry, unit
from pipeline.embedding.facenet import FACENET_128, FACENET_SETTINGS
from pipeline.embedding.pair import FACENET_SFACE
from pipeline.errors import UserError
from pipeline.faces.geometry import View
from train.datasets.lfw import LFW, NEVER_LEVEL, loaded_detector, loaded_facenet
from train.evaluation import measuring
from train.evaluation.distances import cosine_distances
from train.evaluation.protocols import VIEW_1_DRAWS

VIEWS = (View(1.0, 0.0), View(1.0, 0.1), View(0.0, 0.1), *FACENET_SETTINGS.views[::2])
ANGLES = (0, 10, 15, 20, 30, 45, 60, 90)


def main() -> None:
    """Measure every choice and print its table."""
    lfw = LFW()
    test = lfw.photos_of("peopleDevTest.txt")
    report(
        "crop",
        {
            "Crops: one-shot rank-1, mean and s.d. of 10 draws": _crops(lfw),
            "Centring: the mean of the 4,038 people of peopleDevTrain subtracted": _centring(lfw),
            "Levelling: rank-1 of turned probes, by the roll over which a face is levelled": _levelling(lfw, test),
            "Copies: distance between a photo and a copy of it, or another photo of the same person": [
                row for entry in (FACENET_128, FACENET_SFACE) for row in _copies(lfw, test, entry)
            ],
        },
    )


def _rank_1(lfw: LFW, rows: NDArray[np.float32]) -> dict[str, object]:
    """One-shot rank-1 among the people of each list."""
    found: dict[str, object] = {}
    for title, people_list in (("4,038 people", "peopleDevTrain.txt"), ("1,711 people", "peopleDevTest.txt")):
        photos = lfw.photos_of(people_list)
        draws = (
            measuring.one_shot(rows[photos], lfw.people[photos], cosine_distances, draw) for draw in VIEW_1_DRAWS
        )
        found[title] = measuring.spread([draw["rank_1"] for draw in draws])
    return found


def _crops(lfw: LFW) -> list[dict[str, object]]:
    everything, limit = np.arange(len(lfw)), FACENET_SETTINGS.level_over_degrees
    plain = {view: lfw.view(view, everything, limit) for view in VIEWS}
    mirrored = {view: lfw.view(replace(view, mirror=True), everything, limit) for view in VIEWS}
    table: list[dict[str, object]] = []

    def add(crops: str, passes: int, parts: list[NDArray[np.float32]]) -> None:
        table.append({"crops": crops, "passes": passes, **_rank_1(lfw, unit(np.mean(parts, axis=0)))})

    for view in VIEWS:
        add(_name(view), 1, [plain[view]])
    for count in (1, 2, 3):
        for chosen in itertools.combinations(VIEWS, count):
            title = " and ".join(map(_name, chosen))
            add(f"{title}, mirrored too", 2 * count, [way[view] for view in chosen for way in (plain, mirrored)])
    return table


def _name(view: View) -> str:
    shape = {0.0: "box", 0.5: "halfway", 1.0: "square"}[view.squareness]
    return f"{shape} {view.margin_ratio:+.2f}" + (f" turned {view.turn_degrees:+.0f}°" if view.turn_degrees else "")


def _centring(lfw: LFW) -> list[dict[str, object]]:
    embeddings = lfw.embeddings()
    mean = embeddings[lfw.photos_of("peopleDevTrain.txt")].mean(axis=0)
    centred = np.where(embeddings.any(axis=1, keepdims=True), unit(embeddings - mean), 0)
    return [
        {"embeddings": "as they are", **_rank_1(lfw, embeddings)},
        {"embeddings": "centred", **_rank_1(lfw, centred)},
    ]


def _levelling(lfw: LFW, test: NDArray[np.int64]) -> list[dict[str, object]]:
    embeddings = lfw.embeddings()
    _, first = np.unique(lfw.people[test], return_index=True)
    gallery = test[first]
    second = first[np.bincount(lfw.people[test])[np.unique(lfw.people[test])] > 1] + 1
    probes = test[second]
    embedder = loaded_facenet()
    table = []
    for angle in tracked(ANGLES, "Turning probes", "angles"):
        turned = [_turned(photo.read(lfw.paths[number]), angle) for number in probes]
        detected = loaded_detector()(turned)
        row: dict[str, object] = {"turned by": f"{angle}°", "found": sum(map(bool, detected)) / len(probes)}
        with_face = [place for place, found in enumerate(detected) if found]
        rolls = np.abs([detected[place][0].roll_degrees for place in with_face])
        right = {}
        for limit in (NEVER_LEVEL, 0.0):
            embedder.settings = replace(FACENET_SETTINGS, level_over_degrees=limit)
            rows = embedder([embedder.crops(turned[place], detected[place][0]) for place in with_face])
            nearest = gallery[np.argmax(rows @ embeddings[gallery].T, axis=1)]
            right[limit] = lfw.people[nearest] == lfw.people[probes[with_face]]
        for limit in (NEVER_LEVEL, 30.0, 20.0, 10.0, 5.0, 0.0):
            chosen = np.where(rolls > limit, right[0.0], right[NEVER_LEVEL])
            row["never" if limit == NEVER_LEVEL else f"over {limit:.0f}°"] = float(chosen.sum() / len(probes))
        table.append(row)
    embedder.settings = FACENET_SETTINGS
    return table


def _turned(picture: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """The photo rotated clockwise about its centre, with the corners filled by repeated edges."""
    pad = picture.shape[0] // 4
    padded = Image.fromarray(np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), mode="edge"))
    return np.asarray(padded.rotate(-degrees, Image.Resampling.BICUBIC))[pad:-pad, pad:-pad]


def _copies(lfw: LFW, test: NDArray[np.int64], entry: EmbedderEntry) -> list[dict[str, object]]:
    embeddings, embedder = lfw.embedded(entry.name, np.arange(len(lfw))), entry.load()
    chosen = test[::8]
    ways: dict[str, Callable[[Image.Image], Image.Image]] = {
        "JPEG of quality 50": lambda picture: _jpeg(picture, 50),
        "half the size": lambda picture: picture.resize((125, 125)),
        "a tenth cut off on each side": lambda picture: picture.crop((25, 25, 225, 225)),
        "brighter by a fifth": lambda picture: ImageEnhance.Brightness(picture).enhance(1.2),
    }
    table = []
    for name, way in ways.items():
        copies = [np.asarray(way(Image.open(lfw.paths[number]).convert("RGB"))) for number in chosen]
        detected = loaded_detector()(copies)
        crops = [embedder.crops(copy, found[0]) for copy, found in zip(copies, detected, strict=True) if found]
        kept = [number for number, found in zip(chosen, detected, strict=True) if found]
        table.append(_percentiles(entry, name, (embedder(crops) * embeddings[kept]).sum(axis=1)))
    others = []
    for person in np.unique(lfw.people[test]):
        rows = embeddings[test[lfw.people[test] == person]]
        others += (rows @ rows.T)[np.triu_indices(len(rows), 1)].tolist()
    return [*table, _percentiles(entry, "another photo of the same person", np.array(others))]


def _percentiles(entry: EmbedderEntry, name: str, values: NDArray[np.floating]) -> dict[str, object]:
    distances = (1 - values) / 2
    shares = {"0.1 %": 0.1, "1 %": 1, "50 %": 50, "95 %": 95, "99 %": 99}
    return {
        "by": entry.name,
        "to": name,
        **{title: float(np.percentile(distances, share)) for title, share in shares.items()},
    }


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
