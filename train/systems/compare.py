"""Every system side by side: the same people, photos, pairs and budget, one table and one set of curves.

Each system is a run in the data folder's ``compared/``: config.json, history.csv where it learned, result.json, and
curves.json for drawing. One that is finished is not run again, one that was stopped goes on from its last epoch, and
one that cannot run says why in one sentence.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import storage
from pipeline.embedding import pair, registry
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.errors import UserError
from pipeline.faces.geometry import View
from train.evaluation import metrics, protocols
from train.runs import files, history
from train.systems import protocol
from train.systems.protocol import Budget, ComparisonProtocol
from train.systems.system import System, SystemInputs, TrainedSystem, enrolled, rows_of

if TYPE_CHECKING:
    from train.datasets.lfw import LFW

CURVES = "curves.json"
RECORDED = storage.ASSETS / "systems"
_SIDE_PX = 60
_CROP = View(1.0, 0.1)
# How a photo that is learned from is cut for networks that learn from nothing: the plain crop first.
_WAYS = (
    _CROP,
    View(1.0, 0.1, mirror=True),
    View(1.0, 0.05, turn_degrees=-6.0),
    View(1.0, 0.05, turn_degrees=6.0, mirror=True),
    View(1.0, 0.15, turn_degrees=4.0),
    View(1.0, 0.15, turn_degrees=-4.0, mirror=True),
    View(0.5, 0.12, turn_degrees=-3.0),
    View(0.5, 0.12, turn_degrees=3.0, mirror=True),
)


def folder() -> Path:
    """Where the user's compared systems lie."""
    return storage.home() / "compared"


def systems(onnx: Sequence[str] = ()) -> dict[str, System]:
    """All systems by name, the user's ONNX models among them."""
    from train.systems import embedding_systems, last_layer, scratch, similarity_nets, thin

    found = (
        *embedding_systems.EMBEDDERS,
        *map(embedding_systems.embedder, onnx),
        *embedding_systems.CLASSIFIERS,
        *similarity_nets.SYSTEMS,
        *last_layer.SYSTEMS,
        *scratch.SYSTEMS,
        *thin.SYSTEMS,
    )
    return {system.name: system for system in found}


@dataclass(frozen=True)
class LFWInputs:
    """What systems are given, of Labeled Faces in the Wild."""

    wild: LFW
    budget: Budget

    @cached_property
    def protocol(self) -> ComparisonProtocol:
        """Who is learned from, probed, refused and paired."""
        return protocol.lfw_comparison(self.wild)

    def rows(self, embedder: str) -> np.ndarray:
        """Unit rows of an embedder, zeros where a photo shows no face. Raises UserError where it cannot run."""
        return self.wild.embedded(embedder, self.protocol.photos)

    def views(self) -> np.ndarray:
        """The default embedder's rows of each view by itself, float32 (n, views, 128)."""
        settings = FACENET_SETTINGS
        parts = [self.wild.view(view, self.protocol.photos, settings.level_over_degrees) for view in settings.views]
        return np.stack(parts, axis=1)

    def crops(self) -> np.ndarray:
        """Small crops, uint8 (n, 60, 60, 3)."""
        return self.wild.crops(_CROP, _SIDE_PX, self.protocol.photos)

    def variants(self) -> np.ndarray:
        """Small crops of the photos that are learned from, each cut in several ways: uint8 (n, ways, 60, 60, 3)."""
        return np.stack([self.wild.crops(way, _SIDE_PX, self.protocol.learn.ravel()) for way in _WAYS], axis=1)

    def cost(self, embedder: str) -> tuple[int, float]:
        """Parameters of an embedder and what a face takes it, milliseconds: measured once, on 32 faces."""
        if embedder == pair.FACENET_PAIR.name:
            parts = [self.cost(part.name) for part in pair.PAIR_PARTS]
            return parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]
        path = folder() / "costs.json"
        known = storage.read_json(path) or {}
        if embedder not in known:
            from train.datasets.lfw import embedder_of

            loaded = embedder_of(embedder)
            found = [(number, face) for number in self.protocol.probes[:40] if (face := self.wild.faces[number])]
            crops = [loaded.crops(self.wild.photo(number), face) for number, face in found[:32]]
            loaded(crops)
            begun = time.perf_counter()
            loaded(crops)
            known[embedder] = [loaded.parameters, (time.perf_counter() - begun) * 1000 / len(crops)]
            storage.write_json(path, known)
        parameters, face_ms = known[embedder]
        return int(parameters), float(face_ms)


def compare(
    chosen: Sequence[System], inputs: SystemInputs, tell: Callable[[str], None] = print
) -> list[dict[str, Any]]:
    """Run the systems that are not finished, and give a row for each, the highest rank-1 first."""
    for number, system in enumerate(chosen, start=1):
        place, config = folder() / system.name, _config(system, inputs.budget)
        if storage.read_json(place / files.CONFIG) == config and _finished(place):
            continue
        tell(f"{number} of {len(chosen)}: {system.title}")
        # What another system taught there for itself stays: it says itself which budget it had.
        if storage.read_json(place / files.CONFIG) not in (None, config):
            shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        storage.write_json(place / files.CONFIG, config)
        try:
            made = system.make(inputs, place)
            figures, drawn = measured(made, inputs)
        except UserError as error:
            storage.write_json(place / files.RESULT, {"reason": str(error)})
            continue
        _write_compact(place / CURVES, drawn)
        figures["train_seconds"] = made.before_seconds + history.training_seconds(history.read_history(place))
        storage.write_json(place / files.RESULT, figures)
    return ranked([read_system(folder() / system.name) for system in chosen])


def _config(system: System, budget: Budget) -> dict[str, Any]:
    settings = {**system.settings, "budget": asdict(budget)}
    config = {"system": system.title, "kind": system.kind, "command": "python -m train compare", "settings": settings}
    return json.loads(json.dumps(config))


def _finished(place: Path) -> bool:
    # What could not run is tried again.
    return (place / CURVES).is_file() and "rank_1" in (storage.read_json(place / files.RESULT) or {})


def _write_compact(path: Path, values: dict[str, Any]) -> None:
    with storage.written_whole(path) as temporary:
        temporary.write_text(json.dumps(values, separators=(",", ":")) + "\n", encoding="utf-8")


def read_system(place: Path) -> dict[str, Any]:
    """A compared system as it lies on disk: name, system, kind, and its figures or the reason why there are none."""
    config, result = (storage.read_json(place / part) or {} for part in (files.CONFIG, files.RESULT))
    about = {"name": place.name, "system": config.get("system", place.name), "kind": config.get("kind", "")}
    if (place / files.HISTORY).is_file():
        budget = config["settings"]["budget"]
        about["steps"] = budget["steps"] * budget["epochs"]
    return about | (result or {"reason": "It has not finished."})


def curves(place: Path) -> dict[str, Any]:
    """The curves of a finished system; nothing where there are none that can be read."""
    return storage.read_json(place / CURVES) or {}


def ranked(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The highest rank-1 first, among equals who is more often found in the open set; last what could not run."""
    return sorted(rows, key=lambda row: (-row.get("rank_1", -1.0), -row.get("dir_at_far_1e-2", -1.0)))


HEAD = (
    "system",
    "rank-1",
    "verified",
    "F1",
    "AUC",
    "TAR@FAR 1e-3",
    "DIR@FAR 0.01",
    "parameters",
    "trained",
    "a face",
)


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A finished system as the cells under :data:`HEAD`; a dash for what classifiers do not have."""
    names = ("rank_1", "accuracy", "f1", "auc", "tar_at_far_1e-3", "dir_at_far_1e-2")
    shares = [f"{row[name]:.4f}" if name in row else "–" for name in names]
    seconds = f"{row['train_seconds']:.0f} s" if row["train_seconds"] else "–"
    return (row["system"], *shares, f"{row['parameters']:,}", seconds, f"{row['face_ms']:.3g} ms")


def all_systems() -> list[dict[str, Any]]:
    """The systems there are, each with its folder: the recorded ones, or in their place the user's that finished."""
    found = {path.parent.name: path.parent for path in RECORDED.glob(f"*/{files.CONFIG}")}
    own = {path.parent.name: path.parent for path in folder().glob(f"*/{files.RESULT}")}
    found |= {name: place for name, place in own.items() if name not in found or _finished(place)}
    return ranked([read_system(place) | {"folder": place} for place in found.values()])


def record() -> None:
    """Keep small copies of all finished systems with the project."""
    shutil.rmtree(RECORDED, ignore_errors=True)
    for result in folder().glob(f"*/{files.RESULT}"):
        target = RECORDED / result.parent.name
        target.mkdir(parents=True)
        for part in (files.CONFIG, files.HISTORY, files.RESULT, CURVES):
            if (result.parent / part).is_file():
                shutil.copyfile(result.parent / part, target / part)


def measured(made: TrainedSystem, inputs: SystemInputs) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures and curves of a system."""
    given = inputs.protocol
    has_face = np.any(inputs.rows(registry.DEFAULT_EMBEDDER), axis=1)
    rows = np.where(has_face[:, None], made.rows, 0)
    learned, people = enrolled(inputs)
    probes, unknown = (rows_of(given, photos) for photos in (given.probes, given.unknown))
    right = np.searchsorted(given.people[given.learn[:, 0]], given.people[given.probes])
    figures: dict[str, Any] = {}
    drawn: dict[str, Any] = {}

    def to_people(photos: np.ndarray) -> np.ndarray:
        if made.people:
            values = made.people(rows[photos]).astype(np.float64)
        else:
            values = protocols.person_distances(made.apart(rows[photos], rows[learned]), people, "min")
        values[~has_face[photos]] = np.inf
        return values

    figures |= metrics.identification(to_people(probes), right, to_people(unknown))
    if not made.people:
        figures |= _verified(made, rows, given, drawn)
        drawn["k_nearest"] = metrics.k_nearest(made.apart(rows[probes], rows[learned]), people, right)
        several = has_face[probes] & (np.bincount(right)[right] > 1)
        figures |= metrics.clustering(rows[probes[several]], right[several])
    figures["face_ms"] = made.face_ms
    return {name: round(value, 6) for name, value in figures.items()} | {"parameters": made.parameters}, drawn


def _verified(
    made: TrainedSystem, rows: np.ndarray, given: ComparisonProtocol, drawn: dict[str, Any]
) -> dict[str, float]:
    """Figures of verification; their curves are put among the others."""
    lists = [
        (protocols.pair_distances(rows, rows_of(given, pairs.photos), made.apart), pairs.same)
        for pairs in (given.choose, given.report)
    ]
    figures, drawn["threshold"] = metrics.verification(*lists)
    photos = np.unique(given.report.photos)
    kept = rows[rows_of(given, photos)]
    shown = np.any(kept, axis=1)
    apart = made.apart(kept[shown], kept[shown])
    more, found = metrics.roc(*metrics.all_pairs(apart, given.people[photos[shown]]))
    drawn |= found
    return figures | more
