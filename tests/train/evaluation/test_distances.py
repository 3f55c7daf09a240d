from __future__ import annotations

import numpy as np
import pytest

from pipeline.search import ranking
from pipeline.similarity.cosine import CosineScorer
from tests.train.evaluation.people import noisy_people
from train.evaluation.distances import cosine_distances, pair_distances, person_distances, scorer_distances

EMBEDDINGS, LABELS = noisy_people(60, noise=0.8)


def test_a_scorer_gives_its_distances_with_and_without_a_product():
    class Slow(CosineScorer):
        def product_of(self, probes):
            return super().product_of(probes) if len(probes) == 1 else None

    expected = cosine_distances(EMBEDDINGS[:5], EMBEDDINGS)
    for scorer in (CosineScorer(), Slow()):
        assert scorer_distances(scorer)(EMBEDDINGS[:5], EMBEDDINGS) == pytest.approx(expected, abs=1e-6)


def test_pairs_have_the_distances_of_their_photos_and_none_without_a_face():
    rows = np.vstack([EMBEDDINGS[:3], np.zeros((1, 16), np.float32)])
    found = pair_distances(rows, np.array([[0, 1], [2, 3]]), cosine_distances)
    assert found[0] == pytest.approx((1 - rows[0] @ rows[1]) / 2, abs=1e-6)
    assert np.isnan(found[1])


def test_rows_of_zeros_count_where_faces_are_given():
    rows = np.array([[0], [1]])
    found = pair_distances(rows, np.array([[0, 1]]), lambda one, other: one + other, has_face=np.ones(2, bool))
    assert found.tolist() == [1]


@pytest.mark.parametrize("method", ["min", "average"])
def test_distances_to_people_equal_the_ranking_of_the_search(method):
    rows = np.argsort(LABELS, kind="stable")
    distances = np.random.default_rng(0).random((5, len(rows))).astype(np.float32)
    found = person_distances(distances, LABELS[rows], method)
    for row, probe in zip(found, distances, strict=True):
        ranked = ranking.by_person(probe, LABELS[rows], rows, method)
        assert row[ranked.people] == pytest.approx(ranked.distances)
