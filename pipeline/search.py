"""Candidates by faiss, exact distances by a scorer, people by rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline import ranking
from pipeline.gallery import Gallery
from pipeline.index import index
from pipeline.prepared import prepared
from pipeline.ranking import Method, Ranking
from pipeline.scorers import Scorer


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
        """Rank by the distances of all photos, without sorting them all, which takes longer than scoring them.

        No method ranks a person nearer than that person's most alike photo.
        """
        nearest = np.minimum.reduceat(distances[self._by_person], self._starts[:-1])
        people = np.argsort(nearest, kind="stable")
        taken = top
        while True:
            rows = self._rows_of(people[:taken])
            ranked = self._rank(rows, distances[rows], top, method)
            if taken >= len(people) or ranked.distances[-1] < nearest[people[taken]]:
                return ranked
            taken *= 2

    def _rank(self, rows: np.ndarray, distances: np.ndarray, top: int, method: Method) -> Ranking:
        ranked = ranking.by_person(distances, self.gallery.person_of_row[rows], rows, method)
        return Ranking(*(part[:top] for part in ranked))

    def _rows_of(self, people: np.ndarray) -> np.ndarray:
        return np.concatenate([self._by_person[self._starts[p] : self._starts[p + 1]] for p in people])
