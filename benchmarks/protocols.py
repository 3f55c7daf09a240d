"""How recognition is measured: pure functions of embeddings, float32 unit rows (photos, 128).

A row of zeros is a photo without a face: as a probe or in a pair it counts as an error.
"""

from __future__ import annotations

import numpy as np


def cosines(embeddings: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Cosine of each pair (n, 2) of photos, NaN where one of them has no face."""
    first, second = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
    values: np.ndarray = np.einsum("ij,ij->i", first, second)
    values[~(first.any(axis=1) & second.any(axis=1))] = np.nan
    return values


def draw(people: np.ndarray, counts: tuple[int, int], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Photos for the gallery (people, counts[0]) and probes (people, counts[1]) of everybody with enough photos."""
    gallery, probes = [], []
    for person in np.unique(people):
        photos = np.flatnonzero(people == person)
        if len(photos) >= sum(counts):
            chosen = random.permutation(photos)[: sum(counts)]
            gallery.append(chosen[: counts[0]])
            probes.append(chosen[counts[0] :])
    return np.array(gallery), np.array(probes)


def rank_of_right(embeddings: np.ndarray, people: np.ndarray, gallery: np.ndarray, probes: np.ndarray) -> np.ndarray:
    """Place of each probe's own person among all people of the gallery photos, from 1; the best photo decides."""
    gallery = gallery[np.argsort(people[gallery], kind="stable")]
    persons, starts = np.unique(people[gallery], return_index=True)
    best = np.maximum.reduceat(embeddings[probes] @ embeddings[gallery].T, starts, axis=1)
    own = best[np.arange(len(probes)), np.searchsorted(persons, people[probes])]
    return np.where(embeddings[probes].any(axis=1), (best >= own[:, None]).sum(axis=1), len(persons) + 1)


def closed_set(
    embeddings: np.ndarray,
    people: np.ndarray,
    seed: int,
    counts: tuple[int, int],
    people_count: int | None = None,
    with_distractors: bool = False,
) -> np.ndarray:
    """Ranks of probes of ``people_count`` people (all where None), ``counts`` photos each for gallery and probes.

    ``with_distractors`` adds all photos of all people who are not among them.
    """
    random = np.random.default_rng(seed)
    gallery, probes = draw(people, counts, random)
    if people_count is not None:
        chosen = random.permutation(len(gallery))[:people_count]
        gallery, probes = gallery[chosen], probes[chosen]
    rows = gallery.ravel()
    if with_distractors:
        rows = np.r_[rows, np.flatnonzero(~np.isin(people, people[rows]))]
    return rank_of_right(embeddings, people, rows, probes.ravel())


def one_shot(embeddings: np.ndarray, people: np.ndarray, seed: int) -> np.ndarray:
    """Ranks of one probe of everybody with two photos or more, in a gallery of one photo of everybody."""
    random = np.random.default_rng(seed)
    gallery, probes = [], []
    for person in np.unique(people):
        photos = random.permutation(np.flatnonzero(people == person))
        gallery.append(photos[0])
        probes += photos[1:2].tolist()
    return rank_of_right(embeddings, people, np.array(gallery), np.array(probes))
