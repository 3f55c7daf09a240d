"""Search over galleries in memory: one answer for one probe and for many, against brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.embedding.facenet import FACENET_128
from pipeline.gallery.gallery import Gallery
from pipeline.search import ranking
from pipeline.search.ranking import Method, Ranking
from pipeline.search.search import Search, SearchSettings
from pipeline.similarity import registry
from pipeline.similarity.base import Scorer
from pipeline.similarity.cosine import CosineScorer
from pipeline.similarity.network_scorer import NetworkScorer
from tests.conftest import unit_rows
from tests.pipeline.similarity.test_scorers import CURVE, network

FACES, PEOPLE = 600, 90
ROWS = unit_rows(FACES)
OWNERS = np.random.default_rng(3).permutation(np.arange(FACES) % PEOPLE)
PROBES = unit_rows(30, seed=9)

COSINE = CosineScorer()
SHIPPED = registry.load_scorer(identity=FACENET_128.identity)
CONCATENATION = NetworkScorer(network(), CURVE)
PRODUCT_WITH_NET = NetworkScorer(network(product=True, steepness=3.0), CURVE)
PRODUCT_OF_CODES = NetworkScorer(network(product=True, steepness=3.0, metric=()), CURVE)
SCORERS = pytest.mark.parametrize(
    "scorer",
    [COSINE, SHIPPED, CONCATENATION, PRODUCT_WITH_NET, PRODUCT_OF_CODES],
    ids=["cosine", "shipped network", "concatenation", "product with net", "product of codes"],
)
METHODS = pytest.mark.parametrize("method", ["min", "average"])
EXACT = pytest.mark.parametrize("exact", [False, True], ids=["candidates", "exact"])


def search_in(
    rows: NDArray[np.float32], owners: NDArray[np.int64], *, candidates: int = 200, scorer: Scorer = COSINE
) -> Search:
    faces = pa.table({"person": [f"p{owner}" for owner in owners]})
    return Search(Gallery(Path("none"), {}, faces, rows), scorer, SearchSettings(candidates))


def identical(one: Ranking, other: Ranking) -> bool:
    return (
        np.array_equal(one.people, other.people)
        and np.array_equal(one.distances, other.distances)
        and np.array_equal(one.best_rows, other.best_rows)
    )


def names(search: Search, ranked: Ranking) -> list[str]:
    return [search.gallery.faces["person"][row].as_py() for row in ranked.best_rows.tolist()]


def brute_force(search: Search, probe: NDArray[np.float32], top: int, method: Method) -> Ranking:
    """Score every photo and sort."""
    distances = search.scorer.distances(probe, search.scorer.prepare(search.gallery.embeddings))
    return ranking.by_person(distances, search.gallery.person_of_row, np.arange(len(distances)), method).top(top)


@SCORERS
@METHODS
@pytest.mark.parametrize("top", [1, 10, PEOPLE])
def test_the_exact_search_is_brute_force(scorer, method, top):
    search = search_in(ROWS, OWNERS, scorer=scorer)
    for probe, found in zip(PROBES[:5], search.rank(PROBES[:5], top, method=method, exact=True), strict=True):
        expected = brute_force(search, probe, top, method)
        assert found.people.tolist() == expected.people.tolist()
        assert found.best_rows.tolist() == expected.best_rows.tolist()
        assert found.distances == pytest.approx(expected.distances, abs=1e-6)


@SCORERS
@METHODS
def test_without_exact_the_people_of_the_candidates_are_ranked_by_brute_force(scorer, method):
    search = search_in(ROWS, OWNERS, candidates=40, scorer=scorer)
    for probe, found in zip(PROBES, search.rank(PROBES, 5, method=method), strict=True):
        nearest = np.argsort(-(ROWS @ probe))[:40]
        candidates = set(search.gallery.person_of_row[nearest].tolist())
        whole = brute_force(search, probe, PEOPLE, method)
        among = [place for place, person in enumerate(whole.people.tolist()) if person in candidates][:5]
        assert found.people.tolist() == whole.people[among].tolist()
        assert found.best_rows.tolist() == whole.best_rows[among].tolist()
        assert found.distances == pytest.approx(whole.distances[among], abs=1e-6)


@SCORERS
@METHODS
@EXACT
@pytest.mark.parametrize(("top", "candidates"), [(1, 10), (5, 40), (10, 200), (PEOPLE, 200), (1000, 40), (5, 5000)])
def test_a_probe_gets_the_same_bits_alone_as_among_others(scorer, method, exact, top, candidates):
    search = search_in(ROWS, OWNERS, candidates=candidates, scorer=scorer)
    together = search.rank(PROBES, top, method=method, exact=exact)
    assert len(together) == len(PROBES)
    for place, ranked in enumerate(together):
        (alone,) = search.rank(PROBES[place : place + 1], top, method=method, exact=exact)
        assert identical(ranked, alone)


def test_no_probes_get_no_rankings():
    assert search_in(ROWS, OWNERS).rank(PROBES[:0], 10) == []


def test_many_probes_are_ranked_in_parts_that_fit_into_memory(monkeypatch):
    search = search_in(ROWS, OWNERS)
    whole = search.rank(PROBES, 10, exact=True)
    monkeypatch.setattr("pipeline.search.search._PAIRS_MAX", 7 * PEOPLE)
    parts = search.rank(PROBES, 10, exact=True)
    assert all(identical(one, other) for one, other in zip(whole, parts, strict=True))


def quarters(count: int, seed: int) -> NDArray[np.float32]:
    """Unit rows whose cosines are multiples of a quarter, which computers add without rounding: many ties."""
    random = np.random.default_rng(seed)
    rows = np.zeros((count, 128), np.float32)
    for row in rows:
        row[random.choice(8, 4, replace=False)] = random.choice([-0.5, 0.5], 4)
    return rows


@given(
    st.integers(0, 1000), st.integers(1, 40), st.integers(1, 20), st.sampled_from(["min", "average"]), st.booleans()
)
def test_ties_and_any_number_of_photos_a_person_are_ranked_as_by_brute_force(seed, people, top, method, ordered):
    owners = np.random.default_rng(seed).integers(0, people, 60) ** 2 // people
    search = search_in(quarters(60, seed), np.sort(owners) if ordered else owners)
    probes = quarters(5, seed + 1)
    for probe, ranked in zip(probes, search.rank(probes, top, method=method, exact=True), strict=True):
        assert identical(ranked, brute_force(search, probe, top, method))


@SCORERS
@METHODS
def test_as_many_candidates_as_photos_are_the_exact_search(scorer, method):
    search = search_in(ROWS, OWNERS, candidates=FACES, scorer=scorer)
    few, exact = (search.rank(PROBES, 10, method=method, exact=exact) for exact in (False, True))
    assert all(identical(one, other) for one, other in zip(few, exact, strict=True))


@pytest.mark.parametrize("scorer", [CONCATENATION, PRODUCT_WITH_NET, PRODUCT_OF_CODES])
def test_more_candidates_find_more_of_the_exact_search(scorer):
    exact = search_in(ROWS, OWNERS, scorer=scorer).rank(PROBES, 10, exact=True)
    found = []
    for candidates in (20, 100, 400):
        ranked = search_in(ROWS, OWNERS, candidates=candidates, scorer=scorer).rank(PROBES, 10)
        shares = [np.isin(few.people, all_.people).mean() for few, all_ in zip(ranked, exact, strict=True)]
        found.append(np.mean(shares))
    assert found == sorted(found)
    assert found[-1] > found[0]


@pytest.mark.parametrize("top", [1, 10, PEOPLE])
@pytest.mark.parametrize("candidates", [1, 5, 200])
def test_by_cosine_few_candidates_find_the_same_people_as_the_exact_search(top, candidates):
    search = search_in(ROWS, OWNERS, candidates=candidates)
    for exact, few in zip(search.rank(PROBES, top, exact=True), search.rank(PROBES, top), strict=True):
        assert few.best_rows.tolist() == exact.best_rows.tolist()
        assert few.people.tolist() == exact.people.tolist()
        assert few.distances == pytest.approx(exact.distances, abs=1e-6)


@SCORERS
@EXACT
@METHODS
def test_permuting_the_gallery_leaves_the_ranking(scorer, method, exact):
    order = np.random.default_rng(5).permutation(FACES)
    search, permuted = search_in(ROWS, OWNERS, scorer=scorer), search_in(ROWS[order], OWNERS[order], scorer=scorer)
    ((plain,), (other,)) = (
        arranged.rank(PROBES[:1], 20, method=method, exact=exact) for arranged in (search, permuted)
    )
    assert names(search, plain) == names(permuted, other)
    assert order[other.best_rows].tolist() == plain.best_rows.tolist()
    assert other.distances == pytest.approx(plain.distances, abs=1e-6)


@EXACT
@pytest.mark.parametrize("candidates", [1, 200, FACES])
def test_a_top_larger_than_the_gallery_gives_everybody_once(candidates, exact):
    (ranked,) = search_in(ROWS, OWNERS, candidates=candidates).rank(PROBES[:1], 10_000, exact=exact)
    assert sorted(ranked.people.tolist()) == list(range(PEOPLE))


@EXACT
def test_a_photo_of_the_gallery_finds_itself(exact):
    (ranked,) = search_in(ROWS, OWNERS).rank(ROWS[123:124], 1, exact=exact)
    assert ranked.best_rows.tolist() == [123]
    assert ranked.distances[0] == pytest.approx(0, abs=1e-6)


@EXACT
@METHODS
@pytest.mark.parametrize("count", [1, 300])
def test_a_gallery_of_one_person_ranks_that_person(count, method, exact):
    search = search_in(ROWS[:count], np.zeros(count, np.int64))
    assert [ranked.people.tolist() for ranked in search.rank(PROBES, 5, method=method, exact=exact)] == [[0]] * 30


def test_a_person_with_hundreds_of_photos_does_not_hide_the_others():
    near = ROWS[:1] + unit_rows(400, seed=4) * 0.05
    rows = np.concatenate([near / np.linalg.norm(near, axis=1, keepdims=True), ROWS[1:20]]).astype(np.float32)
    search = search_in(rows, np.r_[np.zeros(400, int), np.arange(1, 20)], candidates=50)
    assert [len(ranked.people) for ranked in search.rank(ROWS[:6], 10)] == [10] * 6


# Leaving people out -------------------------------------------------------------------------------------------------


def nearest_people(search: Search, probe: NDArray[np.float32], count: int) -> list[int]:
    return brute_force(search, probe, count, "min").people.tolist()


@SCORERS
@METHODS
@EXACT
@pytest.mark.parametrize(("top", "candidates"), [(1, 10), (5, 40), (10, 200), (PEOPLE, 200), (5, 5000)])
def test_without_some_people_the_ranking_is_that_of_the_gallery_without_them(scorer, method, exact, top, candidates):
    search = search_in(ROWS, OWNERS, candidates=candidates, scorer=scorer)
    for probe in PROBES[:6]:
        # Those who would come first.
        excluded = nearest_people(search, probe, 7)[::2]
        kept = np.flatnonzero(~np.isin(search.gallery.person_of_row, excluded))
        smaller = search_in(ROWS[kept], OWNERS[kept], candidates=candidates, scorer=scorer)
        (found,) = search.rank(probe[None], top, method=method, exact=exact, exclude=excluded)
        (expected,) = smaller.rank(probe[None], top, method=method, exact=exact)
        assert names(search, found) == names(smaller, expected)
        assert found.best_rows.tolist() == kept[expected.best_rows].tolist()
        assert found.distances == pytest.approx(expected.distances, abs=1e-6)


@SCORERS
@METHODS
@EXACT
@pytest.mark.parametrize(("top", "candidates"), [(1, 10), (5, 40), (PEOPLE, 200)])
def test_without_some_people_a_probe_gets_the_same_bits_alone_as_among_others(scorer, method, exact, top, candidates):
    search = search_in(ROWS, OWNERS, candidates=candidates, scorer=scorer)
    excluded = sorted({person for probe in PROBES for person in nearest_people(search, probe, 1)})
    together = search.rank(PROBES, top, method=method, exact=exact, exclude=excluded)
    for place, ranked in enumerate(together):
        (alone,) = search.rank(PROBES[place : place + 1], top, method=method, exact=exact, exclude=excluded)
        assert identical(ranked, alone)
        assert not set(ranked.people.tolist()) & set(excluded)


@EXACT
def test_hundreds_of_photos_of_somebody_left_out_use_up_no_candidates(exact):
    near = ROWS[:1] + unit_rows(400, seed=4) * 0.05
    rows = np.concatenate([near / np.linalg.norm(near, axis=1, keepdims=True), ROWS[1:20]]).astype(np.float32)
    search = search_in(rows, np.r_[np.zeros(400, int), np.arange(1, 20)], candidates=5)
    (ranked,) = search.rank(ROWS[:1], 3, exact=exact, exclude=[0])
    assert ranked.people.tolist() == (1 + np.argsort(-(ROWS[1:20] @ ROWS[0]))[:3]).tolist()


@EXACT
@SCORERS
def test_leaving_everybody_out_gives_nobody(scorer, exact):
    search = search_in(ROWS, OWNERS, scorer=scorer)
    found = search.rank(PROBES, 5, exact=exact, exclude=range(PEOPLE))
    assert [len(part) for ranked in found for part in ranked] == [0] * 3 * len(PROBES)
    (one,) = search.rank(PROBES[:1], 5, exact=exact, exclude=range(1, PEOPLE))
    assert one.people.tolist() == [0]


def test_leaving_somebody_out_twice_is_leaving_them_out_once():
    search = search_in(ROWS, OWNERS)
    once, twice = (search.rank(PROBES, 5, exclude=excluded) for excluded in ([3, 4], [4, 3, 3, 4]))
    assert all(identical(one, other) for one, other in zip(once, twice, strict=True))
