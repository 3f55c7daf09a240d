"""Draws have the photos that their protocol says, and are the same each time."""

from __future__ import annotations

import numpy as np

from tests.train.evaluation.people import noisy_people
from train.evaluation import protocols
from train.evaluation.protocols import Tier

_, LABELS = noisy_people(60, noise=0.8)


def test_the_one_shot_gallery_has_one_photo_of_everybody_and_the_probes_another():
    gallery, probes = protocols.draw_one_shot(LABELS, 1)
    assert LABELS[gallery].tolist() == sorted(set(LABELS))
    counts = np.bincount(LABELS)
    assert LABELS[probes].tolist() == np.flatnonzero(counts > 1).tolist()
    assert not set(gallery) & set(probes)


def test_the_probes_are_counted_without_a_draw():
    assert protocols.probes_count(LABELS) == len(protocols.draw_one_shot(LABELS, 0)[1])
    assert protocols.probes_count(np.arange(5)) == 0


def test_a_draw_is_the_same_each_time_and_draws_differ():
    for draw in (lambda number: protocols.draw_one_shot(LABELS, number), _small_tier):
        first, again, other = draw(0), draw(0), draw(1)
        assert all((one == two).all() for one, two in zip(first, again, strict=True))
        assert any(one.tolist() != two.tolist() for one, two in zip(first, other, strict=True))


def _small_tier(number: int) -> tuple[np.ndarray, np.ndarray]:
    return protocols.draw_tier(LABELS, Tier("Small", 5, 2, 1), number)


def test_the_draws_of_lfw_are_the_published_ones():
    """Recorded figures depend on these photo numbers."""
    labels = np.repeat(np.arange(40), np.arange(40) % 4 + 1)
    gallery, probes = protocols.draw_one_shot(labels, 0)
    random = np.random.default_rng(0)
    order = random.permutation(len(labels))
    for person in range(40):
        photos = [photo for photo in order if labels[photo] == person]
        assert gallery[person] == photos[0]
        if len(photos) > 1:
            assert photos[1] in probes


def test_few_probes_are_drawn_more_often():
    assert len(protocols.one_shot_draws(np.repeat(np.arange(200), 2))) == 3
    assert len(protocols.one_shot_draws(np.array([0, 0, 1, 2]))) == 30
    assert len(protocols.one_shot_draws(np.repeat(np.arange(10), 2), 1)) == 6


def test_a_tier_has_its_people_and_photos_and_no_probe_in_the_gallery():
    gallery, probes = _small_tier(0)
    assert gallery.shape == (5, 2)
    assert probes.shape == (5, 1)
    assert (LABELS[gallery] == LABELS[probes]).all()
    assert len(set(LABELS[probes[:, 0]])) == 5
    assert not set(gallery.ravel()) & set(probes.ravel())


def test_a_tier_is_empty_where_there_are_too_few_people():
    assert len(protocols.draw_tier(LABELS, Tier("Large", 500, 2, 1), 0)[0]) == 0


def test_a_tier_says_its_size():
    assert str(protocols.TIERS[0]) == "Lite: 10 people x 4, 4 probes each"
    assert str(protocols.TEMPLATES) == "Templates: everybody x 3, 1 probe each"


def test_halves_share_nobody_and_split_people_with_two_photos_evenly():
    one, other = protocols.halves(LABELS)
    assert (one ^ other).all()
    assert not set(LABELS[one]) & set(LABELS[other])
    counts = np.bincount(LABELS)
    pairs = [sum(counts[label] > 1 for label in set(LABELS[half])) for half in (one, other)]
    assert abs(pairs[0] - pairs[1]) <= 1
