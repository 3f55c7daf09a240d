"""The map that scales down how photos of one person differ."""

import numpy as np
import pytest

from pipeline.embedding.base import unit
from train.within_person import within_person_map


def photos(*, people=200, each=4):
    """People who differ in the first seven numbers; their photos differ in the last one, and far more."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(people), each)
    differ = np.array([0.1] * 7 + [3.0])
    rows = random.normal(size=(people, 8))[labels] * (differ < 1) + random.normal(size=(len(labels), 8)) * differ
    return rows.astype(np.float32), labels


def test_what_differs_between_photos_of_a_person_counts_less():
    rows, labels = photos()
    kernel = within_person_map(rows, labels, shrinkage=0.01)
    assert kernel[0, 0] > 5 * kernel[7, 7]

    def nearest_is_own(rows):
        cosines = unit(rows) @ unit(rows).T
        np.fill_diagonal(cosines, -1)
        return np.mean(labels[cosines.argmax(axis=1)] == labels)

    assert nearest_is_own(rows @ kernel) > nearest_is_own(rows) + 0.2


def test_variances_within_people_become_equal_without_shrinkage():
    rows, labels = photos(each=20)
    mapped = rows @ within_person_map(rows, labels, shrinkage=0)
    within = mapped - np.stack([mapped[labels == label].mean(axis=0) for label in labels])
    assert within.var(axis=0) / within.var() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("labels", [np.arange(800), np.zeros(800, int)], ids=["nobody twice", "one person"])
def test_any_people_give_a_map_of_finite_numbers(labels):
    rows, _ = photos()
    assert np.isfinite(within_person_map(rows, labels, shrinkage=1.0)).all()


def test_the_larger_the_shrinkage_the_nearer_is_the_map_to_none():
    rows, labels = photos()
    away = [
        np.abs(within_person_map(rows, labels, shrinkage=share) - np.eye(8)).max() for share in (0.1, 1, 10, 1000)
    ]
    assert away == sorted(away, reverse=True) and away[-1] < 0.01


def test_the_order_of_photos_does_not_matter():
    rows, labels = photos()
    order = np.random.default_rng(1).permutation(len(rows))
    shuffled = within_person_map(rows[order], labels[order], shrinkage=1.0)
    assert shuffled == pytest.approx(within_person_map(rows, labels, shrinkage=1.0), abs=1e-5)
