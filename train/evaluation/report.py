"""The report of a finished run: how its network ranks and verifies held-out people.

:mod:`train.runs.evaluations` stores it.

CMC, ROC curve, reliability of the resemblance and confused people, each also for cosine, by the one-shot protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.evaluation import calibration, measuring, metrics
from train.evaluation.distances import Distances
from train.evaluation.measuring import OneShotDraw

RANKS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
# Eight points a decade. A curve ends where fewer than ten false accepts are left to count.
FALSE_ACCEPT_RATES = np.logspace(-6, 0, 49)
_FALSE_ACCEPTS_MIN = 10
_MISTAKEN_MAX = 12
_DIGITS = 5


def evaluation(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    names: Sequence[str],
    *,
    photos: NDArray[np.int64],
    ways: dict[str, Distances],
    draws: range,
) -> dict[str, Any]:
    """The report of held-out people for each of ``ways`` to measure distances.

    embeddings float32 (photos, d) unit rows, labels (photos,). names (photos,): the name of each photo's person.
    photos (photos,): the number of each photo in the whole gallery. draws: of the one-shot protocol.
    """
    drawn = {
        way: [measuring.one_shot_draw(embeddings, labels, distances, draw) for draw in draws]
        for way, distances in ways.items()
    }
    first = next(iter(drawn.values()))[0]
    return {
        "people": len(np.unique(labels)),
        "probes": len(first.probes),
        "draws": len(draws),
        "ways": {
            way: {
                "rank_k": _cmc(of),
                "roc": _roc(of),
                "reliability": _reliability(embeddings, labels, ways[way], of, on_logit=way != "cosine"),
                "mistaken": mistaken(of, names, photos),
                "mistakes": _rounded(np.mean([np.sum(draw.ranks > 1) for draw in of])),
            }
            for way, of in drawn.items()
        },
    }


def _cmc(draws: Sequence[OneShotDraw]) -> dict[str, list[float]]:
    """Share of probes whose own person is among the first k, mean of the draws."""
    people = len(draws[0].gallery)
    ranks = [k for k in RANKS if k <= people]
    shares = np.mean([metrics.cmc(draw.ranks, ranks) for draw in draws], axis=0)
    return {"k": [float(k) for k in ranks], "share": _rounded(shares)}


def _roc(draws: Sequence[OneShotDraw]) -> dict[str, list[float]]:
    """True accept rates at false accept rates that ten or more pairs tell, mean of the draws."""
    others = draws[0].to_others.size
    rates = FALSE_ACCEPT_RATES[FALSE_ACCEPT_RATES * others >= min(_FALSE_ACCEPTS_MIN, others)]
    accepted = np.mean([metrics.tar_at_far(draw.roc, rates) for draw in draws], axis=0)
    return {"false": [float(f"{rate:.4g}") for rate in rates], "true": _rounded(accepted)}


def _reliability(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    distances: Distances,
    draws: Sequence[OneShotDraw],
    *,
    on_logit: bool,
) -> dict[str, Any] | None:
    halves = calibration.pairs_of_halves(embeddings, labels, distances, draws)
    curve = calibration.reliability_of_halves(halves, on_logit=on_logit)
    return curve and {name: _rounded(values) for name, values in curve.items()}


def mistaken(draws: Sequence[OneShotDraw], names: Sequence[str], photos: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Who was most often taken for whom, then by margin, with the worst example of each pair of people."""
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


def _rounded(values: ArrayLike) -> Any:
    """Numbers as JSON keeps them: a list of floats, or one float."""
    return np.round(np.asarray(values, np.float64), _DIGITS).tolist()
