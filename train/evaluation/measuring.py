"""Figures by protocol: what a way of measuring distances reaches in one-shot, in the tiers and in verification.

Embeddings are float32 unit rows (photos, d), labels int64 (photos,) the person of each. A photo without a face is a
row of zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from train.evaluation import metrics, protocols
from train.evaluation.distances import Distances, pair_distances, person_distances
from train.evaluation.protocols import Tier, VerificationPairs

# Figures of one protocol: the values of its draws or folds by label.
Figures = dict[str, list[float]]
_MARGIN = 0.25


@dataclass(frozen=True)
class OneShotDraw:
    """One draw of gallery and probes, photo numbers, with the distances (probes, gallery) between them.

    own (probes,): the column of each probe's own person.
    """

    gallery: NDArray[np.int64]
    probes: NDArray[np.int64]
    own: NDArray[np.int64]
    distances: NDArray[np.float32]

    @property
    def to_own(self) -> NDArray[np.float32]:
        """Distance of each probe to its own person's photo, (probes,)."""
        return self.distances[np.arange(len(self.own)), self.own]

    @cached_property
    def to_others(self) -> NDArray[np.float32]:
        """Distances of the probes to all other people, (probes, gallery - 1)."""
        others = np.ones(self.distances.shape, bool)
        others[np.arange(len(self.own)), self.own] = False
        return self.distances[others].reshape(len(self.own), -1)

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """Rank of each probe's own person, from 1; ties count against it."""
        return metrics.ranks(self.distances, self.own)

    @cached_property
    def roc(self) -> metrics.RocCurve:
        """The ROC curve of all probes against all photos of the gallery."""
        return metrics.roc_curve(self.to_own, self.to_others.ravel())


def one_shot_draw(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], distances: Distances, draw: int
) -> OneShotDraw:
    """The distances of one draw of the one-shot protocol."""
    gallery, probes = protocols.draw_one_shot(labels, draw)
    # The gallery is sorted by person.
    own = np.searchsorted(labels[gallery], labels[probes])
    return OneShotDraw(gallery, probes, own, distances(embeddings[probes], embeddings[gallery]))


def one_shot(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], distances: Distances, draw: int
) -> dict[str, float]:
    """One-shot identification and verification over all probes of a draw.

    rank_1, rank_5: see :func:`metrics.cmc`. mrr: mean reciprocal rank. rank_score: 1 where the own person comes
    first, 0 where last. one_shot_loss: squared margin loss against the nearest other person, margin 0.25. auc: area
    under the ROC curve. tar_at_far_1e-3: true accept rate at one false accept in a thousand.
    """
    drawn = one_shot_draw(embeddings, labels, distances, draw)
    last = max(len(drawn.gallery) - 1, 1)
    nearest_other = drawn.to_others.min(axis=1)
    first, fifth = metrics.cmc(drawn.ranks, (1, 5))
    return {
        "rank_1": float(first),
        "rank_5": float(fifth),
        "mrr": float(np.mean(1 / drawn.ranks)),
        "rank_score": float(np.mean(1 - (drawn.ranks - 1) / last)),
        "one_shot_loss": float(np.mean(np.maximum(drawn.to_own**2 - nearest_other**2 + _MARGIN, 0))),
        "auc": metrics.auc(drawn.roc),
        "tar_at_far_1e-3": float(metrics.tar_at_far(drawn.roc, 1e-3)),
    }


def tier_rank_1(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], distances: Distances, *, tier: Tier, draw: int
) -> dict[str, float]:
    """Rank-1 of a tier by both methods, in the closed set and with all other people as distractors.

    Keys: closed_min, closed_average, distractors_min, distractors_average; none where there are too few people.
    """
    gallery, probes = protocols.draw_tier(labels, tier, draw)
    if not len(gallery):
        return {}
    others = np.flatnonzero(~np.isin(labels, labels[gallery[:, 0]]))
    rows = np.concatenate([gallery.ravel(), others])
    rows = rows[np.argsort(labels[rows], kind="stable")]
    closed = np.isin(rows, gallery)
    values = distances(embeddings[probes.ravel()], embeddings[rows])
    found = {}
    for name, kept in (("closed", closed), ("distractors", np.ones_like(closed))):
        people = np.unique(labels[rows[kept]])
        for method in ("min", "average"):
            to_people = person_distances(values[:, kept], labels[rows[kept]], method)
            nearest = people[to_people.argmin(axis=1)]
            found[f"{name}_{method}"] = float(np.mean(nearest == labels[probes.ravel()]))
    return found


def one_shot_label(labels: NDArray[np.int64], k: int) -> str:
    """The label of rank-k in the one-shot protocol."""
    return f"one-shot: all {len(np.unique(labels)):,} people x 1, rank-{k}"


def verification_label(pairs: VerificationPairs) -> str:
    """The label of verification accuracy over folds."""
    return f"verification, {len(pairs.same):,} pairs, accuracy"


def verification(
    embeddings: NDArray[np.float32],
    distances: Distances,
    pairs: VerificationPairs,
    *,
    has_face: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Accuracy on each fold of the pairs, (folds,). has_face: as in :func:`pair_distances`."""
    assert pairs.folds is not None
    values = pair_distances(embeddings, pairs.photos, distances, has_face=has_face)
    return metrics.fold_accuracies(values, pairs.same, pairs.folds)


def figures(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    distances: Distances,
    *,
    pairs: VerificationPairs | None = None,
    has_face: NDArray[np.bool_] | None = None,
    tiers: Sequence[Tier] = protocols.TIERS,
) -> Iterator[Figures]:
    """The figures of each protocol in turn: the tiers, one-shot, and verification of ``pairs``.

    A protocol yields no figures where the photos do not allow it. has_face: as in :func:`pair_distances`.
    """
    for tier in tiers:
        draws = [tier_rank_1(embeddings, labels, distances, tier=tier, draw=draw) for draw in protocols.DRAWS]
        yield {f"{tier}, {kind.replace('_', ', ')}, rank-1": [row[kind] for row in draws] for kind in draws[0]}
    if np.unique(labels, return_counts=True)[1].max() > 1:
        rows = [one_shot(embeddings, labels, distances, draw) for draw in protocols.DRAWS]
        yield {one_shot_label(labels, k): [row[f"rank_{k}"] for row in rows] for k in (1, 5)}
    else:
        yield {}
    if pairs is not None:
        accuracies = verification(embeddings, distances, pairs, has_face=has_face)
        yield {verification_label(pairs): accuracies.tolist()}
    else:
        yield {}


def steps_count(ways: dict[str, Distances]) -> int:
    """How many steps :func:`table` reports."""
    return len(ways) * (len(protocols.TIERS) + 2)


def spread(values: Sequence[float] | NDArray[np.float64]) -> str:
    """Mean and standard deviation over draws or folds, as tables print them."""
    deviation = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{deviation}"


def table(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    ways: dict[str, Distances],
    *,
    pairs: VerificationPairs | None,
    progress: Callable[[int], None],
) -> list[tuple[str, ...]]:
    """A row for each figure: its label, and mean and spread for each of ``ways`` to measure distances."""
    lines: dict[str, list[str]] = {}
    done = 0
    for distances in ways.values():
        for found in figures(embeddings, labels, distances, pairs=pairs):
            done += 1
            progress(done)
            for label, values in found.items():
                lines.setdefault(label, []).append(spread(values))
    return [(label, *cells) for label, cells in lines.items()]
