"""Ranking only some of the people of a gallery: the same as in a gallery of these people alone."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.search import index as indexes
from pipeline.search.scan import Scan
from pipeline.search.search import Search
from pipeline.similarity.cosine import CosineScorer
from tests.conftest import unit_rows
from tests.pipeline.search.test_index import gallery_of
from tests.pipeline.search.test_search import (
    EXACT,
    METHODS,
    OWNERS,
    PROBES,
    ROWS,
    SCORERS,
    identical,
    names,
    search_in,
)


def chosen(search: Search, every: int) -> np.ndarray:
    """Every so many people."""
    return np.arange(search.gallery.people_count) % every == 0


@SCORERS
@METHODS
@EXACT
@pytest.mark.parametrize(("every", "candidates"), [(2, 40), (2, 5000), (7, 40), (40, 10)])
def test_the_ranking_is_that_of_a_gallery_of_these_people_alone(scorer, method, exact, every, candidates):
    whole = search_in(ROWS, OWNERS, scorer=scorer, candidates=candidates)
    among = chosen(whole, every)
    rows = among[whole.gallery.person_of_row]
    alone = search_in(ROWS[rows], OWNERS[rows], scorer=scorer, candidates=candidates)
    for probe in PROBES[:6]:
        (found,) = whole.rank(probe[None], 10, method=method, exact=exact, among=among)
        (expected,) = alone.rank(probe[None], 10, method=method, exact=exact)
        assert names(whole, found) == names(alone, expected)
        assert found.distances == pytest.approx(expected.distances, abs=1e-6)
        assert len(found.people) == min(10, among.sum())
    together = whole.rank(PROBES, 3, method=method, exact=exact, among=among)
    singly = [whole.rank(probe[None], 3, method=method, exact=exact, among=among)[0] for probe in PROBES]
    assert [own.people.tolist() for own in together] == [own.people.tolist() for own in singly]


@EXACT
def test_people_may_be_left_out_of_some(exact):
    search = search_in(ROWS, OWNERS, candidates=40)
    among = chosen(search, 3)
    (whole,) = search.rank(PROBES[:1], 12, among=among, exact=exact)
    left_out = whole.people[[0, 4]].tolist()
    (found,) = search.rank(PROBES[:1], 10, among=among, exclude=left_out, exact=exact)
    assert found.people.tolist() == [person for person in whole.people.tolist() if person not in left_out]
    everybody = np.flatnonzero(among).tolist()
    assert search.rank(PROBES[:1], 10, among=among, exclude=everybody)[0].people.tolist() == []
    assert search.rank(PROBES[:1], 10, among=~among)[0].people.tolist() != found.people.tolist()


def test_few_people_are_ranked_without_scoring_all_others(monkeypatch):
    search = search_in(ROWS, OWNERS)
    among = chosen(search, 30)
    (exact,) = search.rank(PROBES[:1], 10, among=among, exact=True)
    monkeypatch.delattr(Scan, "lowest_values")
    (found,) = search.rank(PROBES[:1], 10, among=among)
    assert identical(found, exact)


@pytest.mark.slow
def test_ten_of_a_few_people_are_found_in_a_large_gallery(tmp_path, monkeypatch):
    monkeypatch.setattr(indexes, "EXACT_MAX", 10_000)
    rows = unit_rows(20_000, seed=2)
    search = Search(gallery_of(tmp_path, rows, "a"), CosineScorer())
    probe = unit_rows(1, seed=5)
    for every in (2, 40, 1000):
        among = chosen(search, every)
        (found,) = search.rank(probe, 10, among=among)
        (exact,) = search.rank(probe, 10, among=among, exact=True)
        assert len(found.people) == min(10, among.sum())
        assert among[found.people].all()
        assert np.isin(found.people, exact.people).mean() >= 0.8
