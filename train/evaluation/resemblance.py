"""Resemblance between strangers: who comes first among people who are all somebody else.

Identity asks whether the same person is found. A look-alike finder is also asked by people who are not in the
gallery, and then every answer is a stranger. Which of two strangers looks more alike is a human judgment, and there
are none here. So four proxies are measured: sex by the labels of a data set, skin tone, age by another network, and
whether the strangers stay the same for another photo. Each says below what it does not tell. Good figures do not
prove that anybody would call the strangers alike; poor figures say that few would.

The gallery has one photo of everybody, the draw of :func:`protocols.draw_one_shot`. Everybody in it is looked up by
that photo, with the own photo left out. With all photos instead, people of whom there are hundreds of photos would be
named far more often than others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import unit
from train.evaluation import metrics, protocols
from train.evaluation.distances import Distances
from train.evaluation.protocols import Tier

# How many strangers are looked at, of the nine that the finder shows.
TOP = 3
# Two probes of three photos each, of everybody who has six.
_THREE_PHOTOS = Tier("Three photos", None, 3, 3)


@dataclass(frozen=True)
class Attributes:
    """What is known about each photo, for the proxies alone.

    women, men: bool (photos,), by the labels of a data set; neither where there is none.
    skin_tone_degrees, age_years: float (photos,), NaN where it could not be measured.
    """

    women: NDArray[np.bool_]
    men: NDArray[np.bool_]
    skin_tone_degrees: NDArray[np.float64]
    age_years: NDArray[np.float64]

    def of(self, photos: NDArray[np.integer]) -> Attributes:
        """The attributes of some photos."""
        return Attributes(
            self.women[photos], self.men[photos], self.skin_tone_degrees[photos], self.age_years[photos]
        )


# Pure parts --------------------------------------------------------------------------------------------------------


def most_similar_strangers(
    distances: NDArray[np.floating], own: NDArray[np.int64], *, top: int = TOP
) -> NDArray[np.int64]:
    """The columns of the nearest people but the own, nearest first, int64 (probes, top).

    distances (probes, people). own (probes,): the column of each probe's own person, -1 if there is none.
    Raises ValueError where there are fewer than ``top`` strangers.
    """
    if distances.shape[1] - 1 < top:
        raise ValueError(f"There are fewer than {top} strangers.")
    others = distances.copy()
    inside = np.flatnonzero(own >= 0)
    others[inside, own[inside]] = np.inf
    rows, found = np.arange(len(others)), np.empty((len(others), top), np.int64)
    # A minimum at a time is faster than partitioning for the few that are wanted.
    for place in range(top):
        found[:, place] = others.argmin(axis=1)
        others[rows, found[:, place]] = np.inf
    return found


def balanced(women: NDArray[np.bool_], men: NDArray[np.bool_], *, draw: int) -> NDArray[np.int64]:
    """As many women as men, all of the rarer and a draw of the others: places, ascending int64 (n,)."""
    random = np.random.default_rng(draw)
    kinds = [random.permutation(np.flatnonzero(kind)) for kind in (women, men)]
    return np.sort(np.concatenate([kind[: min(map(len, kinds))] for kind in kinds]))


def agreement(
    of_probes: NDArray[np.bool_], of_people: NDArray[np.bool_], strangers: NDArray[np.int64]
) -> tuple[float, float]:
    """Of probes with a label, how often the first stranger has it, and the share of all their strangers who have it.

    of_probes bool (probes,), of_people bool (people,), strangers (probes, top). NaN without probes.

    For women and men. What it does not tell: nearly everything. Two women need not look alike. The labels have two
    kinds, were given by looking at photos, and are not what people say of themselves. In a gallery with few women,
    women are wrong more often by chance alone; compare with their share there, and see the balanced gallery.
    """
    same = of_people[strangers[of_probes]]
    return (float(same[:, 0].mean()), float(same.mean())) if len(same) else (np.nan, np.nan)


def difference(
    of_probes: NDArray[np.floating], of_people: NDArray[np.floating], strangers: NDArray[np.int64]
) -> float:
    """Mean absolute difference between probes and their strangers, without those that are NaN.

    of_probes (probes,), of_people (people,), strangers (probes, top).

    Skin tone. What it does not tell: it is the colour in the photo, so light, camera and make-up are in it; a network
    that matches the light of two photos gains as much as one that matches skin. It says nothing about features.

    Age. What it does not tell: it comes from a small network that is off by years; mistakes that it shares with the
    embedder look like agreement.
    """
    differences = np.abs(of_probes[:, None] - of_people[strangers])
    return float(np.nanmean(differences)) if np.isfinite(differences).any() else np.nan


def chance_difference(values: NDArray[np.floating]) -> float:
    """Mean absolute difference between two different people drawn at random, of values (people,) without NaN."""
    ordered = np.sort(values[np.isfinite(values)])
    count = len(ordered)
    if count < 2:
        return np.nan
    return float(2 * np.sum(ordered * (2 * np.arange(count) - count + 1)) / (count * (count - 1)))


def within_difference(values: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Mean absolute difference between two photos of one person, of values (photos,). NaN are left out."""
    known = np.isfinite(values)
    found = [chance_difference(values[known & (labels == person)]) for person in np.unique(labels)]
    return float(np.nanmean(found)) if np.isfinite(found).any() else np.nan


def stability(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """The mean share of strangers (probes, top) that two photos of a person have in common, whatever their order.

    What it does not tell: whether they look alike. Naming the same three for everybody would be perfectly stable.
    """
    common = (first[:, :, None] == second[:, None]).any(axis=2)
    return float(common.mean()) if len(common) else np.nan


# Protocol ----------------------------------------------------------------------------------------------------------


def strangers_figures(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    attributes: Attributes,
    distances: Distances,
    *,
    draw: int,
    asked: NDArray[np.bool_] | None = None,
) -> dict[str, float]:
    """Identity and all proxies of resemblance in one draw.

    embeddings (photos, d) unit rows, labels (photos,) the person of each, attributes of the same photos. Photos
    without a face, rows of zeros, must be left out. asked, bool (photos,): the people who are looked up, all photos
    of a person alike; everybody if None. All are in the gallery.

    rank_1, rank_1_women, rank_1_men: the one-shot protocol. women_first, women_three, men_first, men_three: see
    :func:`agreement`, among people who have a label; with "balanced_" before them, among as many women as men.
    skin_tone_degrees, age_years: see :func:`difference`. stability: one photo against another of the same person.
    stability_three: the mean row of three photos against that of three others.
    """
    gallery, others = protocols.draw_one_shot(labels, draw)
    looked_up = np.arange(len(gallery))
    if asked is not None:
        looked_up, others = np.flatnonzero(asked[gallery]), others[asked[others]]
    own = np.searchsorted(labels[gallery], labels[others])
    among = distances(embeddings[gallery[looked_up]], embeddings[gallery])
    of_others = distances(embeddings[others], embeddings[gallery])
    known, ranks = attributes.of(gallery), metrics.ranks(of_others, own)
    strangers = most_similar_strangers(among, looked_up)
    tones, ages = known.skin_tone_degrees, known.age_years
    labelled = np.flatnonzero(known.women | known.men)
    fair = balanced(known.women, known.men, draw=draw)
    threes: Sequence[NDArray[np.int64]] = protocols.draw_tier(labels, _THREE_PHOTOS, draw)
    if asked is not None:
        threes = [photos[asked[photos[:, 0]]] for photos in threes]
    return {
        "rank_1": _rank_1(ranks),
        "rank_1_women": _rank_1(ranks[known.women[own]]),
        "rank_1_men": _rank_1(ranks[known.men[own]]),
        **_agreements(among, looked_up, known, labelled),
        **{f"balanced_{name}": value for name, value in _agreements(among, looked_up, known, fair).items()},
        "skin_tone_degrees": difference(tones[looked_up], tones, strangers),
        "age_years": difference(ages[looked_up], ages, strangers),
        "stability": stability(strangers[np.searchsorted(looked_up, own)], most_similar_strangers(of_others, own)),
        "stability_three": _stability_of_three(embeddings, labels, gallery, distances, photos=threes),
    }


def _rank_1(ranks: NDArray[np.int64]) -> float:
    return metrics.rank_1(ranks) if len(ranks) else np.nan


def _agreements(
    among: NDArray[np.float32], looked_up: NDArray[np.int64], known: Attributes, places: NDArray[np.int64]
) -> dict[str, float]:
    """Agreement in sex within the part of the gallery at ``places``, ascending. among (looked_up, gallery)."""
    rows = np.flatnonzero(np.isin(looked_up, places))
    own = np.searchsorted(places, looked_up[rows])
    strangers = most_similar_strangers(among[np.ix_(rows, places)], own)
    figures = {}
    for name, labelled in (("women", known.women[places]), ("men", known.men[places])):
        figures[f"{name}_first"], figures[f"{name}_three"] = agreement(labelled[own], labelled, strangers)
    return figures


def _stability_of_three(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    gallery: NDArray[np.int64],
    distances: Distances,
    *,
    photos: Sequence[NDArray[np.int64]],
) -> float:
    """Stability of the mean row of three photos, (people, 3), against the mean row of three others."""
    if not len(photos[0]):
        return np.nan
    own = np.searchsorted(labels[gallery], labels[photos[0][:, 0]])
    found = [
        most_similar_strangers(distances(unit(embeddings[three].mean(axis=1)), embeddings[gallery]), own)
        for three in photos
    ]
    return stability(*found)
