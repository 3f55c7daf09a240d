"""The search: candidates by faiss, distances by a scorer, people by rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.gallery.gallery import Gallery
from pipeline.search import ranking
from pipeline.search.cache import prepared_rows
from pipeline.search.index import EXACT_MAX, open_index
from pipeline.search.people import RowsByPerson
from pipeline.search.ranking import Method, Ranking
from pipeline.search.scan import ROUNDING, Scan
from pipeline.similarity.base import MatrixProduct, Scorer

# Distances of people to probes that are held at a time: 256 MB.
_PAIRS_MAX = 64_000_000
# From this many probes on, one product of matrices is faster than one faiss search for each.
_TOGETHER_MIN = 4


@dataclass(frozen=True)
class SearchSettings:
    """candidates: nearest photos by cosine whose people are scored (see ``make benchmark-scoring``)."""

    candidates: int = 500


class Search:
    """A gallery and a scorer, ready for probes."""

    def __init__(self, gallery: Gallery, scorer: Scorer, settings: SearchSettings = SearchSettings()) -> None:
        self.gallery, self.scorer, self.settings = gallery, scorer, settings
        self._prepared = prepared_rows(gallery, scorer)
        self._index = open_index(gallery)
        self._rows_by_person = RowsByPerson(gallery.person_of_row)
        self._scan = Scan(gallery.embeddings, self._prepared, self._rows_by_person)

    def rank(
        self, probes: NDArray[np.float32], top: int, *, method: Method = "min", exact: bool = False
    ) -> list[Ranking]:
        """The ``top`` most similar people to each of several unit rows (m, d); everybody if the gallery has fewer.

        With ``exact`` every photo is scored. Otherwise the nearest photos by cosine are candidates, more of them if
        they show fewer than ``top`` people, and all photos of the candidates' people are scored. A probe gets the
        same ranking and distances, to the last bit, whether it is ranked alone or among others.
        """
        probes_max = max(_PAIRS_MAX // self.gallery.people_count, 1)
        parts = [probes[start : start + probes_max] for start in range(0, len(probes), probes_max)]
        return [ranked for part in parts for ranked in self._rank(part, top, method, exact)]

    def _rank(self, probes: NDArray[np.float32], top: int, method: Method, exact: bool) -> list[Ranking]:
        product = self.scorer.product_of(probes)
        if product is None:
            return [self._rank_alone(probe, top, method, exact) for probe in probes]
        if exact:
            return self._rank_everybody(product, top, method)
        found: dict[int, Ranking] = {}
        if len(probes) >= _TOGETHER_MIN and len(self.gallery) <= EXACT_MAX:
            found = self._rank_together(probes, product, top, method)
        return [
            found[place] if place in found else self._rank_alone(probe, top, method, exact, product.column(place))
            for place, probe in enumerate(probes)
        ]

    def _rank_everybody(self, product: MatrixProduct, top: int, method: Method) -> list[Ranking]:
        return self._scan.rank(product, product.link(self._scan.lowest_values(product)), top, method)

    def _rank_together(
        self, probes: NDArray[np.float32], product: MatrixProduct, top: int, method: Method
    ) -> dict[int, Ranking]:
        """Rankings by place of the probe, for the probes whose most similar people are all candidates.

        Scoring every photo for all probes is one matrix product. If the people it ranks are all candidates, ranking
        the candidates gives the same. They are if, counting from the largest cosine down, the photo of the farthest
        of them comes before the candidates end. Other probes are left out.
        """
        lowest = self._scan.lowest_values(product)
        rankings = self._scan.rank(product, product.link(lowest), top, method)
        embeddings = self.gallery.embeddings
        smallest = np.array(
            [(embeddings[own.best_rows] @ probe).min() for own, probe in zip(rankings, probes, strict=True)],
            np.float32,
        )
        smallest -= ROUNDING
        # First by a cheap bound: all photos of the people whose cosine may be that large.
        people, places = self._scan.people_within(product, lowest, probes, smallest)
        photos = np.bincount(places, self._rows_by_person.counts[people], len(probes))
        for place in np.flatnonzero(photos > self.settings.candidates).tolist():
            rows = self._rows_by_person.of(people[places == place])
            photos[place] = np.count_nonzero(embeddings[rows] @ probes[place] >= smallest[place])
        return {place: rankings[place] for place in np.flatnonzero(photos <= self.settings.candidates).tolist()}

    def _rank_alone(
        self, probe: NDArray[np.float32], top: int, method: Method, exact: bool, product: MatrixProduct | None = None
    ) -> Ranking:
        people = None if exact else self._candidate_people(probe, top)
        if people is None:
            if product:
                return self._rank_everybody(product, top, method)[0]
            rows = np.arange(len(self.gallery), dtype=np.int32)
            distances = self.scorer.distances(probe, self._prepared)
        else:
            rows = self._rows_by_person.of(people)
            if product:
                distances = self._scan.distances(product, rows, np.zeros(len(rows), np.int64))
            else:
                distances = self.scorer.distances(probe, self._prepared[rows])
        return ranking.by_person(distances, self.gallery.person_of_row[rows], rows, method).top(top)

    def _candidate_people(self, probe: NDArray[np.float32], top: int) -> NDArray[np.int32] | None:
        """The people of the nearest photos by cosine, at least ``top`` of them; None for everybody."""
        import faiss

        # One probe is the work of one thread; the others of OpenMP would only spin.
        faiss.omp_set_num_threads(1)
        candidates = self.settings.candidates
        while candidates < len(self.gallery):
            _, rows = self._index.search(probe[None].astype(np.float32), candidates)
            people = np.unique(self.gallery.person_of_row[rows[0][rows[0] >= 0]])
            if len(people) >= top:
                return people
            candidates *= 2
        return None
