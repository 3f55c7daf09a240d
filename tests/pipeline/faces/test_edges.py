"""What a crop shows beyond the edge of its photo."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pipeline.faces import edges, geometry
from pipeline.faces.face import Face
from tests.conftest import encoded

STRIPES = np.tile(np.where(np.arange(96) // 4 % 2, 220, 40).astype(np.uint8)[:, None, None], (1, 96, 3))
NOISE = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)


def test_the_photo_itself_stays_and_what_is_added_continues_its_edge():
    extended = edges.extend(NOISE, (10, 20, 30, 40))
    assert extended.shape == (96 + 60, 96 + 40, 3)
    assert (extended[20:116, 10:106] == NOISE).all()
    plain = np.full((50, 40, 3), (200, 100, 50), np.uint8)
    assert (edges.extend(plain, (9, 9, 9, 9)) == plain[0, 0]).all()
    assert (edges.extend(plain, (0, 0, 0, 0)) == plain).all()


def test_stripes_fade_away_from_the_edge():
    beyond = edges.extend(STRIPES, (60, 0, 0, 0))[:, :60].astype(float)
    contrast = beyond[20:76].std(axis=(0, 2))[::-1]  # From the edge outwards.
    assert contrast[0] > 3 * contrast[20]
    assert contrast[-1] < 5


@pytest.mark.parametrize("margins", [(25, 0, 0, 0), (0, 30, 0, 0), (0, 0, 20, 15), (16, 24, 0, 0)])
def test_an_edge_that_a_stored_crop_repeats_is_found_and_blurred(margins):
    left, top, right, bottom = margins
    repeated = np.pad(NOISE, ((top, bottom), (left, right), (0, 0)), mode="edge")
    assert (edges.without_repeats(repeated) == edges.extend(NOISE, margins)).all()
    stored = np.asarray(Image.open(io.BytesIO(encoded(repeated, "JPEG", quality=90))).convert("RGB"))
    shown = edges.without_repeats(stored)
    inside = np.s_[top + 8 : top + 88, left + 8 : left + 88]
    assert shown.shape == stored.shape
    assert (shown != stored).any()
    assert (shown[inside] == stored[inside]).all()


def test_a_picture_that_repeats_nothing_is_left_as_it_is(examples):
    assert edges.without_repeats(NOISE) is NOISE
    plain = np.zeros((64, 64, 3), np.uint8)
    assert (edges.without_repeats(plain) == plain).all()


@pytest.mark.parametrize("roll", [0, 30])
def test_a_portrait_at_the_edge_of_its_photo_is_blurred_there_and_a_networks_crop_is_not(roll):
    tilt = np.tan(np.radians(roll)) * 30
    points = ((20, 40), (50, 40 + tilt), (35, 55), (25, 65), (45, 65))
    face = Face((5, 20, 60, 60), points, 1.0)
    photo = np.tile(NOISE[:, :1], (1, 96, 1))
    portrait = geometry.portrait(photo, face)
    view = geometry.View(squareness=1.0, margin_ratio=geometry.PORTRAIT_MARGIN_RATIO)
    levelled = geometry.level(photo, face, over_degrees=geometry.LEVEL_OVER_DEGREES)
    crop = geometry.crop(*levelled, view, size=portrait.shape[1::-1])
    middle = portrait.shape[0] // 2
    beyond = np.s_[middle - 15 : middle + 15, :4]
    assert portrait[beyond].std() < crop[beyond].std() / 2
