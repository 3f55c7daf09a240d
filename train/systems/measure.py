"""Figures and curves of a trained system."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.facenet import FACENET_128
from train.evaluation import metrics
from train.evaluation.distances import pair_distances, person_distances
from train.evaluation.protocols import ComparisonProtocol
from train.systems.system import SystemInputs, TrainedSystem, enrolled, row_numbers

_POINTS, _BINS, _RATES = 101, 60, 61
_FALSE_ALARMS = 0.01


def measure_system(system: TrainedSystem, inputs: SystemInputs) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures of a system, and its curves for drawing.

    Classifiers have only the figures of identification: they know no distance between two photos.
    """
    protocol = inputs.protocol
    has_face = np.any(inputs.rows(FACENET_128.name), axis=1)
    rows = np.where(has_face[:, None], system.rows, 0)
    learned, people = enrolled(inputs)
    probes, unknown = (row_numbers(protocol, photos) for photos in (protocol.probes, protocol.unknown))
    own = np.searchsorted(protocol.people[protocol.learn[:, 0]], protocol.people[protocol.probes])

    def to_people(photos: NDArray[np.int64]) -> NDArray[np.float64]:
        if system.to_people:
            values = system.to_people(rows[photos]).astype(np.float64)
        else:
            of_photos = system.distances(rows[photos], rows[learned])
            values = person_distances(of_photos, people, "min").astype(np.float64)
        values[~has_face[photos]] = np.inf
        return values

    figures: dict[str, Any] = _identification(to_people(probes), own, to_people(unknown))
    curves: dict[str, Any] = {}
    if not system.to_people:
        for more, drawn in (_thresholds(system, rows, protocol), _roc(system, rows, protocol)):
            figures |= more
            curves |= drawn
        curves["k_nearest"] = metrics.k_nearest(system.distances(rows[probes], rows[learned]), people, own)
        several = has_face[probes] & (np.bincount(own)[own] > 1)
        figures |= metrics.clustering(rows[probes[several]], own[several])
    figures["face_ms"] = system.face_ms
    return {name: round(value, 6) for name, value in figures.items()} | {"parameters": system.parameters}, curves


def _identification(
    known: NDArray[np.float64], own: NDArray[np.int64], unknown: NDArray[np.float64]
) -> dict[str, float]:
    """Rank-1 and rank-5 of the closed set, and DIR@FAR of the open set."""
    first, fifth = metrics.cmc(metrics.ranks(known, own), (1, 5))
    detected = metrics.dir_at_far(known, own, unknown, far=_FALSE_ALARMS)
    return {"rank_1": float(first), "rank_5": float(fifth), "dir_at_far_1e-2": detected}


def _thresholds(
    system: TrainedSystem, rows: NDArray[np.float32], protocol: ComparisonProtocol
) -> tuple[dict[str, float], dict[str, Any]]:
    """Verification at the threshold that is best on the choosing pairs, and curves over thresholds."""
    choose, report = (
        (pair_distances(rows, row_numbers(protocol, pairs.photos), system.distances), pairs.same)
        for pairs in (protocol.choose, protocol.report)
    )
    return threshold_figures(choose, report)


def threshold_figures(
    choose: tuple[NDArray[np.floating], NDArray[np.bool_]], report: tuple[NDArray[np.floating], NDArray[np.bool_]]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Figures on ``report`` at the best threshold of ``choose``, and their curves over thresholds.

    Both are distances (n,) and whether they are of one person (n,).
    """
    threshold = metrics.best_threshold(*choose)
    at = {name: float(value[0]) for name, value in metrics.confusion(*report, np.array([threshold])).items()}
    thresholds = np.linspace(np.nanmin(report[0]), np.nanmax(report[0]), _POINTS)
    curves = {name: _short(value) for name, value in metrics.confusion(*report, thresholds).items()}
    return {"threshold": threshold, **at}, {"threshold": {"threshold": _short(thresholds), **curves}}


def _roc(
    system: TrainedSystem, rows: NDArray[np.float32], protocol: ComparisonProtocol
) -> tuple[dict[str, float], dict[str, Any]]:
    photos = np.unique(protocol.report.photos)
    kept = rows[row_numbers(protocol, photos)]
    shown = np.any(kept, axis=1)
    distances = system.distances(kept[shown], kept[shown])
    return roc_figures(*all_pairs(distances, protocol.people[photos[shown]]))


def all_pairs(
    distances: NDArray[np.floating], people: NDArray[np.int64]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Distances among photos (n, n), split into those of all pairs of one person and of all pairs of two."""
    above = np.triu_indices(len(people), 1)
    values, same = distances[above], people[above[0]] == people[above[1]]
    return values[same], values[~same]


def roc_figures(
    to_same: NDArray[np.floating], to_different: NDArray[np.floating]
) -> tuple[dict[str, float], dict[str, Any]]:
    """AUC and TAR@FAR; the ROC curve, and the histograms of distances to the same person and to others."""
    curve = metrics.roc_curve(to_same, to_different)
    rates = np.geomspace(max(1e-5, 1 / len(to_different)), 1, _RATES)
    kinds = {"same": to_same, "different": to_different}
    low, high = (of([of(values) for values in kinds.values()]) for of in (np.min, np.max))
    edges = np.linspace(low, high, _BINS + 1)
    histograms = {name: _short(np.histogram(values, edges)[0] / len(values)) for name, values in kinds.items()}
    at = {f"tar_at_far_{name}": float(metrics.tar_at_far(curve, float(name))) for name in ("1e-2", "1e-3")}
    return {"auc": metrics.auc(curve), **at}, {
        "roc": {"far": _short(rates), "tar": _short(metrics.tar_at_far(curve, rates))},
        "histogram": {"edges": _short(edges), **histograms},
    }


def _short(values: NDArray[np.floating]) -> list[float]:
    """Four digits, enough for drawing."""
    return [float(f"{value:.4g}") for value in values]
