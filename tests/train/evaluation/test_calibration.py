"""Platt scaling and the reliability of the resemblance."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.similarity.calibration import Calibration
from tests.train.evaluation.people import noisy_people
from train.evaluation import calibration, measuring
from train.evaluation.calibration import WeightedPairs
from train.evaluation.distances import cosine_distances


def _calibrated_half(random: np.random.Generator, people: int) -> WeightedPairs:
    distances = random.random(40_000)
    same = random.random(40_000) < 1 / (1 + np.exp(12 * (distances - 0.4)))
    return WeightedPairs(distances, same, np.where(same, 1 / same.sum(), 1 / (~same).sum()), people)


def test_the_fit_recovers_the_curve_that_made_the_pairs():
    random = np.random.default_rng(0)
    distances = random.random(40_000)
    same = random.random(40_000) < Calibration(0.4, 12).same_person(distances) / 100
    found = calibration.fit_calibration(distances, same)
    assert found.middle == pytest.approx(0.4, abs=0.01)
    assert found.slope == pytest.approx(12, rel=0.05)
    figures, curve = calibration.check_calibration(found, distances, same)
    assert figures["expected calibration error"] == curve.error < 0.02
    assert figures["accuracy at 50"] == pytest.approx(np.mean((distances < found.middle) == same), abs=1e-3)


def test_the_reliability_curve_of_a_right_resemblance_is_the_diagonal():
    random = np.random.default_rng(1)
    found = calibration.reliability_of_halves([_calibrated_half(random, 100) for _ in range(2)], on_logit=False)
    assert found is not None
    assert found["error"] < 0.02
    assert found["same"] == pytest.approx(found["said"], abs=0.05)
    assert len(found["said"]) == 10


def test_few_people_give_no_reliability():
    random = np.random.default_rng(1)
    halves = [_calibrated_half(random, people) for people in (100, 19)]
    assert calibration.reliability_of_halves(halves, on_logit=False) is None


def test_the_pairs_of_both_halves_weigh_the_same_by_kind():
    embeddings, labels = noisy_people(60, noise=0.8)
    draws = [measuring.one_shot_draw(embeddings, labels, cosine_distances, 0)]
    for half in calibration.pairs_of_halves(embeddings, labels, cosine_distances, draws):
        assert half.weights[half.same].sum() == pytest.approx(1)
        assert half.weights[~half.same].sum() == pytest.approx(1)
        assert half.distances[half.same].mean() < half.distances[~half.same].mean()
