"""Candidates by faiss, exact distances by a scorer, people by rank."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.gallery.gallery import Gallery
from pipeline.search import ranking
from pipeline.search.cache import prepared
from pipeline.search.index import EXACT_MAX, index
from pipeline.search.ranking import Method, Ranking
from pipeline.similarity import blocks
from pipeline.similarity.network import Product
from pipeline.similarity.scorers import Scorer

# Distances of probes to people that are held at one time: 256 MB.
_PAIRS_MAX = 64_000_000


@dataclass(frozen=True)
class SearchSettings:
    """candidates: photos taken by cosine, all photos of whose people are scored (see ``make benchmark-scoring``)."""

    candidates: int = 500


class Search:
    """A gallery made ready for probes."""

    def __init__(self, gallery: Gallery, scorer: Scorer, settings: SearchSettings = SearchSettings()) -> None:
        self.gallery, self.scorer, self.settings = gallery, scorer, settings
        self._prepared = prepared(gallery, scorer)
        self._index = index(gallery)
        # Rows sorted by person, to find all photos of a person at once.
        self._by_person = np.argsort(gallery.person_of_row, kind="stable").astype(np.int32)
        self._starts = np.r_[0, np.cumsum(np.bincount(gallery.person_of_row))]

    def rank(self, probe: np.ndarray, top: int, method: Method = "min", exact: bool = False) -> Ranking:
        """The ``top`` most alike people to a unit row (128,), or all where the gallery has fewer.

        Candidates are taken from faiss, more where they hold too few people; then all photos of those people are
        scored. With ``exact``, or as many candidates as photos, every photo is.
        """
        people = None if exact else self._candidate_people(probe, top)
        if people is None:
            return self._rank_all(self.scorer.distances(probe, self._prepared), top, method)
        rows = self._rows_of(people)
        return self._rank(rows, self.scorer.distances(probe, self._prepared[rows]), top, method)

    def rank_many(self, probes: np.ndarray, top: int, method: Method = "min", exact: bool = False) -> list[Ranking]:
        """What :meth:`rank` gives for each of several unit rows (m, 128), in less time.

        Where every photo is looked at anyway, and a product of matrices scores it, all of them are scored.
        """
        product = self.scorer.product_of(probes) if exact or len(self.gallery) <= EXACT_MAX else None
        if product is None:
            return [self.rank(probe, top, method, exact) for probe in probes]
        together = max(_PAIRS_MAX // self.gallery.people_count, 1)
        if len(probes) > together:
            parts = [probes[start : start + together] for start in range(0, len(probes), together)]
            return [ranked for part in parts for ranked in self.rank_many(part, top, method, exact)]
        weights = product.weights.T

        def distances(rows: np.ndarray, of: np.ndarray) -> np.ndarray:
            return product.link(np.einsum("ij,ij->i", self._prepared[rows], weights[of]) + product.start[of])

        return self._ranked(self._nearest(product), distances, top, method)

    def _nearest(self, product: Product) -> np.ndarray:
        """The distance of each person's most alike photo to each probe, float32 (people, m)."""
        ends = np.arange(blocks.ROWS, len(self.gallery) + blocks.ROWS, blocks.ROWS)
        bounds = np.unique(np.r_[0, np.searchsorted(self._starts, ends, "right") - 1])
        weights = np.ascontiguousarray(product.weights)

        def nearest(people: tuple[int, int]) -> np.ndarray:
            starts = self._starts[people[0] : people[1] + 1]
            rows = self._by_person[starts[0] : starts[-1]]
            # People mostly lie one after the other, and a slice is not copied.
            whole = slice(rows[0], rows[-1] + 1) if (np.diff(rows) == 1).all() else rows
            least = _least_of_each(self._prepared[whole] @ weights, np.diff(starts))
            return product.link(least + product.start)

        return np.concatenate(blocks.each(nearest, list(itertools.pairwise(bounds.tolist()))))

    def _candidate_people(self, probe: np.ndarray, top: int) -> np.ndarray | None:
        """The people of the nearest photos by cosine, at least ``top`` of them; None for everybody."""
        import faiss

        # One probe is the work of one thread; OpenMP's others would only wait for it, busily.
        faiss.omp_set_num_threads(1)
        candidates = self.settings.candidates
        while candidates < len(self.gallery):
            _, rows = self._index.search(probe[None].astype(np.float32), candidates)
            people = np.unique(self.gallery.person_of_row[rows[0][rows[0] >= 0]])
            if len(people) >= top:
                return people
            candidates *= 2
        return None

    def _rank_all(self, distances: np.ndarray, top: int, method: Method) -> Ranking:
        nearest = np.minimum.reduceat(distances[self._by_person], self._starts[:-1])
        return self._ranked(nearest[:, None], lambda rows, _: distances[rows], top, method)[0]

    def _ranked(
        self, nearest: np.ndarray, distances: Callable[[np.ndarray, np.ndarray], np.ndarray], top: int, method: Method
    ) -> list[Ranking]:
        """Rank for each probe by the distances of each person's most alike photo (people, m), which are not sorted.

        No method ranks a person nearer than that photo. ``distances`` gives those of rows (n,) to their probes (n,).
        """
        found: dict[int, Ranking] = {}
        taken, waiting, values = top, np.arange(nearest.shape[1]), nearest
        while len(waiting):
            bounds = _bounds(values, taken)
            people, of = np.divmod(np.flatnonzero(values <= bounds), len(waiting))
            of = np.repeat(waiting[of], np.diff(self._starts)[people])
            rows = self._rows_of(people)
            # One number for a person beside a probe.
            pairs = of * len(nearest) + self.gallery.person_of_row[rows]
            ranked = ranking.by_person(distances(rows, of), pairs, rows, method)
            probes, people = np.divmod(ranked.people, len(nearest))
            order = np.argsort(probes, kind="stable")
            of_each = np.split(order, np.flatnonzero(np.diff(probes[order])) + 1)
            for probe, bound, places in zip(waiting.tolist(), bounds.tolist(), of_each, strict=True):
                own = places[:top]
                # Nobody else is as near as the bound.
                if ranked.distances[own[-1]] <= bound:
                    found[probe] = Ranking(people[own], ranked.distances[own], ranked.best_rows[own])
            waiting = np.array([probe for probe in waiting.tolist() if probe not in found], np.int64)
            taken, values = 2 * taken, nearest[:, waiting]
        return [found[probe] for probe in range(nearest.shape[1])]

    def _rank(self, rows: np.ndarray, distances: np.ndarray, top: int, method: Method) -> Ranking:
        ranked = ranking.by_person(distances, self.gallery.person_of_row[rows], rows, method)
        return Ranking(*(part[:top] for part in ranked))

    def _rows_of(self, people: np.ndarray) -> np.ndarray:
        """The rows of people, one person after the other."""
        lengths = np.diff(self._starts)[people]
        ends = np.cumsum(lengths)
        return self._by_person[np.arange(lengths.sum()) + np.repeat(self._starts[people] - ends + lengths, lengths)]


def _least_of_each(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The least of each so many consecutive rows, (len(lengths), m), of values (sum of lengths, m).

    All first rows, then all second ones, and so on, which is many times as fast as ``minimum.reduceat``.
    """
    order = np.argsort(-lengths, kind="stable")
    starts = (np.cumsum(lengths) - lengths)[order]
    least = values[starts]
    for place in range(1, lengths.max()):
        count = int((lengths > place).sum())
        np.minimum(least[:count], values[starts[:count] + place], out=least[:count])
    least[order] = least.copy()
    return least


def _bounds(values: np.ndarray, count: int) -> np.ndarray:
    """What more than ``count`` numbers of each column (n, m) do not exceed, and few others, (m,)."""
    if count >= len(values):
        return np.full(values.shape[1], np.inf)
    # The least of pairs, of fours, and so on: fewer to sort, and each is one of the numbers.
    while len(values) >= 16 * (count + 1):
        half = len(values) // 2
        values = np.minimum(values[:half], values[half : 2 * half])
    return np.partition(values, count, axis=0)[count]
