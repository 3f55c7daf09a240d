"""How good distances are: verification over thresholds, identification in closed and open sets, k-NN, clustering.

Pure functions of distances, smaller is more alike, NaN or infinite where a photo shows no face: that is an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from train.evaluation import protocols

K = (1, 3, 5, 7, 9)
_POINTS, _BINS = 101, 60


def confusion(values: np.ndarray, same: np.ndarray, thresholds: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy, precision, recall and F1 of taking pairs below each threshold for one person, float64 (thresholds,).

    values (n,) are distances of pairs, same (n,) bool. Where no pair is taken for one person, precision is 1.
    """
    # What is NaN is below nothing, and wrong whatever it is.
    known = np.where(np.isnan(values), np.inf, values)
    taken = known[None] < thresholds[:, None]
    right = (taken & same).sum(axis=1)
    accuracy = (taken == same)[:, ~np.isnan(values)].sum(axis=1) / len(values)
    precision = np.where(taken.any(axis=1), right / np.maximum(taken.sum(axis=1), 1), 1.0)
    recall = right / same.sum()
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1}


def verification(
    choose: tuple[np.ndarray, np.ndarray], report: tuple[np.ndarray, np.ndarray]
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Figures at the threshold that is best on ``choose``, taken on ``report``, and their curves over thresholds.

    Both are distances (n,) with whether they are of one person (n,).
    """
    threshold = protocols.best_threshold(*choose)
    at = {name: float(value[0]) for name, value in confusion(*report, np.array([threshold])).items()}
    low, high = np.nanmin(report[0]), np.nanmax(report[0])
    thresholds = np.linspace(low, high, _POINTS)
    curves = {name: _short(value) for name, value in confusion(*report, thresholds).items()}
    return {"threshold": threshold, **at}, {"threshold": _short(thresholds), **curves}


def roc(to_same: np.ndarray, to_others: np.ndarray) -> tuple[dict[str, float], dict[str, Any]]:
    """Area under the ROC curve, true accepts at 1 and 0.1 % false ones; the curve, and both kinds as histograms.

    to_same (n,) and to_others (m,): distances of all pairs of one person and of two.
    """
    others, same = np.sort(to_others), np.sort(to_same)
    places = [np.searchsorted(others, same, side) for side in ("left", "right")]
    rates = np.geomspace(max(1e-5, 1 / len(others)), 1, 61)
    accepted = np.searchsorted(same, others[np.minimum((rates * len(others)).astype(int), len(others) - 1)]) / len(
        same
    )

    def at(rate: float) -> float:
        return float(np.mean(same < others[int(len(others) * rate)]))

    edges = np.linspace(min(same[0], others[0]), max(same[-1], others[-1]), _BINS + 1)
    kinds = {"same": same, "different": others}
    histograms = {name: _short(np.histogram(part, edges)[0] / len(part)) for name, part in kinds.items()}
    figures = {
        "auc": float(1 - np.mean(places) / len(others)),
        "tar_at_far_1e-2": at(1e-2),
        "tar_at_far_1e-3": at(1e-3),
    }
    curves = {
        "roc": {"far": _short(rates), "tar": _short(accepted)},
        "histogram": {"edges": _short(edges), **histograms},
    }
    return figures, curves


def all_pairs(distances: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances among photos (n, n) as those of all pairs of one person and of all pairs of two."""
    above = np.triu_indices(len(people), 1)
    values, same = distances[above], people[above[0]] == people[above[1]]
    return values[same], values[~same]


def identification(known: np.ndarray, right: np.ndarray, unknown: np.ndarray, far: float = 0.01) -> dict[str, float]:
    """Rank-1 and rank-5 of the closed set, and what is detected and identified in the open set.

    known (probes, people) are distances of probes to people, right (probes,) the place of each probe's own person,
    unknown (m, people) those of people who are not enrolled. dir_at_far_1e-2: the share of known probes that are
    identified and nearer than the threshold that a hundredth of the unknown ones falls below.
    """
    own = known[np.arange(len(known)), right]
    ranks = (known <= own[:, None]).sum(axis=1)
    first = (ranks == 1) & np.isfinite(own)
    threshold = np.sort(unknown.min(axis=1))[int(len(unknown) * far)]
    return {
        "rank_1": float(np.mean(first)),
        "rank_5": float(np.mean((ranks <= 5) & np.isfinite(own))),
        "dir_at_far_1e-2": float(np.mean(first & (own < threshold))),
    }


def k_nearest(distances: np.ndarray, labels: np.ndarray, right: np.ndarray) -> dict[str, list[float]]:
    """Accuracy of the k nearest neighbours, nearer ones counting more, for each k of :data:`K`.

    distances (probes, photos), labels (photos,) of the gallery, right (probes,) the label of each probe.
    """
    from sklearn.neighbors import KNeighborsClassifier

    accuracies = []
    possible = [k for k in K if k <= len(labels)]
    for k in possible:
        fitted = KNeighborsClassifier(k, metric="precomputed", weights="distance", algorithm="brute")
        fitted.fit(np.zeros((len(labels), len(labels))), labels)
        accuracies.append(float(np.mean(fitted.predict(np.maximum(distances, 1e-6)) == right)))
    return {"k": list(map(float, possible)), "accuracy": accuracies}


def clustering(rows: np.ndarray, people: np.ndarray, seed: int = 0) -> dict[str, float]:
    """How well k-means and agglomerative clustering find the people: adjusted Rand index and mutual information.

    rows float32 (n, d) unit rows, people (n,); there are as many clusters as people.
    """
    from sklearn.cluster import AgglomerativeClustering, KMeans
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    count = len(np.unique(people))
    ways = {
        "k_means": KMeans(count, n_init=1, random_state=seed),
        "agglomerative": AgglomerativeClustering(count, metric="cosine", linkage="average"),
    }
    found: dict[str, float] = {}
    for name, way in ways.items():
        clusters = way.fit_predict(rows)
        found[f"{name}_ari"] = float(adjusted_rand_score(people, clusters))
        found[f"{name}_nmi"] = float(normalized_mutual_info_score(people, clusters))
    return found


def _short(values: np.ndarray) -> list[float]:
    """Few digits, as the files are for drawing."""
    return [float(f"{value:.4g}") for value in values]
