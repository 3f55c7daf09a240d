"""Skin tone is read off the cheeks, whatever lies around them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.faces.face import Face
from train.evaluation.skin_tone import by_person, cheek_pixels, skin_tone_degrees

FACE = Face((20, 10, 60, 80), ((35, 40), (65, 40), (50, 55), (38, 72), (62, 72)), 1.0)
LIGHT, DARK = (236, 200, 180), (92, 58, 40)


def _photo(colour, around=(0, 90, 0)):
    photo = np.full((100, 100, 3), around, np.uint8)
    photo[50:65, 30:71] = colour
    return photo


def test_lighter_skin_has_the_larger_angle_and_the_surroundings_do_not_count():
    light, dark = (skin_tone_degrees(_photo(colour), FACE) for colour in (LIGHT, DARK))
    assert light > 41 > 10 > -30 > dark
    assert skin_tone_degrees(_photo(LIGHT, around=DARK), FACE) == light


def test_the_angle_is_that_of_the_definition():
    """CIELab of sRGB (236, 200, 180) under D65, computed by the book."""
    linear = [((value / 255 + 0.055) / 1.055) ** 2.4 for value in LIGHT]
    matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    _, y, z = np.cbrt(np.array(matrix) @ linear / (0.9505, 1, 1.089))
    assert skin_tone_degrees(_photo(LIGHT), FACE) == pytest.approx(
        math.degrees(math.atan2(116 * y - 16 - 50, 200 * (y - z))), abs=0.5
    )


def test_a_few_odd_pixels_change_nothing():
    photo = _photo(LIGHT)
    photo[52:54, 30:70] = 255
    assert skin_tone_degrees(photo, FACE) == skin_tone_degrees(_photo(LIGHT), FACE)


def test_grey_and_blue_photos_have_no_skin_tone():
    for colour in ((120, 120, 120), (80, 100, 200)):
        assert math.isnan(skin_tone_degrees(_photo(colour), FACE))


def test_cheeks_outside_the_photo_have_no_skin_tone():
    outside = Face(FACE.box, tuple((x - 200, y) for x, y in FACE.landmarks), 1.0)
    assert len(cheek_pixels(_photo(LIGHT), outside)) == 0
    assert math.isnan(skin_tone_degrees(_photo(LIGHT), outside))


def test_every_photo_of_a_person_gets_the_median_of_all():
    values, people = np.array([10.0, np.nan, 30.0, 50.0, np.nan]), np.array([7, 7, 7, 2, 3])
    assert by_person(values, people).tolist()[:4] == [20.0, 20.0, 20.0, 50.0]
    assert math.isnan(by_person(values, people)[4])
