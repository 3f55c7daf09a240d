"""Metrics of distances: verification, identification, calibration, k-NN and clustering.

Pure functions over :mod:`sklearn.metrics`. Smaller distances are more alike. A photo without a face has the distance
NaN in a pair and infinity as a probe; both count as errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

K_NEAREST = (1, 3, 5, 7, 9)


class RocCurve(NamedTuple):
    """False and true accept rates, both ascending from 0 to 1, float64 (points,)."""

    far: NDArray[np.float64]
    tar: NDArray[np.float64]


def roc_curve(to_same: NDArray[np.floating], to_different: NDArray[np.floating]) -> RocCurve:
    """The ROC curve of pairs of one person, distances (n,), against pairs of two people, (m,)."""
    from sklearn.metrics import roc_curve as sklearn_roc_curve

    values, counts = np.unique(to_same, return_counts=True)
    different = np.sort(to_different)
    below, up_to = (np.searchsorted(different, values, side) for side in ("left", "right"))
    # The curve turns only at pairs of one person. The pairs of two between them become one weighted sample: sklearn
    # would take seconds to sort ten million.
    gaps = np.diff(np.c_[np.r_[0, up_to], np.r_[below, len(different)]])[:, 0]
    at = np.arange(len(values)) * 2 + 1
    places = np.concatenate([at, at, np.arange(len(gaps)) * 2])
    weights = np.concatenate([counts, up_to - below, gaps])
    same = np.arange(len(places)) < len(values)
    far, tar, _ = sklearn_roc_curve(same, -places, sample_weight=weights, drop_intermediate=False)
    return RocCurve(far, tar)


def auc(curve: RocCurve) -> float:
    """Area under the ROC curve."""
    from sklearn import metrics

    return float(metrics.auc(curve.far, curve.tar))


def tar_at_far(curve: RocCurve, far: ArrayLike) -> NDArray[np.float64]:
    """The highest true accept rate whose false accept rate is at most ``far`` (a number, or rates of any shape)."""
    # The curve's rates are quotients of counts: allow for their rounding.
    return curve.tar[np.searchsorted(curve.far, np.asarray(far) * (1 + 1e-9), "right") - 1]


def confusion(
    distances: NDArray[np.floating], same: NDArray[np.bool_], thresholds: NDArray[np.floating]
) -> dict[str, NDArray[np.float64]]:
    """Accuracy, precision, recall and F1 of accepting pairs below each threshold, float64 (thresholds,).

    distances (n,), same (n,): whether a pair shows one person. Precision is 1 where no pair is accepted.
    """
    known = np.where(np.isnan(distances), np.inf, distances)
    accepted = known[None] < thresholds[:, None]
    correct = (accepted & same).sum(axis=1)
    accuracy = (accepted == same)[:, ~np.isnan(distances)].sum(axis=1) / len(distances)
    precision = np.where(accepted.any(axis=1), correct / np.maximum(accepted.sum(axis=1), 1), 1.0)
    recall = correct / max(same.sum(), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1}


def best_threshold(distances: NDArray[np.floating], same: NDArray[np.bool_]) -> float:
    """The threshold of the highest accuracy, midway between two of the distances (n,)."""
    known = ~np.isnan(distances)
    order = np.argsort(distances[known])
    ordered, labels = distances[known][order], same[known][order]
    # Correct at a cut before position i: pairs of one person below it, pairs of two from it on.
    correct = np.r_[0, np.cumsum(labels)] + np.r_[np.cumsum(~labels[::-1])[::-1], 0]
    cut = int(np.argmax(correct))
    return float(np.r_[ordered[:1], ordered, ordered[-1:]][cut : cut + 2].mean())


def fold_accuracies(
    distances: NDArray[np.floating], same: NDArray[np.bool_], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Accuracy on each fold at the best threshold of the other folds (Huang et al. 2007), float64 (folds,)."""
    accuracies = []
    for fold in np.unique(folds):
        inside = folds == fold
        threshold = best_threshold(distances[~inside], same[~inside])
        accuracies.append(confusion(distances[inside], same[inside], np.array([threshold]))["accuracy"][0])
    return np.array(accuracies)


def ranks(distances: NDArray[np.floating], own: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank of each probe's own person from 1, int64 (probes,). Ties count against it.

    distances (probes, people), own (probes,) the column of the own person. A probe without a face gets people + 1.
    """
    to_own = distances[np.arange(len(distances)), own]
    counted = (distances <= to_own[:, None]).sum(axis=1)
    return np.where(np.isfinite(to_own), counted, distances.shape[1] + 1)


def cmc(ranks: NDArray[np.int64], k: Sequence[int]) -> NDArray[np.float64]:
    """Cumulative match characteristic: the share of probes whose own person is among the first k, for each k."""
    return np.mean(ranks[None] <= np.asarray(k)[:, None], axis=1)


def rank_1(ranks: NDArray[np.int64]) -> float:
    """The share of probes whose own person comes first."""
    return float(cmc(ranks, (1,))[0])


def dir_at_far(
    known: NDArray[np.floating], own: NDArray[np.int64], unknown: NDArray[np.floating], *, far: float
) -> float:
    """Detection and identification rate of an open set at a false alarm rate.

    The share of enrolled probes that rank first and are nearer than the threshold below which ``far`` of the unknown
    probes fall. known (probes, people) and unknown (m, people) are distances, own (probes,) the own person's column.
    """
    threshold = np.sort(unknown.min(axis=1))[int(len(unknown) * far)]
    to_own = known[np.arange(len(known)), own]
    return float(np.mean((ranks(known, own) == 1) & (to_own < threshold)))


class Reliability(NamedTuple):
    """A reliability curve, a point for each bin that is not empty.

    said, same (bins,): mean predicted probability and true share of pairs of one person. share (bins,): of the
    weight of all pairs. pairs (bins,): how many.
    """

    said: NDArray[np.float64]
    same: NDArray[np.float64]
    share: NDArray[np.float64]
    pairs: NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error (Guo et al. 2017): the mean gap between said and true share."""
        return float(np.sum(np.abs(self.said - self.same) * self.share))


def reliability_curve(
    said: NDArray[np.floating],
    same: NDArray[np.bool_],
    *,
    weights: NDArray[np.floating] | None = None,
    bins: int = 10,
) -> Reliability:
    """Compare predicted probabilities (n,) in 0..1 with the truth (n,), in bins of equal width."""
    weights = np.ones(len(said)) if weights is None else weights
    places = np.minimum((said * bins).astype(int), bins - 1)
    total, of_said, of_same = (np.bincount(places, weights * values, bins) for values in (1, said, same))
    filled = total > 0
    counts = np.bincount(places, minlength=bins)
    return Reliability(
        of_said[filled] / total[filled], of_same[filled] / total[filled], total[filled] / total.sum(), counts[filled]
    )


def k_nearest(
    distances: NDArray[np.floating], labels: NDArray[np.int64], own: NDArray[np.int64]
) -> dict[str, list[float]]:
    """Accuracy of distance-weighted k-NN for each k of :data:`K_NEAREST` that the gallery allows.

    distances (probes, photos), labels (photos,) of the gallery, own (probes,) the label of each probe.
    """
    from sklearn.neighbors import KNeighborsClassifier

    accuracies = []
    possible = [k for k in K_NEAREST if k <= len(labels)]
    for k in possible:
        classifier = KNeighborsClassifier(k, metric="precomputed", weights="distance", algorithm="brute")
        classifier.fit(np.zeros((len(labels), len(labels))), labels)
        accuracies.append(float(np.mean(classifier.predict(np.maximum(distances, 1e-6)) == own)))
    return {"k": list(map(float, possible)), "accuracy": accuracies}


def clustering(rows: NDArray[np.float32], people: NDArray[np.int64], *, seed: int = 0) -> dict[str, float]:
    """Adjusted Rand index and mutual information of k-means and agglomerative clusters, as many as there are people.

    rows float32 (n, d) unit rows, people (n,).
    """
    from sklearn.cluster import AgglomerativeClustering, KMeans
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    count = len(np.unique(people))
    methods = {
        "k_means": KMeans(count, n_init=1, random_state=seed),
        "agglomerative": AgglomerativeClustering(count, metric="cosine", linkage="average"),
    }
    figures: dict[str, float] = {}
    for name, method in methods.items():
        clusters = method.fit_predict(rows)
        figures[f"{name}_ari"] = float(adjusted_rand_score(people, clusters))
        figures[f"{name}_nmi"] = float(normalized_mutual_info_score(people, clusters))
    return figures
