"""The protocol of compared systems."""

from __future__ import annotations

from tests.train.systems.synthetic import Synthetic, pairs
from train.evaluation.protocols import draw_comparison
from train.systems.system import row_numbers


def test_training_people_are_in_no_pair_and_no_photo_has_two_parts():
    given = Synthetic().protocol
    assert given.learn.shape == (24, 3)
    assert len(given.probes) == 24 * 3
    assert sorted(given.people[given.unknown]) == list(range(24, 72))
    learned = given.people[given.learn[:, 0]]
    assert (given.people[given.learn] == learned[:, None]).all()
    assert set(given.people[given.probes]) == set(learned)
    assert not set(given.probes) & set(given.learn.ravel())
    for part in (given.choose, given.report):
        assert not set(given.people[part.photos].ravel()) & set(learned)
        assert part.same.sum() * 2 == len(part.same) == 80
        assert ((given.people[part.photos[:, 0]] == given.people[part.photos[:, 1]]) == part.same).all()
    assert (given.photos[row_numbers(given, given.learn)] == given.learn).all()


def test_the_protocol_depends_on_the_seed_alone():
    inputs = Synthetic()
    lists = pairs(inputs.people, 40, 1), pairs(inputs.people, 40, 2)
    again, other = draw_comparison(inputs.people, *lists), draw_comparison(inputs.people, *lists, seed=1)
    assert (again.learn == inputs.protocol.learn).all()
    assert (other.learn != inputs.protocol.learn).any()
