"""Candidates by faiss, exact distances by a scorer, people by rank."""

from __future__ import annotations

import numpy as np

from pipeline import ranking
from pipeline.gallery import Gallery
from pipeline.ranking import Method, Ranking
from pipeline.similarity import Scorer


class Search:
    """A gallery made ready for probes."""

    def __init__(self, gallery: Gallery, scorer: Scorer) -> None:
        import faiss

        self.gallery, self.scorer = gallery, scorer
        self._index = faiss.IndexFlatIP(gallery.embeddings.shape[1])
        self._index.add(np.ascontiguousarray(gallery.embeddings))
        # Rows sorted by person, to find all photos of a person at once.
        self._by_person = np.argsort(gallery.person_of_row, kind="stable")
        self._starts = np.searchsorted(gallery.person_of_row[self._by_person], np.arange(gallery.people_count + 1))

    def rank(self, probe: np.ndarray, top: int, method: Method = "min", candidates: int = 200) -> Ranking:
        """The ``top`` most alike people to a unit row (128,), or all where the gallery has fewer.

        ``candidates`` rows are taken from faiss, more where they hold too few people; then all photos of those
        people are scored exactly. With as many candidates as rows this is the exact scan.
        """
        rows = self._rows_of(self._candidate_people(probe, top, candidates))
        distances = self.scorer.distances(probe, self.gallery.embeddings[rows])
        ranked = ranking.by_person(distances, self.gallery.person_of_row[rows], rows, method)
        return Ranking(*(part[:top] for part in ranked))

    def _candidate_people(self, probe: np.ndarray, top: int, candidates: int) -> np.ndarray:
        while candidates < len(self.gallery):
            _, rows = self._index.search(probe[None].astype(np.float32), candidates)
            people = np.unique(self.gallery.person_of_row[rows[0]])
            if len(people) >= top:
                return people
            candidates *= 2
        return np.arange(self.gallery.people_count)

    def _rows_of(self, people: np.ndarray) -> np.ndarray:
        return np.concatenate([self._by_person[self._starts[p] : self._starts[p + 1]] for p in people])
