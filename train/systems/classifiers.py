"""scikit-learn's classifiers on FaceNet's rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import unit
from pipeline.embedding.facenet import FACENET_128
from train.evaluation.distances import cosine_distances
from train.systems.system import System, SystemInputs, TrainedSystem, enrolled

# Distances (n, people) of rows (n, d) to people.
_ToPeople = Callable[[NDArray[np.float32]], NDArray[np.floating]]
# Fits a classifier to rows (n, d), their people (n,) and a setting.
_Fit = Callable[[NDArray[np.float32], NDArray[np.int64], float], _ToPeople]


def _k_neighbours(rows: NDArray[np.float32], people: NDArray[np.int64], k: float) -> _ToPeople:
    from sklearn.neighbors import KNeighborsClassifier

    fitted = KNeighborsClassifier(int(k), weights="distance").fit(rows, people)

    def to_people(probes: NDArray[np.float32]) -> NDArray[np.floating]:
        # Votes rank the people. The distance to the nearest photo tells whether it is any of them.
        nearest = fitted.kneighbors(probes, 1)[0]
        return 1 - fitted.predict_proba(probes) + nearest

    return to_people


def _linear_svm(rows: NDArray[np.float32], people: NDArray[np.int64], c: float) -> _ToPeople:
    from sklearn.svm import LinearSVC

    fitted = LinearSVC(C=c).fit(rows, people)
    return lambda probes: -fitted.decision_function(probes)


def _centroids(rows: NDArray[np.float32], people: NDArray[np.int64], _: float) -> _ToPeople:
    from sklearn.neighbors import NearestCentroid

    centroids = unit(NearestCentroid().fit(rows, people).centroids_)
    return lambda probes: cosine_distances(probes, centroids)


def _best_setting(
    fit: _Fit, values: tuple[float, ...], rows: NDArray[np.float32], people: NDArray[np.int64]
) -> float:
    """The setting that is best for the last photo of each person, fitted on the others."""
    last = np.r_[people[1:] != people[:-1], True]

    def accuracy(value: float) -> float:
        found = fit(rows[~last], people[~last], value)(rows[last])
        return float(np.mean(found.argmin(axis=1) == people[last]))

    return max(values, key=accuracy) if len(values) > 1 else values[0]


def _classifier(name: str, title: str, fit: _Fit, values: tuple[float, ...], parameters: int) -> System:
    """A classifier with the best of some settings. parameters: for each person."""

    def make(inputs: SystemInputs, _: Path) -> TrainedSystem:
        rows = inputs.rows(FACENET_128.name)
        photos, people = enrolled(inputs)
        begun = time.perf_counter()
        to_people = fit(rows[photos], people, _best_setting(fit, values, rows[photos], people))
        seconds = time.perf_counter() - begun
        begun = time.perf_counter()
        to_people(rows[:100])
        own_ms = (time.perf_counter() - begun) * 10
        size, embed_ms = inputs.cost(FACENET_128.name)
        size += parameters * len(inputs.protocol.learn)
        return TrainedSystem(rows, size, embed_ms + own_ms, seconds, to_people=to_people)

    return System(name, f"FaceNet 128, {title}", "classifier", make, {"chosen among": list(values)})


SYSTEMS = (
    _classifier("knn", "k nearest neighbours", _k_neighbours, (1, 3, 5), 0),
    _classifier("svm", "linear SVM", _linear_svm, (1.0, 10.0, 100.0), 129),
    _classifier("centroid", "nearest centroid", _centroids, (0.0,), 128),
)
