"""Families and doubles: who resembles whom among the people of a gallery."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score

from pipeline.embedding.base import unit
from pipeline.gallery import layout, opening
from pipeline.map import families
from pipeline.map.neighbours import Neighbours, most_similar_people, nearest_photos
from tests.processes import in_a_process


def found(rows, people):
    """Families of rows, given the number of each row's person."""
    neighbours = Neighbours(rows)
    known, _ = nearest_photos(neighbours, 10)
    count = min(10, (int(people.max())) // 2)
    return families.find_families(rows, people, most_similar_people(neighbours, people, count, known=known))


def crowd(seed=0, groups=5, size=6, alone=40, dimensions=64):
    """A photo of each person: groups of people who resemble one another, and others who resemble nobody."""
    random = np.random.default_rng(seed)
    middles = np.repeat(random.standard_normal((groups, dimensions)), size, axis=0)
    near = middles + 0.3 * random.standard_normal(middles.shape)
    return unit(np.concatenate([near, random.standard_normal((alone, dimensions))]).astype(np.float32))


@pytest.fixture(scope="module")
def real():
    """Unit rows of the demonstration, and the number of each row's person."""
    opened = opening.open_gallery(layout.DEMONSTRATION)
    return np.ascontiguousarray(opened.embeddings), opened.person_of_row


def test_groups_are_families_that_nobody_else_is_in():
    rows = crowd()
    of_person = found(rows, np.arange(len(rows))).of_person
    groups = of_person[:30].reshape(5, 6)
    assert (groups == groups[:, :1]).all()
    assert len(set(groups[:, 0])) == 5
    assert (of_person[:30] >= 0).all()
    assert not set(of_person[:30]) & set(of_person[30:])


def test_families_are_numbered_by_size_and_branches_cover_them(real):
    whole = found(*real)
    sizes = np.bincount(whole.of_person[whole.of_person >= 0])
    assert (np.diff(sizes) <= 0).all()
    assert sizes.min() >= 3
    assert len(whole.branches) == len(sizes)
    assert set(whole.branches) == set(range(int(whole.branches.max()) + 1))
    assert whole.branches[0] == 0


@pytest.mark.parametrize("linked_max", [families._LINKED_MAX, 50])
def test_families_of_a_branch_resemble_one_another_more_than_others(real, monkeypatch, linked_max):
    monkeypatch.setattr(families, "_LINKED_MAX", linked_max)
    whole, means = found(*real), families.people_means(*real)
    middles = families.people_means(means[whole.of_person >= 0], whole.of_person[whole.of_person >= 0])
    cosines = middles @ middles.T
    same = whole.branches[:, None] == whole.branches
    other = ~np.eye(len(middles), dtype=bool)
    assert cosines[same & other].mean() > cosines[~same].mean() + 0.1


def test_the_nearest_neighbours_give_the_families_that_all_distances_give(real):
    means = families.people_means(*real)
    all_distances = HDBSCAN(3, min_samples=2, cluster_selection_method="leaf", copy=True).fit_predict(means)
    assert adjusted_rand_score(all_distances, found(*real).of_person) > 0.99


def test_the_order_of_the_photos_changes_neither_families_nor_doubles(real):
    rows, people = real
    order = np.random.default_rng(0).permutation(len(rows))
    again = found(rows[order], people[order])
    whole = found(rows, people)
    assert adjusted_rand_score(whole.of_person, again.of_person) >= 0.95
    assert {frozenset(people[pair]) for pair in whole.doubles} == {
        frozenset(people[order][pair]) for pair in again.doubles
    }


def test_doubles_are_the_most_similar_pairs_of_different_people_each_once():
    random = np.random.default_rng(3)
    rows = unit(random.standard_normal((60, 8)).astype(np.float32))
    people = np.repeat(np.arange(20), 3)
    whole = found(rows, people)
    cosines = rows @ rows.T
    best = {
        pair: max(cosines[a, b] for a in np.flatnonzero(people == pair[0]) for b in np.flatnonzero(people == pair[1]))
        for pair in itertools.combinations(range(20), 2)
    }
    expected = sorted(best, key=lambda pair: -best[pair])[:10]
    assert [tuple(sorted(people[pair])) for pair in whole.doubles[:10]] == expected
    np.testing.assert_allclose(whole.cosines[:10], [best[pair] for pair in expected], rtol=1e-5)
    assert len({tuple(sorted(people[pair])) for pair in whole.doubles}) == len(whole.doubles)


def test_the_same_photo_of_two_people_is_no_double():
    rows = crowd()
    rows[1] = rows[0]
    assert all({0, 1} != set(pair) for pair in found(rows, np.arange(len(rows))).doubles.tolist())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7])
def test_few_people_have_few_families_and_no_error(count):
    rows = unit(np.random.default_rng(count).standard_normal((count, 16)).astype(np.float32))
    whole = families.find_families(rows, np.arange(count), np.empty((count, 0), np.int64))
    assert whole.of_person.shape == (count,)
    assert len(whole.doubles) == 0


def test_people_with_the_same_photo_are_one_family():
    rows = np.repeat(crowd(1, groups=0, alone=8), 4, axis=0)
    of_person = found(rows, np.arange(32)).of_person.reshape(8, 4)
    assert (of_person == of_person[:, :1]).all()
    assert (of_person >= 0).all()


DEEP = """
import numpy as np
from scipy import sparse
from pipeline.map import families

first = 3 * np.arange(40_000)
rows = np.concatenate([first, first, first + 1, first[:-1]])
columns = np.concatenate([first + 1, first + 2, first + 2, first[1:]])
# Each family is farther from the one before than that is from its own.
apart = np.concatenate([np.full(3 * len(first), 0.001), 1 + 0.0001 * first[1:]])
distances = sparse.coo_matrix((apart, (rows, columns)), shape=2 * (3 * len(first),)).tocsr()
print(families.find_leaves(distances.maximum(distances.T)).max())
"""


def test_families_that_join_one_by_one_are_found_however_many_there_are():
    # With the stack of the main thread, the process ended by a segmentation fault.
    assert in_a_process(DEEP) == "39999\n"
