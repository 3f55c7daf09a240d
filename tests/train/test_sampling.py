import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from train import sampling

labels_of_people = (
    st.lists(st.integers(1, 5), min_size=3, max_size=12)
    .filter(lambda counts: max(counts) > 1)
    .map(lambda counts: np.random.default_rng(len(counts)).permutation(np.repeat(np.arange(len(counts)), counts)))
)


@given(labels_of_people, st.integers(0, 1000))
def test_quadruplets_have_one_pair_and_two_other_people(labels, seed):
    rows = sampling.draw_quadruplets(sampling.PhotosByPerson(labels), 64, np.random.default_rng(seed))
    anchor, positive, first, second = labels[rows].T
    assert (anchor == positive).all() and (rows[:, 0] != rows[:, 1]).all()
    assert (first != anchor).all() and (second != anchor).all() and (first != second).all()


def test_every_photo_is_drawn_in_every_possible_role():
    labels = np.array([0, 0, 0, 1, 1, 2, 3])
    rows = sampling.draw_quadruplets(sampling.PhotosByPerson(labels), 5000, np.random.default_rng(0))
    pairs = [0, 1, 2, 3, 4]
    assert [sorted(set(column)) for column in rows.T] == [pairs, pairs, list(range(7)), list(range(7))]
    # Two people have pairs, so each is the anchor half the time; each of three others is a negative a third of it.
    assert abs(np.mean(labels[rows[:, 0]] == 0) - 0.5) < 0.03
    assert abs(np.mean(labels[rows[labels[rows[:, 0]] == 0, 2]] == 3) - 1 / 3) < 0.03


@pytest.mark.parametrize(
    ("labels", "message"), [([0, 0, 1], "at least three people"), ([0, 1, 2], "one person with two photos")]
)
def test_too_few_people_are_a_user_error(labels, message):
    with pytest.raises(UserError, match=message):
        sampling.PhotosByPerson(np.array(labels))


@given(labels_of_people, st.integers(1, 6), st.integers(2, 4))
def test_p_by_k_batches_repeat_no_photo_and_no_person(labels, p, k):
    people = sampling.PhotosByPerson(labels)
    rows = sampling.draw_p_by_k(people, p, k, np.random.default_rng(0))
    assert len(set(rows)) == len(rows)
    persons, counts = np.unique(labels[rows], return_counts=True)
    assert len(persons) == min(p, len(people.with_pairs))
    assert all(count == min(k, (labels == person).sum()) for person, count in zip(persons, counts, strict=True))


@given(labels_of_people, st.integers(0, 100))
def test_hard_negatives_are_neighbours_of_a_third_person(labels, seed):
    random = np.random.default_rng(seed)
    embeddings = random.normal(size=(len(labels), 8)).astype(np.float32)
    neighbours = sampling.nearest_photos(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), 2)
    rows = sampling.draw_quadruplets(sampling.PhotosByPerson(labels), 32, random)
    hard = sampling.with_hard_negatives(rows, labels, neighbours, random)
    assert (hard[:, [0, 1, 3]] == rows[:, [0, 1, 3]]).all()
    anchor, _, first, second = labels[hard].T
    assert ((first != anchor) & (first != second)).all()
    for before, after in zip(rows, hard, strict=True):
        near = [row for row in neighbours[after[0]] if labels[row] not in labels[after[[0, 3]]]]
        assert after[2] in near if near else after[2] == before[2]


def test_nearest_photos_equal_brute_force_without_the_photo_itself():
    embeddings = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = embeddings @ embeddings.T
    np.fill_diagonal(cosines, -2)
    assert (sampling.nearest_photos(embeddings, 5) == np.argsort(-cosines, axis=1)[:, :5]).all()


def test_no_more_neighbours_are_given_than_there_are_other_photos():
    embeddings = np.eye(4, 8, dtype=np.float32)
    neighbours = sampling.nearest_photos(embeddings, 50)
    assert [sorted(row) for row in neighbours] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


@given(labels_of_people, st.integers(0, 100))
def test_mined_triplets_equal_a_naive_search(labels, seed):
    points = np.random.default_rng(seed).normal(size=(len(labels), 3))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    everybody = range(len(labels))
    hard, semi = [], []
    for a in everybody:
        positives = [p for p in everybody if p != a and labels[p] == labels[a]]
        negatives = [n for n in everybody if labels[n] != labels[a]]
        if positives and negatives:
            hard.append([a, max(positives, key=distances[a].item), min(negatives, key=distances[a].item)])
        for p in positives:
            farther = [n for n in negatives if distances[a, n] > distances[a, p]]
            choose, among = (min, farther) if farther else (max, negatives)
            semi.append([a, p, choose(among, key=distances[a].item)])
    assert sampling.batch_hard(distances, labels).tolist() == hard
    assert sampling.semi_hard(distances, labels).tolist() == semi


def test_sampled_people_keep_the_share_of_people_with_two_photos():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(3000), [1, 1, 4] * 1000))
    some = sampling.sample_people(600, labels, seed=1)
    _, counts = np.unique(labels[some], return_counts=True)
    assert ((counts == 4).sum(), (counts == 1).sum()) == (200, 400)
    assert (sampling.sample_people(600, labels, seed=1) == some).all()
    assert sampling.sample_people(3000, labels, seed=1).all()
    # Only one person has two photos, so nobody is left out.
    assert sampling.sample_people(3, np.array([0, 0, 1, 2, 3]), seed=1).all()
