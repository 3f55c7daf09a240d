"""The search: candidates by an index, distances by a scorer, people by rank."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import arrays
from pipeline.gallery.gallery import Gallery, damaged
from pipeline.search import ranking
from pipeline.search.cache import prepared_rows
from pipeline.search.candidates import open_candidates
from pipeline.search.people import RowsByPerson
from pipeline.search.ranking import Method, Ranking
from pipeline.search.scan import ROUNDING, Scan
from pipeline.similarity.base import MatrixProduct, Scorer

# Distances of people to probes that are held at a time: 256 MB.
_PAIRS_MAX = 64_000_000
# From this many probes on, one product of matrices is faster than one faiss search for each.
_TOGETHER_MIN = 4
_NOBODY = Ranking(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int64))


@dataclass(frozen=True)
class SearchSettings:
    """candidates: nearest photos by cosine whose people are scored (see ``make benchmark-scoring``).

    Of very many photos, they are more: see :func:`pipeline.search.index.candidates_among`.

    From Milvus, half as many people are scored: about as many as so many photos show.
    """

    candidates: int = 500


class _Among(NamedTuple):
    """Who is ranked, where that is not everybody: the numbers of the people, (n,), and who may be a candidate."""

    people: NDArray[np.int64]
    selection: Any


class _Wanted(NamedTuple):
    """What is asked of a ranking: ``top`` people by a method, without the excluded, whose numbers are (n,).

    among: who may be ranked; then nobody is excluded besides.
    """

    top: int
    method: Method
    exact: bool
    excluded: NDArray[np.int64]
    among: _Among | None = None

    @property
    def ranked(self) -> int:
        """So many people of the whole gallery have as many as wanted among them."""
        return self.top + len(self.excluded)

    def of(self, ranked: Ranking) -> Ranking:
        """What is wanted of a ranking of the whole gallery, of at least :attr:`ranked` people."""
        return ranked.without(self.excluded).top(self.top)


class Search:
    """A gallery and a scorer, ready for probes."""

    def __init__(self, gallery: Gallery, scorer: Scorer, settings: SearchSettings = SearchSettings()) -> None:
        self.gallery, self.scorer, self.settings = gallery, scorer, settings
        self._prepared = prepared_rows(gallery, scorer)
        self._candidates = open_candidates(gallery, settings.candidates)
        self._rows_by_person = RowsByPerson(gallery.person_of_row)
        self._scan = Scan(gallery.embeddings, self._prepared, self._rows_by_person)
        self._last_among: tuple[object, _Among] | None = None

    def rank(
        self,
        probes: NDArray[np.float32],
        top: int,
        *,
        method: Method = "min",
        exact: bool = False,
        exclude: Collection[int] = (),
        among: NDArray[np.bool_] | None = None,
    ) -> list[Ranking]:
        """The ``top`` most similar people to each of several unit rows (m, d); everybody if the gallery has fewer.

        With ``exact`` every photo is scored. Otherwise the nearest photos by cosine are candidates, more of them if
        they show fewer than ``top`` people, and all photos of the candidates' people are scored. A probe gets the
        same ranking and distances, to the last bit, whether it is ranked alone or among others.

        exclude: numbers of people to leave out. among: who is ranked at all, bool (people,). The ranking is that of a
        gallery of these people alone.
        """
        self._check_sizes()
        excluded = np.unique(np.array([*exclude], np.int64))
        chosen = None if among is None else self._among(among, excluded)
        left = self.gallery.people_count - len(excluded) if chosen is None else len(chosen.people)
        top = min(top, left)
        if top <= 0:
            return [_NOBODY] * len(probes)
        wanted = _Wanted(top, method, exact, excluded if chosen is None else excluded[:0], chosen)
        probes_max = max(_PAIRS_MAX // self.gallery.people_count, 1)
        parts = [probes[start : start + probes_max] for start in range(0, len(probes), probes_max)]
        return [ranked for part in parts for ranked in self._rank(part, wanted)]

    def _check_sizes(self) -> None:
        """Raise GalleryError if a file that is mapped was cut off meanwhile: reading it would end the process."""
        self.gallery.check_sizes()
        rows = self._prepared
        if isinstance(rows, np.memmap) and arrays.is_cut_off(Path(str(rows.filename)), rows.offset + rows.nbytes):
            raise damaged(self.gallery.name, ValueError("its prepared rows were cut off"))

    def _among(self, among: NDArray[np.bool_], excluded: NDArray[np.int64]) -> _Among:
        """The people to rank. Those of the last call are kept: making them takes longer than a search."""
        key = (among.tobytes(), excluded.tobytes())
        last = self._last_among
        if last is None or last[0] != key:
            kept = among.copy()
            kept[excluded] = False
            chosen = _Among(np.flatnonzero(kept), self._candidates.selection(kept))
            last = self._last_among = (key, chosen)
        return last[1]

    def _rank(self, probes: NDArray[np.float32], wanted: _Wanted) -> list[Ranking]:
        product = self.scorer.product_of(probes)
        if product is None:
            return [self._rank_alone(probe, wanted) for probe in probes]
        if wanted.exact:
            return self._rank_everybody(product, wanted)
        found: dict[int, Ranking] = {}
        if len(probes) >= _TOGETHER_MIN and self._candidates.are_exact and not wanted.among:
            found = self._rank_together(probes, product, wanted)
        return [
            found[place] if place in found else self._rank_alone(probe, wanted, product.column(place))
            for place, probe in enumerate(probes)
        ]

    def _rank_everybody(self, product: MatrixProduct, wanted: _Wanted) -> list[Ranking]:
        lowest = product.link(self._scan.lowest_values(product))
        people = wanted.among.people if wanted.among else None
        ranked = self._scan.rank(product, lowest, wanted.ranked, wanted.method, people)
        return [wanted.of(own) for own in ranked]

    def _rank_together(
        self, probes: NDArray[np.float32], product: MatrixProduct, wanted: _Wanted
    ) -> dict[int, Ranking]:
        """Rankings by place of the probe, for the probes whose most similar people are all candidates.

        Scoring every photo for all probes is one matrix product. If the people it ranks are all candidates, ranking
        the candidates gives the same. They are if, counting from the largest cosine down, the photo of the farthest
        of them comes before the candidates end. Other probes are left out.
        """
        lowest = self._scan.lowest_values(product)
        rankings = self._scan.rank(product, product.link(lowest), wanted.ranked, wanted.method)
        rankings = [wanted.of(ranked) for ranked in rankings]
        embeddings = self.gallery.embeddings
        smallest = np.array(
            [(embeddings[own.best_rows] @ probe).min() for own, probe in zip(rankings, probes, strict=True)],
            np.float32,
        )
        smallest -= ROUNDING
        # First by a cheap bound: all photos of the people whose cosine may be that large.
        people, places = self._scan.people_within(product, lowest, probes, smallest)
        kept = ~np.isin(people, wanted.excluded)
        people, places = people[kept], places[kept]
        photos = np.bincount(places, self._rows_by_person.counts[people], len(probes))
        for place in np.flatnonzero(photos > self.settings.candidates).tolist():
            rows = self._rows_by_person.of(people[places == place])
            photos[place] = np.count_nonzero(embeddings[rows] @ probes[place] >= smallest[place])
        return {place: rankings[place] for place in np.flatnonzero(photos <= self.settings.candidates).tolist()}

    def _rank_alone(
        self, probe: NDArray[np.float32], wanted: _Wanted, product: MatrixProduct | None = None
    ) -> Ranking:
        people = None if wanted.exact else self._candidate_people(probe, wanted)
        if people is None:
            if product:
                return self._rank_everybody(product, wanted)[0]
            rows = np.arange(len(self.gallery), dtype=np.int32)
            if wanted.among:
                rows = self._rows_by_person.of(wanted.among.people)
            distances = self.scorer.distances(probe, self._prepared[rows] if wanted.among else self._prepared)
        else:
            rows = self._rows_by_person.of(people)
            if product:
                distances = self._scan.distances(product, rows, np.zeros(len(rows), np.int64))
            else:
                distances = self.scorer.distances(probe, self._prepared[rows])
        return wanted.of(ranking.by_person(distances, self.gallery.person_of_row[rows], rows, wanted.method))

    def _candidate_people(self, probe: NDArray[np.float32], wanted: _Wanted) -> NDArray[np.integer] | None:
        """The people who are scored, at least as many as wanted; None for everybody."""
        among = wanted.among
        selection = among.selection if among else None
        people = self._candidates.people(probe, wanted.top, wanted.excluded, selection)
        return among.people if people is None and among else people
