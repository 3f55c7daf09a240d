"""What every compared system is given: the same people, the same photos, the same pairs, the same budget.

Learned is from three photos each of everybody in LFW with four or more (610 people). Those three are the gallery as
well; the probes are their other photos, and one photo of everybody else is an unknown person to be refused.
Verification is measured on people whom nobody has learned from: pairs of view 1 choose the threshold and the epoch,
pairs of view 2 report.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from train.datasets.lfw import LFW


@dataclass(frozen=True)
class Budget:
    """What a system may spend on learning: ``epochs`` of ``steps`` batches of ``people`` with ``photos`` each."""

    steps: int = 50
    epochs: int = 10
    people: int = 32
    photos: int = 3
    seed: int = 0


@dataclass(frozen=True)
class VerificationPairs:
    """Pairs of photos (n, 2) and whether they show one person, bool (n,), as many as not."""

    photos: np.ndarray
    same: np.ndarray


@dataclass(frozen=True)
class ComparisonProtocol:
    """Photo numbers of LFW.

    learn (people, 3): learned from, and the gallery. probes (n,): other photos of those people, at most five each.
    unknown (m,): one photo of everybody else. choose, report: pairs of other people, of view 1 and view 2.
    people (photos,): the person of each photo of LFW.
    """

    learn: np.ndarray
    probes: np.ndarray
    unknown: np.ndarray
    choose: VerificationPairs
    report: VerificationPairs
    people: np.ndarray

    @cached_property
    def photos(self) -> np.ndarray:
        """All photos that any part of it needs, ascending."""
        pairs = [self.choose.photos.ravel(), self.report.photos.ravel()]
        return np.unique(np.concatenate([self.learn.ravel(), self.probes, self.unknown, *pairs]))


def draw_comparison(
    people: np.ndarray,
    choose: tuple[np.ndarray, np.ndarray],
    report: tuple[np.ndarray, np.ndarray],
    seed: int = 0,
    gallery_photos: int = 3,
    probes_max: int = 5,
) -> ComparisonProtocol:
    """The protocol of the photos' people (photos,) and two lists of pairs (n, 2) with whether they are the same."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(people))
    order = order[np.argsort(people[order], kind="stable")]
    _, starts, counts = np.unique(people[order], return_index=True, return_counts=True)
    enough = counts > gallery_photos
    learn = order[starts[enough][:, None] + np.arange(gallery_photos)]
    probes = [
        order[start + gallery_photos : start + min(count, gallery_photos + probes_max)]
        for start, count in zip(starts[enough], counts[enough], strict=True)
    ]

    def unlearned(photos: np.ndarray, same: np.ndarray) -> VerificationPairs:
        """The pairs of people who are not learned from, thinned out to as many different ones as same."""
        kept = np.flatnonzero(~np.isin(people[photos], people[learn[:, 0]]).any(axis=1))
        kinds = [random.permutation(kept[same[kept] == kind]) for kind in (True, False)]
        kept = np.sort(np.concatenate([kind[: min(map(len, kinds))] for kind in kinds]))
        return VerificationPairs(photos[kept], same[kept])

    return ComparisonProtocol(
        learn, np.concatenate(probes), order[starts[~enough]], unlearned(*choose), unlearned(*report), people
    )


def lfw_comparison(wild: LFW) -> ComparisonProtocol:
    """The protocol on LFW: view 1's lists of pairs choose, view 2's report."""
    lists = [wild.pairs(name)[:2] for name in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt")]
    choose = tuple(np.concatenate(part) for part in zip(*lists[:2], strict=True))
    return draw_comparison(wild.people, (choose[0], choose[1]), lists[2])
