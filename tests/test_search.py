"""Search over galleries in memory: candidates against the exact scan, permutations, and the edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.gallery import Gallery
from pipeline.ranking import Ranking
from pipeline.search import Search
from pipeline.similarity import CosineScorer
from tests.conftest import unit_rows

COUNT, PEOPLE = 600, 90
ROWS = unit_rows(COUNT)
OWNERS = np.random.default_rng(3).permutation(np.arange(COUNT) % PEOPLE)
PROBE = unit_rows(1, seed=9)[0]


def search_in(rows: np.ndarray, owners: np.ndarray) -> Search:
    faces = pa.table({"person": [f"p{owner}" for owner in owners]})
    return Search(Gallery(Path("none"), {}, faces, rows), CosineScorer())


def named(search: Search, ranked: Ranking) -> list[str]:
    return [search.gallery.faces["person"][row].as_py() for row in ranked.best_rows.tolist()]


@pytest.fixture(scope="module")
def search():
    return search_in(ROWS, OWNERS)


def test_the_exact_scan_is_that_of_a_naive_loop(search):
    best: dict[int, float] = {}
    for row, owner in zip(ROWS, OWNERS.tolist(), strict=True):
        best[owner] = min((1 - float(row @ PROBE)) / 2, best.get(owner, 1.0))
    expected = sorted(best, key=best.__getitem__)
    ranked = search.rank(PROBE, PEOPLE, candidates=COUNT)
    assert named(search, ranked) == [f"p{owner}" for owner in expected]
    assert ranked.distances == pytest.approx([best[owner] for owner in expected], abs=1e-6)


@pytest.mark.parametrize("top", [1, 10, PEOPLE])
@pytest.mark.parametrize("candidates", [1, 5, 200])
def test_few_candidates_find_the_same_people_as_the_exact_scan(search, top, candidates):
    exact = search.rank(PROBE, top, candidates=COUNT)
    few = search.rank(PROBE, top, candidates=candidates)
    assert few.best_rows.tolist() == exact.best_rows.tolist()
    assert few.people.tolist() == exact.people.tolist()
    assert few.distances == pytest.approx(exact.distances, abs=1e-6)


@pytest.mark.parametrize("method", ["min", "average"])
def test_permuting_the_gallery_leaves_the_ranking(search, method):
    order = np.random.default_rng(5).permutation(COUNT)
    permuted = search_in(ROWS[order], OWNERS[order])
    plain, other = search.rank(PROBE, 20, method), permuted.rank(PROBE, 20, method)
    assert named(search, plain) == named(permuted, other)
    assert order[other.best_rows].tolist() == plain.best_rows.tolist()
    assert other.distances == pytest.approx(plain.distances, abs=1e-6)


@pytest.mark.parametrize("candidates", [1, 200])
def test_a_top_larger_than_the_gallery_gives_everybody_once(search, candidates):
    ranked = search.rank(PROBE, 10_000, candidates=candidates)
    assert sorted(ranked.people.tolist()) == list(range(PEOPLE))


def test_a_photo_of_the_gallery_finds_itself(search):
    ranked = search.rank(ROWS[123], 1)
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
    search = search_in(rows, np.r_[np.zeros(400, int), np.arange(1, 20)])
    assert len(search.rank(ROWS[0], 10, candidates=50).people) == 10
