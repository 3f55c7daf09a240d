"""Strangers are found as a naive loop finds them, and each proxy measures what it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.train.evaluation.people import noisy_people, normalised
from train.evaluation import resemblance
from train.evaluation.distances import cosine_distances
from train.evaluation.measuring import one_shot
from train.evaluation.resemblance import Attributes

ROWS, LABELS = noisy_people(80, noise=0.4)
WOMEN = LABELS % 4 == 0
NOTHING = np.full(len(LABELS), np.nan)
ATTRIBUTES = Attributes(WOMEN, ~WOMEN, NOTHING, NOTHING)


def _figures(rows=ROWS, labels=LABELS, attributes=ATTRIBUTES, draw=0, asked=None):
    return resemblance.strangers_figures(rows, labels, attributes, cosine_distances, draw=draw, asked=asked)


@given(st.integers(0, 1000), st.integers(1, 4))
def test_strangers_are_those_of_a_naive_loop(seed, top):
    random = np.random.default_rng(seed)
    distances = random.random((6, 9))
    own = random.integers(-1, 9, 6)
    found = resemblance.most_similar_strangers(distances, own, top=top)
    for probe in range(6):
        others = [person for person in range(9) if person != own[probe]]
        assert found[probe].tolist() == sorted(others, key=lambda person: distances[probe, person])[:top]


def test_the_order_of_the_gallery_does_not_matter():
    random = np.random.default_rng(0)
    distances, own, order = random.random((8, 20)), random.integers(0, 20, 8), random.permutation(20)
    found = resemblance.most_similar_strangers(distances, own)
    place = np.argsort(order)
    assert (order[resemblance.most_similar_strangers(distances[:, order], place[own])] == found).all()


def test_the_own_person_is_left_out_and_the_distances_stay_as_they_were():
    distances = np.array([[0.0, 0.1, 0.2, 0.3]])
    assert resemblance.most_similar_strangers(distances, np.array([0])).tolist() == [[1, 2, 3]]
    assert resemblance.most_similar_strangers(distances, np.array([-1])).tolist() == [[0, 1, 2]]
    assert distances[0, 0] == 0.0


def test_too_few_strangers_are_an_error():
    with pytest.raises(ValueError, match="fewer than 3 strangers"):
        resemblance.most_similar_strangers(np.zeros((1, 3)), np.array([0]))


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 5))
def test_a_balanced_gallery_has_all_of_the_rarer_kind_and_as_many_of_the_other(women, men, draw):
    kinds = np.repeat([0, 1, 2], [women, men, 3])
    chosen = kinds[resemblance.balanced(kinds == 0, kinds == 1, draw=draw)]
    assert (chosen == 0).sum() == (chosen == 1).sum() == min(women, men)
    assert not (chosen == 2).any()


def test_balanced_galleries_are_drawn_with_a_seed():
    women = np.arange(100) < 20
    first, again, other = (resemblance.balanced(women, ~women, draw=draw) for draw in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_agreement_counts_the_first_stranger_and_all_of_them():
    women = np.array([True, False, True, False])
    strangers = np.array([[2, 1, 3], [0, 2, 3], [1, 3, 0], [1, 0, 2]])
    assert resemblance.agreement(women, women, strangers) == (1 / 2, 2 / 6)
    assert resemblance.agreement(~women, ~women, strangers) == (1 / 2, 2 / 6)
    assert np.isnan(resemblance.agreement(np.zeros(4, bool), women, strangers)).all()


def test_differences_leave_out_what_was_not_measured():
    values = np.array([10.0, 20.0, np.nan, 50.0])
    assert resemblance.difference(values, values, np.array([[1, 2], [3, 0], [0, 1], [2, 2]])) == (10 + 30 + 10) / 3
    assert np.isnan(resemblance.difference(np.full(2, np.nan), values, np.zeros((2, 1), int)))


def test_the_difference_by_chance_is_that_of_all_pairs():
    values = np.random.default_rng(0).normal(size=30)
    pairs = [abs(one - other) for place, one in enumerate(values) for other in values[:place]]
    assert resemblance.chance_difference(np.r_[values, np.nan]) == pytest.approx(np.mean(pairs))
    assert np.isnan(resemblance.chance_difference(np.array([1.0])))


def test_the_difference_within_people_counts_each_person_once():
    values, labels = np.array([1.0, 3.0, 5.0, 6.0, 7.0, np.nan, 9.0]), np.array([0, 0, 1, 1, 1, 1, 2])
    assert resemblance.within_difference(values, labels) == pytest.approx((2 + (1 + 1 + 2) / 3) / 2)
    assert np.isnan(resemblance.within_difference(values[-1:], labels[-1:]))


def test_stability_is_the_share_of_common_strangers_in_any_order():
    first = np.array([[1, 2, 3], [4, 5, 6]])
    assert resemblance.stability(first, first[:, ::-1]) == 1
    assert resemblance.stability(first, np.array([[3, 7, 8], [1, 2, 3]])) == 1 / 6
    assert np.isnan(resemblance.stability(first[:0], first[:0]))


def test_identity_is_that_of_the_one_shot_protocol():
    for draw in range(3):
        assert _figures(draw=draw)["rank_1"] == one_shot(ROWS, LABELS, cosine_distances, draw)["rank_1"]


def test_rank_1_of_women_and_men_add_up_to_that_of_all():
    found = _figures()
    several = np.flatnonzero(np.bincount(LABELS) > 1)
    share = np.mean(several % 4 == 0)
    assert share * found["rank_1_women"] + (1 - share) * found["rank_1_men"] == pytest.approx(found["rank_1"])


def test_rows_that_know_sex_agree_in_it_and_random_rows_by_chance():
    random = np.random.default_rng(0)
    apart = np.where(WOMEN, 5.0, -5.0)
    knowing = _figures(normalised(np.c_[ROWS, apart]))
    assert knowing["women_three"] == knowing["men_three"] == knowing["balanced_women_three"] == 1
    chance = [_figures(normalised(random.normal(size=ROWS.shape)), draw=draw) for draw in range(20)]
    assert np.mean([row["women_three"] for row in chance]) == pytest.approx(0.25, abs=0.05)
    assert np.mean([row["men_first"] for row in chance]) == pytest.approx(0.75, abs=0.05)
    assert np.mean([row["balanced_women_first"] for row in chance]) == pytest.approx(0.5, abs=0.07)


def test_people_without_a_label_are_nobodys_stranger_of_the_other_sex():
    """Half of all people have no label; they are left out, so the others still agree."""
    labelled = LABELS % 8 < 4
    rows = normalised(np.c_[ROWS, np.where(WOMEN, 5.0, -5.0)])
    found = _figures(rows, attributes=Attributes(WOMEN & labelled, ~WOMEN & labelled, NOTHING, NOTHING))
    assert found["women_three"] == found["men_three"] == 1


def test_rows_that_know_age_and_skin_tone_are_nearer_than_chance():
    random = np.random.default_rng(1)
    age, tone = random.uniform(20, 80, 80)[LABELS], random.uniform(-30, 60, 80)[LABELS]
    attributes = Attributes(WOMEN, ~WOMEN, tone, age)
    by_age = normalised(np.c_[np.ones(len(age)), age / 10])
    assert _figures(by_age, attributes=attributes)["age_years"] < 5
    for name, values in (("age_years", age), ("skin_tone_degrees", tone)):
        chance = resemblance.chance_difference(values[np.unique(LABELS, return_index=True)[1]])
        found = np.mean([_figures(attributes=attributes, draw=draw)[name] for draw in range(10)])
        assert found == pytest.approx(chance, rel=0.15)


def test_several_photos_as_one_probe_are_more_stable_than_one():
    labels = np.repeat(np.arange(60), 6)
    random = np.random.default_rng(0)
    rows = normalised(random.normal(size=(60, 16))[labels] + 0.5 * random.normal(size=(360, 16)))
    women = labels % 2 == 0
    nothing = np.full(360, np.nan)
    found = _figures(rows, labels, Attributes(women, ~women, nothing, nothing))
    assert found["stability"] < found["stability_three"] < 1


def test_without_six_photos_of_anybody_there_is_no_stability_of_three():
    assert np.isnan(_figures()["stability_three"])


def test_asking_part_of_the_people_is_the_mean_over_the_parts():
    women = _figures(asked=WOMEN)
    men, everybody = _figures(asked=~WOMEN), _figures()
    for name in ("rank_1_women", "women_first", "women_three", "balanced_women_three"):
        assert women[name] == everybody[name]
    for name in ("rank_1_men", "men_first", "balanced_men_first"):
        assert men[name] == everybody[name]
    several = np.flatnonzero(np.bincount(LABELS) > 1)
    share = np.mean(several % 4 == 0)
    assert share * women["stability"] + (1 - share) * men["stability"] == pytest.approx(everybody["stability"])
