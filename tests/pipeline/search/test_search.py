"""Search over galleries in memory: candidates against the exact scan, permutations, and the edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gallery.gallery import Gallery
from pipeline.search import ranking
from pipeline.search.ranking import Ranking
from pipeline.search.search import Search, SearchSettings
from pipeline.similarity import scorers
from pipeline.similarity.scorers import CosineScorer, NetworkScorer, Scorer
from tests.conftest import unit_rows
from tests.pipeline.similarity.test_scorers import CURVE, network

COUNT, PEOPLE = 600, 90
ROWS = unit_rows(COUNT)
OWNERS = np.random.default_rng(3).permutation(np.arange(COUNT) % PEOPLE)
PROBE = unit_rows(1, seed=9)[0]


COSINE = CosineScorer()
NETWORKS = [NetworkScorer(network(), CURVE), NetworkScorer(network(product=True, steepness=3.0), CURVE)]


def search_in(rows: np.ndarray, owners: np.ndarray, candidates: int = 200, scorer: Scorer = COSINE) -> Search:
    faces = pa.table({"person": [f"p{owner}" for owner in owners]})
    return Search(Gallery(Path("none"), {}, faces, rows), scorer, SearchSettings(candidates))


def same(one: Ranking, other: Ranking) -> bool:
    return all((part == twin).all() for part, twin in zip(one, other, strict=True))


def named(search: Search, ranked: Ranking) -> list[str]:
    return [search.gallery.faces["person"][row].as_py() for row in ranked.best_rows.tolist()]


@pytest.mark.parametrize("scorer", [COSINE, *NETWORKS])
@pytest.mark.parametrize("top", [1, 10, PEOPLE])
def test_the_exact_scan_is_that_of_a_naive_loop(scorer, top):
    search = search_in(ROWS, OWNERS, scorer=scorer)
    best: dict[int, float] = {}
    for row, owner in zip(ROWS, OWNERS.tolist(), strict=True):
        best[owner] = min(float(scorer.distances(PROBE, scorer.prepare(row[None]))[0]), best.get(owner, 1.0))
    expected = sorted(best, key=best.__getitem__)[:top]
    ranked = search.rank(PROBE, top, exact=True)
    assert named(search, ranked) == [f"p{owner}" for owner in expected]
    assert ranked.distances == pytest.approx([best[owner] for owner in expected], abs=1e-6)


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 20), st.sampled_from(["min", "average"]))
def test_the_exact_scan_ranks_as_sorting_all_photos_does(seed, people, top, method):
    random = np.random.default_rng(seed)
    rows = unit_rows(60, seed)
    # Few values, so that many photos are equally far.
    scorer = Rounded(decimals=int(random.integers(1, 7)))
    search = search_in(rows, random.integers(0, people, 60), scorer=scorer)
    everybody = np.arange(60)
    whole = ranking.by_person(scorer.distances(PROBE, rows), search.gallery.person_of_row, everybody, method)
    assert same(search.rank(PROBE, top, method, exact=True), Ranking(*(part[:top] for part in whole)))


@pytest.mark.parametrize("scorer", [COSINE, *NETWORKS, scorers.named()])
@pytest.mark.parametrize("method", ["min", "average"])
def test_many_probes_rank_as_each_of_them_does(scorer, method):
    probes, search = unit_rows(30, seed=5), search_in(ROWS, OWNERS, scorer=scorer)
    for top, exact in ((1, False), (10, True), (PEOPLE, False), (1000, True)):
        many = search.rank_many(probes, top, method, exact)
        every = exact or scorer.product_of(probes) is not None
        singles = [search.rank(probe, top, method, every) for probe in probes]
        for ranked, single in zip(many, singles, strict=True):
            assert (ranked.people == single.people).all()
            assert (ranked.best_rows == single.best_rows).all()
            assert ranked.distances == pytest.approx(single.distances, abs=1e-6)
    assert search.rank_many(probes[:0], 10) == []


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 20))
def test_many_probes_rank_as_each_of_them_does_whoever_has_how_many_photos(seed, people, top):
    owners = np.random.default_rng(seed).integers(0, people, 60) ** 2 // people
    search, probes = search_in(unit_rows(60, seed), np.sort(owners) if seed % 2 else owners), unit_rows(5, seed + 1)
    for probe, ranked in zip(probes, search.rank_many(probes, top), strict=True):
        single = search.rank(probe, top, exact=True)
        assert ranked.best_rows.tolist() == single.best_rows.tolist()
        assert ranked.distances == pytest.approx(single.distances, abs=1e-6)


class Rounded(CosineScorer):
    """Cosine of a few decimals, which makes ties."""

    def __init__(self, decimals: int) -> None:
        super().__init__()
        self.decimals = decimals

    def distances(self, probe: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        return super().distances(probe, prepared).round(self.decimals)


@pytest.mark.parametrize("scorer", [COSINE, *NETWORKS])
@pytest.mark.parametrize("method", ["min", "average"])
def test_as_many_candidates_as_photos_are_the_exact_scan(scorer, method):
    search = search_in(ROWS, OWNERS, COUNT, scorer)
    for probe in unit_rows(20, seed=9):
        assert same(search.rank(probe, 10, method), search.rank(probe, 10, method, exact=True))


@pytest.mark.parametrize("scorer", NETWORKS)
def test_more_candidates_find_more_of_the_exact_scan(scorer):
    probes = unit_rows(40, seed=9)
    exact = [set(search_in(ROWS, OWNERS, 20, scorer).rank(probe, 10, exact=True).people) for probe in probes]
    found = []
    for candidates in (20, 100, 400):
        search = search_in(ROWS, OWNERS, candidates, scorer)
        ranked = [set(search.rank(probe, 10).people) for probe in probes]
        found.append(np.mean([len(some & whole) for some, whole in zip(ranked, exact, strict=True)]))
    assert found == sorted(found)
    assert found[-1] > found[0]


@pytest.mark.parametrize("top", [1, 10, PEOPLE])
@pytest.mark.parametrize("candidates", [1, 5, 200])
def test_by_cosine_few_candidates_find_the_same_people_as_the_exact_scan(top, candidates):
    search = search_in(ROWS, OWNERS, candidates)
    exact, few = search.rank(PROBE, top, exact=True), search.rank(PROBE, top)
    assert few.best_rows.tolist() == exact.best_rows.tolist()
    assert few.people.tolist() == exact.people.tolist()
    assert few.distances == pytest.approx(exact.distances, abs=1e-6)


@pytest.mark.parametrize("scorer", [COSINE, *NETWORKS])
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("method", ["min", "average"])
def test_permuting_the_gallery_leaves_the_ranking(scorer, method, exact):
    order = np.random.default_rng(5).permutation(COUNT)
    search, permuted = search_in(ROWS, OWNERS, scorer=scorer), search_in(ROWS[order], OWNERS[order], scorer=scorer)
    plain, other = search.rank(PROBE, 20, method, exact), permuted.rank(PROBE, 20, method, exact)
    assert named(search, plain) == named(permuted, other)
    assert order[other.best_rows].tolist() == plain.best_rows.tolist()
    assert other.distances == pytest.approx(plain.distances, abs=1e-6)


@pytest.mark.parametrize("candidates", [1, 200, COUNT])
def test_a_top_larger_than_the_gallery_gives_everybody_once(candidates):
    ranked = search_in(ROWS, OWNERS, candidates).rank(PROBE, 10_000)
    assert sorted(ranked.people.tolist()) == list(range(PEOPLE))


def test_a_photo_of_the_gallery_finds_itself():
    ranked = search_in(ROWS, OWNERS).rank(ROWS[123], 1)
    assert ranked.best_rows.tolist() == [123]
    assert ranked.distances[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("method", ["min", "average"])
@pytest.mark.parametrize("count", [1, 300])
def test_a_gallery_of_one_person_ranks_that_person(count, method):
    ranked = search_in(ROWS[:count], np.zeros(count)).rank(PROBE, 5, method)
    assert ranked.people.tolist() == [0]


def test_a_person_with_hundreds_of_photos_does_not_hide_the_others():
    near = ROWS[:1] + unit_rows(400, seed=4) * 0.05
    rows = np.concatenate([near / np.linalg.norm(near, axis=1, keepdims=True), ROWS[1:20]]).astype(np.float32)
    search = search_in(rows, np.r_[np.zeros(400, int), np.arange(1, 20)], candidates=50)
    assert len(search.rank(ROWS[0], 10).people) == 10
