"""The score that users see: it does not grow with the gallery, and every phrase and percentage is true of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.similarity.calibration import UNCALIBRATED, Calibration
from pipeline.similarity.resemblance import PEOPLE_MIN, PHRASES, Likeness, resemblance

# Of normally distributed distances with mean 0.5 and deviation 0.05.
NORMAL = Calibration(0.3, 60, strangers=((0.001, 0.5 - 3.0902 * 0.05), (0.1, 0.5 - 1.2816 * 0.05), (0.5, 0.5)))


@pytest.mark.parametrize("people", [1_000, 10_000, 100_000])
def test_one_in_twenty_strangers_finds_somebody_striking_whatever_the_number_of_people(people):
    best = np.random.default_rng(people).beta(1, people, 20_000)
    scores = resemblance(best, people)
    assert np.mean(scores >= PHRASES["striking"]) == pytest.approx(0.05, abs=0.005)
    assert np.median(scores) == pytest.approx(57, abs=1)


@given(st.integers(1, 10**7), st.floats(0, 1), st.floats(0, 1))
def test_fewer_strangers_as_alike_are_a_higher_score_and_more_people_a_lower_one(people, one, other):
    near, far = resemblance(np.sort([one, other]), people)
    assert 100 >= near >= far >= 0
    assert resemblance(one, people) >= resemblance(one, 2 * people)


def test_a_small_gallery_is_scored_like_one_of_a_thousand_people():
    assert resemblance(0.01, 5) == resemblance(0.01, PEOPLE_MIN) < 20


def test_a_score_of_50_is_one_person_expected_by_chance():
    assert resemblance([1 / 5_000, 1 / 100_000], 5_000) == pytest.approx([50, 90], abs=1e-9)


@pytest.mark.parametrize(
    ("score", "phrase"),
    [
        (100, "striking"),
        (89.5, "striking"),
        (89.4, "strong"),
        (70, "strong"),
        (69, "some"),
        (40, "some"),
        (39.4, "slight"),
        (0, "slight"),
    ],
)
def test_the_phrase_is_that_of_the_number_as_shown(score, phrase):
    assert Likeness(score, 0.1).phrase == phrase


@pytest.mark.parametrize(
    ("strangers", "percentage"),
    [
        (1, "0"),
        (0.5, "50"),
        (0.123, "87"),
        (0.008, "99.2"),
        (0.0002, "99.98"),
        (1e-5, "99.999"),
        (1e-7, "99.9999"),
        (0, "99.9999"),
    ],
)
def test_the_percentage_of_strangers_has_as_many_digits_as_it_needs(strangers, percentage):
    assert Likeness(50, strangers).closer_than == percentage


@given(st.floats(0, 1))
def test_the_percentage_of_strangers_never_says_too_much(strangers):
    shown = float(Likeness(50, strangers).closer_than)
    assert shown < 100
    assert shown <= 100 * (1 - strangers) + 1e-6


def test_without_a_calibration_there_is_no_resemblance():
    (likeness,) = UNCALIBRATED.likenesses([0.2], 1_000)
    assert math.isnan(likeness.resemblance)
    assert (likeness.has_resemblance, likeness.phrase, likeness.closer_than) == (False, "", "")


def test_strangers_are_as_measured_and_normally_distributed_between_and_beyond():
    assert NORMAL.strangers_within([at for _, at in NORMAL.strangers]) == pytest.approx([0.001, 0.1, 0.5])
    found = NORMAL.strangers_within([0.5 - 4.2649 * 0.05, 0.5 - 2.3263 * 0.05, 0.5 + 1.2816 * 0.05])
    assert found == pytest.approx([1e-5, 0.01, 0.9], rel=0.01)
    assert NORMAL.strangers_within([0, 1]) == pytest.approx([0, 1], abs=1e-9)


@given(st.floats(0, 1), st.floats(0, 1))
def test_nearer_faces_are_no_less_alike(one, other):
    near, far = NORMAL.strangers_within(np.sort([one, other]))
    assert near <= far


def test_a_calibration_is_the_same_after_json():
    read = Calibration(0.3, 60, strangers=[[share, at] for share, at in NORMAL.strangers])  # type: ignore[arg-type]
    assert read == NORMAL
    assert hash(read) == hash(NORMAL)
