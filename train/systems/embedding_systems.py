"""Embedders as they are, and scikit-learn's classifiers on top of the default one's rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.embedding import registry
from pipeline.embedding.base import unit
from train.evaluation import protocols
from train.systems.system import System, SystemInputs, TrainedSystem, enrolled


def embedder(name: str) -> System:
    """An embedder by the name that ``--embedder`` takes, compared by cosine."""

    def make(inputs: SystemInputs, _: Path) -> TrainedSystem:
        return TrainedSystem(inputs.rows(name), *inputs.cost(name))

    slug = Path(name).stem.lower()
    title = registry.EMBEDDERS[name].title if name in registry.EMBEDDERS else slug
    return System(f"embedder-{slug}", f"{title}, cosine", "embedder", make, {"embedder": name})


# float32 (n, people): distances of rows to people.
_ToPeople = Callable[[np.ndarray], np.ndarray]
# From rows (n, 128), their people (n,) and a setting.
_Fit = Callable[[np.ndarray, np.ndarray, float], _ToPeople]


def _neighbours(rows: np.ndarray, people: np.ndarray, k: float) -> _ToPeople:
    from sklearn.neighbors import KNeighborsClassifier

    fitted = KNeighborsClassifier(int(k), weights="distance").fit(rows, people)

    def to_people(probes: np.ndarray) -> np.ndarray:
        # The votes rank people; whether it is any of them is told by how near the nearest photo is.
        nearest = fitted.kneighbors(probes, 1)[0]
        return 1 - fitted.predict_proba(probes) + nearest

    return to_people


def _machine(rows: np.ndarray, people: np.ndarray, c: float) -> _ToPeople:
    from sklearn.svm import LinearSVC

    fitted = LinearSVC(C=c).fit(rows, people)
    return lambda probes: -fitted.decision_function(probes)


def _centroid(rows: np.ndarray, people: np.ndarray, _: float) -> _ToPeople:
    from sklearn.neighbors import NearestCentroid

    centroids = unit(NearestCentroid().fit(rows, people).centroids_)
    return lambda probes: protocols.cosine_distances(probes, centroids)


def _chosen(fit: _Fit, values: tuple[float, ...], rows: np.ndarray, people: np.ndarray) -> float:
    """The value that is best for the last photo of each person, learned from the others."""
    last = np.r_[people[1:] != people[:-1], True]

    def right(value: float) -> float:
        found = fit(rows[~last], people[~last], value)(rows[last])
        return float(np.mean(found.argmin(axis=1) == people[last]))

    return max(values, key=right) if len(values) > 1 else values[0]


def _classifier(name: str, title: str, fit: _Fit, values: tuple[float, ...], parameters: int) -> System:
    def make(inputs: SystemInputs, _: Path) -> TrainedSystem:
        rows = inputs.rows(registry.DEFAULT_EMBEDDER)
        photos, people = enrolled(inputs)
        begun = time.perf_counter()
        to_people = fit(rows[photos], people, _chosen(fit, values, rows[photos], people))
        seconds = time.perf_counter() - begun
        begun = time.perf_counter()
        to_people(rows[:100])
        own_ms = (time.perf_counter() - begun) * 10
        size, embed_ms = inputs.cost(registry.DEFAULT_EMBEDDER)
        return TrainedSystem(
            rows, size + parameters * len(inputs.protocol.learn), embed_ms + own_ms, seconds, people=to_people
        )

    return System(name, f"FaceNet 128, {title}", "classifier", make, {"chosen among": list(values)})


CLASSIFIERS = (
    _classifier("knn", "k nearest neighbours", _neighbours, (1, 3, 5), 0),
    _classifier("svm", "linear SVM", _machine, (1.0, 10.0, 100.0), 129),
    _classifier("centroid", "nearest centroid", _centroid, (0.0,), 128),
)
EMBEDDERS = tuple(map(embedder, registry.EMBEDDERS))
