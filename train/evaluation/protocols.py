"""Named protocols: which photos are compared with which.

Each name has one draw. Seeds are fixed, so the same name means the same photos in every command. Functions take the
person of each photo, labels int64 (photos,), and return photo numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Draws that a reported figure averages, numbered from 0, and those of a choice made on view 1 of LFW, where figures
# are close to one another.
DRAWS, VIEW_1_DRAWS = range(3), range(10)
# A draw with fewer probes says little; more than that many draws add nothing.
_PROBES_MIN, _DRAWS_MAX = 60, 30
# Probes that a figure, a calibration or the bins of a reliability curve need to say something: one person among 20
# moves a share by 0.05. More draws do not help here, as they show the same people.
PROBES_ENOUGH = 20


@dataclass(frozen=True)
class VerificationPairs:
    """Pairs of photos (n, 2), whether they show one person, bool (n,), and their fold (n,) where there are folds."""

    photos: NDArray[np.int64]
    same: NDArray[np.bool_]
    folds: NDArray[np.int64] | None = None


class _ByPerson(NamedTuple):
    """Photo numbers sorted by person and shuffled within each, and the start and count of each person's photos."""

    photos: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]


def _shuffled(labels: NDArray[np.int64], random: np.random.Generator) -> _ByPerson:
    order = random.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    return _ByPerson(order, starts, counts)


# One-shot ----------------------------------------------------------------------------------------------------------


def one_shot_draws(labels: NDArray[np.int64], at_least: int = len(DRAWS)) -> range:
    """The draws to average: ``at_least``, and more where a draw has few probes."""
    return range(max(at_least, min(_PROBES_MIN // max(probes_count(labels), 1), _DRAWS_MAX)))


def probes_count(labels: NDArray[np.integer[Any]]) -> int:
    """How many probes a draw has: one of everybody who has two photos."""
    return int(np.sum(np.unique(labels, return_counts=True)[1] > 1))


def draw_one_shot(labels: NDArray[np.int64], draw: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One photo of everybody as the gallery; a second one of everybody who has two as the probes."""
    photos, starts, counts = _shuffled(labels, np.random.default_rng(draw))
    return photos[starts], photos[starts[counts > 1] + 1]


# Tiers -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tier:
    """A closed set: the number of people (None: all who have enough photos), and photos of each."""

    name: str
    people: int | None
    gallery_photos: int
    probe_photos: int = 4

    def __str__(self) -> str:
        people = f"{self.people} people" if self.people else "everybody"
        probes = "1 probe" if self.probe_photos == 1 else f"{self.probe_photos} probes"
        return f"{self.name}: {people} x {self.gallery_photos}, {probes} each"


# The tiers of LooksLikeWho by sdamolini, which this project reimplements.
TIERS = (
    Tier("Lite", 10, 4),
    Tier("Medium", 100, 4),
    Tier("Medium_10", 100, 10),
    Tier("Full_4", None, 4),
    Tier("Final", None, 10),
)
# Several photos of a person against everybody else: 610 people of LFW.
TEMPLATES = Tier("Templates", None, 3, 1)


def draw_tier(labels: NDArray[np.int64], tier: Tier, draw: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Gallery (people, photos) and probes (people, photos) of a tier; both empty where there are too few people."""
    random = np.random.default_rng(draw)
    photos, starts, counts = _shuffled(labels, random)
    each = tier.gallery_photos + tier.probe_photos
    enough = random.permutation(np.flatnonzero(counts >= each))
    chosen = enough[: tier.people] if len(enough) >= (tier.people or 2) else enough[:0]
    drawn = photos[starts[chosen][:, None] + np.arange(each)]
    return drawn[:, : tier.gallery_photos], drawn[:, tier.gallery_photos :]


# Comparison of systems ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ComparisonProtocol:
    """What every compared system learns from and is measured on, as photo numbers.

    learn (people, 3): three photos of everybody with four or more; the training set and the gallery.
    probes (n,): other photos of those people, at most five each. unknown (m,): one photo of everybody else.
    choose, report: pairs of people who are in no training set, for the threshold and for the figures.
    people (photos,): the person of each photo.
    """

    learn: NDArray[np.int64]
    probes: NDArray[np.int64]
    unknown: NDArray[np.int64]
    choose: VerificationPairs
    report: VerificationPairs
    people: NDArray[np.int64]

    @cached_property
    def photos(self) -> NDArray[np.int64]:
        """All photos that any part needs, ascending."""
        pairs = [self.choose.photos.ravel(), self.report.photos.ravel()]
        return np.unique(np.concatenate([self.learn.ravel(), self.probes, self.unknown, *pairs]))


def draw_comparison(
    people: NDArray[np.int64],
    choose: VerificationPairs,
    report: VerificationPairs,
    *,
    seed: int = 0,
    gallery_photos: int = 3,
    probes_max: int = 5,
) -> ComparisonProtocol:
    """The comparison protocol of people (photos,), with the pairs of those who are not learned from."""
    random = np.random.default_rng(seed)
    photos, starts, counts = _shuffled(people, random)
    enough = counts > gallery_photos
    learn = photos[starts[enough][:, None] + np.arange(gallery_photos)]
    probes = [
        photos[start + gallery_photos : start + min(count, gallery_photos + probes_max)]
        for start, count in zip(starts[enough], counts[enough], strict=True)
    ]

    def unlearned(pairs: VerificationPairs) -> VerificationPairs:
        """The pairs of other people, as many of one person as of two."""
        kept = np.flatnonzero(~np.isin(people[pairs.photos], people[learn[:, 0]]).any(axis=1))
        kinds = [random.permutation(kept[pairs.same[kept] == kind]) for kind in (True, False)]
        kept = np.sort(np.concatenate([kind[: min(map(len, kinds))] for kind in kinds]))
        return VerificationPairs(pairs.photos[kept], pairs.same[kept])

    parts = unlearned(choose), unlearned(report)
    return ComparisonProtocol(learn, np.concatenate(probes), photos[starts[~enough]], *parts, people)


# Halves ------------------------------------------------------------------------------------------------------------


def halves(labels: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two halves of the people, for fitting and for checking: masks of their photos, bool (photos,) each."""
    people, counts = np.unique(labels, return_counts=True)
    order = np.random.default_rng(0).permutation(len(people))
    # Deal people with two photos first, so that both halves get as many.
    order = order[np.argsort(counts[order] < 2, kind="stable")]
    half = np.isin(labels, people[order[::2]])
    return half, ~half
