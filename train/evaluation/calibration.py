"""What distances mean: fitting the logistic curve, measuring strangers, and how well the probabilities hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.similarity.calibration import Calibration
from train.evaluation import metrics, protocols
from train.evaluation.distances import Distances
from train.evaluation.measuring import OneShotDraw, one_shot_draw

# Shares of strangers whose distance a calibration knows; the rarer ones only where there are as many pairs.
_STRANGER_SHARES = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9)
_STRANGERS_ENOUGH = 10
_SHARE_MIN = 0.001
_PHOTOS_MAX = 10
_STRANGERS_MAX = 200_000


@dataclass(frozen=True)
class WeightedPairs:
    """Pairs of photos: distances (n,), whether they show one person (n,), weights (n,), and how many people."""

    distances: NDArray[np.float64]
    same: NDArray[np.bool_]
    weights: NDArray[np.float64]
    people: int


def fit_calibration(
    distances: NDArray[np.floating],
    same: NDArray[np.bool_],
    *,
    on_logit: bool = False,
    weights: NDArray[np.floating] | None = None,
) -> Calibration:
    """Platt scaling (Platt 1999): the logistic curve from distance to resemblance.

    distances (n,) of pairs in 0..1, same (n,) whether they show one person, weights (n,) of the pairs.
    """
    from sklearn.linear_model import LogisticRegression

    plain = Calibration(0.5, 1.0, on_logit)
    fit = LogisticRegression(C=np.inf).fit(-plain.scale(distances)[:, None], same, weights)
    slope = float(fit.coef_[0, 0])
    middle = float(fit.intercept_[0]) / slope
    return Calibration(float(1 / (1 + np.exp(-middle))) if on_logit else middle, slope, on_logit)


def fit_strangers(calibration: Calibration, distances: NDArray[np.floating]) -> Calibration:
    """The calibration with what is measured on pairs of strangers, whose distances are (n,)."""
    shares = [share for share in _STRANGER_SHARES if share * len(distances) >= _STRANGERS_ENOUGH]
    measured: list[tuple[float, float]] = []
    for share, distance in zip(shares, np.quantile(distances, shares).round(6).tolist(), strict=True):
        if not measured or distance > measured[-1][1]:
            measured.append((share, distance))
    return replace(calibration, strangers=tuple(measured) if len(measured) > 1 else ())


def stranger_distances(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], distances: Distances, *, asked: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Distances of all pairs of different people, by one photo of each: (pairs,).

    embeddings: unit rows (photos, d), zeros without a face. labels: the person of each photo. asked, bool (photos,):
    the people who are compared, all photos of a person alike.
    """
    gallery, _ = protocols.draw_one_shot(labels, 0)
    rows = embeddings[gallery[asked[gallery]]]
    rows = rows[np.any(rows, axis=1)]
    return distances(rows, rows)[np.triu_indices(len(rows), 1)]


def calibration_of_people(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], distances: Distances, *, on_logit: bool = True
) -> Calibration | None:
    """The calibration of distances, fitted on people whom a network was not trained on.

    embeddings: unit rows (photos, d). labels: the person of each photo. None where there are too few people.
    """
    if protocols.probes_count(labels) < protocols.PROBES_ENOUGH:
        return None
    draws = [one_shot_draw(embeddings, labels, distances, draw) for draw in protocols.one_shot_draws(labels, 1)]
    pairs = _pairs(embeddings, labels, distances, draws, np.ones(len(labels), bool))
    fitted = fit_calibration(pairs.distances, pairs.same, on_logit=on_logit, weights=pairs.weights)
    return fit_strangers(fitted, np.concatenate([draw.to_others.ravel() for draw in draws]))


def check_calibration(
    calibration: Calibration, distances: NDArray[np.floating], same: NDArray[np.bool_]
) -> tuple[dict[str, float], metrics.Reliability]:
    """Accuracy at resemblance 50 and expected calibration error on pairs (n,), and the reliability curve."""
    said = calibration.same_person(distances) / 100
    curve = metrics.reliability_curve(said, same)
    accuracy = float(np.mean((said > 0.5) == same))
    return {"accuracy at 50": accuracy, "expected calibration error": curve.error}, curve


def reliability_of_halves(halves: Sequence[WeightedPairs], *, on_logit: bool) -> dict[str, Any] | None:
    """The reliability curve of a resemblance fitted on one half of the people and checked on the other.

    said, same: points of the curve, without bins of few pairs. error: the expected calibration error. None where
    there are too few people.
    """
    if min(half.people for half in halves) < protocols.PROBES_ENOUGH:
        return None
    fitted_on, checked_on = halves
    calibration = fit_calibration(fitted_on.distances, fitted_on.same, on_logit=on_logit, weights=fitted_on.weights)
    said = calibration.same_person(checked_on.distances) / 100
    curve = metrics.reliability_curve(said, checked_on.same, weights=checked_on.weights)
    shown = curve.share >= _SHARE_MIN
    return {"said": curve.said[shown], "same": curve.same[shown], "error": curve.error}


def pairs_of_halves(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], distances: Distances, draws: Sequence[OneShotDraw]
) -> list[WeightedPairs]:
    """The pairs of each half of the people (:func:`protocols.halves`)."""
    return [_pairs(embeddings, labels, distances, draws, half) for half in protocols.halves(labels)]


def _pairs(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    distances: Distances,
    draws: Sequence[OneShotDraw],
    half: NDArray[np.bool_],
) -> WeightedPairs:
    """All pairs of one person, of at most ten photos each, and the draws' pairs of two. Both kinds weigh the same."""
    own, others = [], []
    for person in np.unique(labels[half]):
        rows = np.flatnonzero(labels == person)[:_PHOTOS_MAX]
        if len(rows) > 1:
            among = distances(embeddings[rows], embeddings[rows])
            own.append(among[np.triu_indices(len(rows), 1)])
    for draw in draws:
        inside = half[draw.probes][:, None] & half[draw.gallery]
        inside[np.arange(len(draw.own)), draw.own] = False
        others.append(draw.distances[inside])
    to_own, to_others = np.concatenate(own or [np.empty(0, np.float32)]), np.concatenate(others)
    to_others = to_others[:: len(to_others) // _STRANGERS_MAX + 1]
    kinds = ((to_own, True), (to_others, False))
    return WeightedPairs(
        np.concatenate([to_own, to_others]),
        np.concatenate([np.full(len(values), same) for values, same in kinds]),
        np.concatenate([np.full(len(values), 1 / max(len(values), 1)) for values, _ in kinds]),
        len(own),
    )
