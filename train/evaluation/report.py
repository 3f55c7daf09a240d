"""What :mod:`train.runs.evaluations` stores of a finished run: how its network ranks and verifies held-out people.

Rank-k, the ROC curve, the reliability of the resemblance and the people who were mistaken, each beside cosine, by
the one-shot protocol of :mod:`train.evaluation.protocols`. Pure functions of embeddings, float32 unit rows
(photos, 128), and their people's numbers (photos,).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.similarity.calibration import Calibration
from train.evaluation import protocols
from train.evaluation.protocols import Distances

RANKS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
# Eight to the decade; curves end where there are too few pairs of strangers to tell.
FALSE_ACCEPTS = np.logspace(-6, 0, 49)
_BINS = 10
# Fewer people say nothing of a curve through ten bins.
_PEOPLE_MIN = 20
_SHARE_MIN = 0.001
_PHOTOS_MAX = 10
_STRANGERS_MAX = 200_000
_MISTAKEN_MAX = 12
_DIGITS = 5


@dataclass(frozen=True)
class OneShotDraw:
    """One draw of gallery and probes, photo numbers, with the distances (probes, gallery) between them."""

    gallery: np.ndarray
    probes: np.ndarray
    own: np.ndarray
    distances: np.ndarray

    @property
    def to_own(self) -> np.ndarray:
        """Distance of each probe to the own person's photo, (probes,)."""
        return self.distances[np.arange(len(self.own)), self.own]

    @property
    def to_others(self) -> np.ndarray:
        """Distances of all probes to all other people, (probes * (gallery - 1),)."""
        others = np.ones(self.distances.shape, bool)
        others[np.arange(len(self.own)), self.own] = False
        return self.distances[others]

    @property
    def ranks(self) -> np.ndarray:
        """Place of the own person, from 1; ties count against."""
        return (self.distances <= self.to_own[:, None]).sum(axis=1)


@dataclass(frozen=True)
class WeightedPairs:
    """Pairs of photos: distances (n,), whether they show one person (n,), weights (n,), and of how many people."""

    distances: np.ndarray
    same: np.ndarray
    weights: np.ndarray
    people: int


def evaluation(
    embeddings: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    photos: np.ndarray,
    ways: dict[str, Distances],
    seeds: range,
) -> dict[str, Any]:
    """Everything that is kept, of held-out people, for each of ``ways``.

    names, photos (photos,): what the person of each photo is called, and the photo's number in the whole gallery.
    """
    draws = {
        way: [_draw(embeddings, labels, distances, np.random.default_rng(seed)) for seed in seeds]
        for way, distances in ways.items()
    }
    some = next(iter(draws.values()))
    halves = _halves(labels)
    return {
        "people": len(np.unique(labels)),
        "probes": len(some[0].probes),
        "draws": len(some),
        "ways": {
            way: {
                "rank_k": cmc(of),
                "roc": roc(of),
                "reliability": reliability(
                    [_pairs(embeddings, labels, of, ways[way], half) for half in halves], on_logit=way != "cosine"
                ),
                "mistaken": mistaken(of, names, photos),
                "mistakes": _rounded(np.mean([np.sum(draw.ranks > 1) for draw in of])),
            }
            for way, of in draws.items()
        },
    }


def _draw(
    embeddings: np.ndarray, labels: np.ndarray, distances: Distances, random: np.random.Generator
) -> OneShotDraw:
    gallery, probes = protocols.one_shot_split(labels, random)
    own = protocols.places(labels[probes], labels[gallery])
    return OneShotDraw(gallery, probes, own, distances(embeddings[probes], embeddings[gallery]))


def cmc(draws: Sequence[OneShotDraw]) -> dict[str, list[float]]:
    """Share of probes whose own person is among the first k, mean of the draws."""
    people = len(draws[0].gallery)
    ranks = [k for k in RANKS if k <= people]
    found = [[np.mean(draw.ranks <= k) for draw in draws] for k in ranks]
    return {"k": [float(k) for k in ranks], "share": _rounded(np.mean(found, axis=1))}


def roc(draws: Sequence[OneShotDraw]) -> dict[str, list[float]]:
    """True accepts at false accepts, as far as there are ten false accepts to count; mean of the draws."""
    found = []
    others = draws[0].to_others.size
    rates = FALSE_ACCEPTS[FALSE_ACCEPTS * others >= min(10, others)]
    for draw in draws:
        to_others, to_own = np.sort(draw.to_others), np.sort(draw.to_own)
        cuts = to_others[np.minimum((rates * others).astype(int), others - 1)]
        accepted = np.searchsorted(to_own, cuts, "left") / len(to_own)
        found.append(np.where(rates >= 1, 1.0, accepted))
    return {"false": [float(f"{rate:.4g}") for rate in rates], "true": _rounded(np.mean(found, axis=0))}


def reliability(halves: Sequence[WeightedPairs], on_logit: bool) -> dict[str, Any] | None:
    """The reliability curve of the resemblance: what is said of pairs, and what is so, in bins of equal width.

    The resemblance is calibrated on the pairs of one half of the people and looked at on the others'; pairs of one
    person and of two weigh the same. ``error`` is the expected calibration error; bins with few pairs are left out
    of the curve. None where there are too few people.
    """
    if min(half.people for half in halves) < _PEOPLE_MIN:
        return None
    learned, seen = halves
    said = (
        fit_calibration(learned.distances, learned.same, on_logit, learned.weights).resemblance(seen.distances) / 100
    )
    bins = np.minimum((said * _BINS).astype(int), _BINS - 1)
    rows = []
    for number in np.unique(bins):
        mine = bins == number
        means = [np.average(values[mine], weights=seen.weights[mine]) for values in (said, seen.same)]
        rows.append((*means, seen.weights[mine].sum() / seen.weights.sum()))
    said_of, same_of, shares = np.array(rows).T
    drawn = shares >= _SHARE_MIN
    return {
        "said": _rounded(said_of[drawn]),
        "same": _rounded(same_of[drawn]),
        "error": _rounded(np.sum(np.abs(said_of - same_of) * shares)),
    }


def fit_calibration(
    distances: np.ndarray, same: np.ndarray, on_logit: bool = False, weights: np.ndarray | None = None
) -> Calibration:
    """The logistic curve (Platt 1999) from distance to resemblance.

    It is fitted to pairs' distances (n,) in 0..1, whether they show one person (n,), and what each counts (n,).
    """
    from sklearn.linear_model import LogisticRegression

    plain = Calibration(0.5, 1.0, on_logit)
    fit = LogisticRegression(C=np.inf).fit(-plain.scale(distances)[:, None], same, weights)
    slope = float(fit.coef_[0, 0])
    middle = float(fit.intercept_[0]) / slope
    return Calibration(float(1 / (1 + np.exp(-middle))) if on_logit else middle, slope, on_logit)


def mistaken(draws: Sequence[OneShotDraw], names: Sequence[str], photos: np.ndarray) -> list[dict[str, Any]]:
    """Who was most often taken for whom, and then by the widest margin, with the worst example of each pair."""
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    for draw in draws:
        first = draw.distances.argmin(axis=1)
        for probe in np.flatnonzero(first != draw.own).tolist():
            rows = draw.probes[probe], draw.gallery[draw.own[probe]], draw.gallery[first[probe]]
            to_own, to_taken = (float(draw.distances[probe, at]) for at in (draw.own[probe], first[probe]))
            pair = names[rows[0]], names[rows[2]]
            times = worst.get(pair, {"times": 0})["times"] + 1
            if to_own - to_taken >= worst.get(pair, {"margin": 0.0})["margin"]:
                worst[pair] = {
                    "person": pair[0],
                    "taken_for": pair[1],
                    "photos": [int(photos[row]) for row in rows],
                    "place": int(draw.ranks[probe]),
                    "distances": _rounded(np.array([to_own, to_taken])),
                    "margin": to_own - to_taken,
                }
            worst[pair]["times"] = times
    ranked = sorted(worst.values(), key=lambda each: (-each["times"], -each["margin"]))[:_MISTAKEN_MAX]
    return [{name: value for name, value in each.items() if name != "margin"} for each in ranked]


def _halves(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which photos are of one half of the people and of the other, always the same: bool (photos,) each."""
    people, counts = np.unique(labels, return_counts=True)
    order = np.random.default_rng(0).permutation(len(people))
    # Those with two photos are dealt first, so that both halves have as many.
    order = order[np.argsort(counts[order] < 2, kind="stable")]
    half = np.isin(labels, people[order[::2]])
    return half, ~half


def _pairs(
    embeddings: np.ndarray, labels: np.ndarray, draws: Sequence[OneShotDraw], distances: Distances, half: np.ndarray
) -> WeightedPairs:
    """All pairs of photos of one person, but of the first photos of who has many, and the draws' pairs of two."""
    own, others = [], []
    for person in np.unique(labels[half]):
        rows = np.flatnonzero(labels == person)[:_PHOTOS_MAX]
        if len(rows) > 1:
            apart = distances(embeddings[rows], embeddings[rows])
            own.append(apart[np.triu_indices(len(rows), 1)])
    for draw in draws:
        theirs = half[draw.probes][:, None] & half[draw.gallery]
        theirs[np.arange(len(draw.own)), draw.own] = False
        others.append(draw.distances[theirs])
    to_own, to_others = np.concatenate(own or [np.empty(0)]), np.concatenate(others)
    to_others = to_others[:: len(to_others) // _STRANGERS_MAX + 1]
    kinds = ((to_own, True), (to_others, False))
    return WeightedPairs(
        np.concatenate([to_own, to_others]),
        np.concatenate([np.full(len(values), same) for values, same in kinds]),
        np.concatenate([np.full(len(values), 1 / max(len(values), 1)) for values, _ in kinds]),
        len(own),
    )


def _rounded(values: Any) -> Any:
    """Numbers as they are kept: a list of floats, or one float."""
    return np.round(np.asarray(values, np.float64), _DIGITS).tolist()
