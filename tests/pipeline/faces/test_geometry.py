"""Geometry against naive loops."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.faces import geometry
from pipeline.faces.face import Face
from pipeline.faces.geometry import View

NOISE = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
POINTS = ((20.0, 25.0), (40.0, 25.0), (30.0, 35.0), (22.0, 45.0), (38.0, 45.0))


def face_at(x: float, y: float, width: float, height: float | None = None) -> Face:
    return Face((x, y, width, height or width), POINTS, 1.0)


def naive_cut(picture: np.ndarray, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Pixel by pixel; outside the photo, the nearest pixel of its edge."""
    height, width = picture.shape[:2]
    return np.array(
        [
            [picture[min(max(y, 0), height - 1), min(max(x, 0), width - 1)] for x in range(left, right)]
            for y in range(top, bottom)
        ]
    )


@given(st.integers(-30, 59), st.integers(-30, 39), st.integers(1, 90), st.integers(1, 70))
def test_cutting_repeats_the_edge_outside_the_photo(left, top, width, height):
    region = (left, top, max(left + width, 1), max(top + height, 1))
    size = (region[2] - region[0], region[3] - region[1])
    assert np.array_equal(geometry.cut_and_resize(NOISE, region, size=size), naive_cut(NOISE, *region))


@given(st.floats(10, 50), st.floats(10, 50), st.floats(20, 100))
def test_cutting_at_fractions_of_pixels_does_not_shift(left, top, side):
    ramp = np.broadcast_to(np.arange(200), (200, 200))
    both = np.stack([ramp, ramp.T, ramp], axis=-1).astype(np.uint8)
    middles = (np.arange(40) + 0.5) * side / 40 - 0.5
    cut = geometry.cut_and_resize(both, (left, top, left + side, top + side), size=(40, 40)).astype(float)
    assert np.abs(cut[..., 0] - (left + middles)).max() < 1.1
    assert np.abs(cut[..., 1] - (top + middles)[:, None]).max() < 1.1


@pytest.mark.parametrize(
    ("view", "region"),
    [
        (View(squareness=1.0, margin_ratio=0.0), (15, 5, 35, 25)),
        (View(squareness=1.0, margin_ratio=0.5), (5, -5, 45, 35)),
        (View(squareness=0.5, margin_ratio=0.0), (17.5, 5, 32.5, 25)),
        (View(squareness=0.0, margin_ratio=0.0), (20, 5, 30, 25)),
        (View(squareness=0.0, margin_ratio=0.1), (19, 3, 31, 27)),
    ],
)
def test_a_crop_is_the_box_with_its_margin(view, region):
    face = face_at(20, 5, 10, 20)
    expected = geometry.cut_and_resize(NOISE, region, size=(32, 32))
    assert np.array_equal(geometry.crop(NOISE, face, view, size=(32, 32)), expected)
    assert np.array_equal(geometry.crop(NOISE, face, replace(view, mirror=True), size=(32, 32)), expected[:, ::-1])


@pytest.mark.parametrize(
    ("size", "region"),
    [
        ((24, 32), (17.5, 5, 32.5, 25)),
        ((8, 32), (20, -5, 30, 35)),
        ((32, 24), (25 - 40 / 3, 5, 25 + 40 / 3, 25)),
    ],
)
def test_a_crop_that_is_not_square_has_the_right_proportions_and_the_whole_box(size, region):
    face, view = face_at(20, 5, 10, 20), View(squareness=1.0, margin_ratio=0.0)
    cropped = geometry.crop(NOISE, face, view, size=size)
    assert cropped.shape == (size[1], size[0], 3)
    assert np.array_equal(cropped, geometry.cut_and_resize(NOISE, region, size=size))


def test_a_turned_crop_that_is_not_square_has_no_empty_corner():
    picture = np.full((200, 200, 3), 200, np.uint8)
    view = View(squareness=1.0, margin_ratio=0.0, turn_degrees=25.0)
    cropped = geometry.crop(picture, face_at(50, 50, 100, 100), view, size=(60, 120))
    assert cropped.shape == (120, 60, 3)
    assert cropped.min() > 190


@pytest.mark.parametrize("degrees", [-8.0, 4.0])
def test_a_crop_is_turned_clockwise_and_has_no_empty_corner(degrees):
    picture = np.full((200, 200, 3), 200, np.uint8)
    angle = math.radians(30)
    # A dot at 30 degrees from the centre moves by the angle, and no corner turns black.
    down, right = round(100 + 30 * math.sin(angle)), round(100 + 30 * math.cos(angle))
    picture[down - 3 : down + 3, right - 3 : right + 3] = (255, 0, 0)
    view = View(squareness=1.0, margin_ratio=0.0, turn_degrees=degrees)
    cropped = geometry.crop(picture, face_at(50, 50, 100, 100), view, size=(160, 160)).astype(int)
    red = np.argwhere(cropped[..., 0] - cropped[..., 1] > 150).mean(axis=0) - 79.5
    assert math.degrees(math.atan2(*red)) == pytest.approx(30 + degrees, abs=1.5)
    assert cropped[..., 0].min() > 190


@given(st.floats(-179, 179))
def test_levelling_moves_the_landmarks_with_the_pixels(roll):
    centre = np.array([250.0, 260.0])
    turn = np.array([[math.cos(math.radians(roll)), -math.sin(math.radians(roll))]])
    turn = np.concatenate([turn, [[-turn[0, 1], turn[0, 0]]]])
    points = tuple(map(tuple, (np.array(POINTS) - (30, 35)) * 3 @ turn.T + centre))
    picture = np.zeros((500, 500, 3), np.uint8)
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255]], np.uint8)
    for (x, y), colour in zip(points, colours, strict=True):
        picture[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5] = colour
    face = Face((*(centre - (40, 50)), 80.0, 100.0), points, 0.9)
    assert face.roll_degrees == pytest.approx(roll, abs=1e-6)
    turned, levelled = geometry.level(picture, face, over_degrees=-1.0)
    assert levelled.roll_degrees == pytest.approx(0, abs=1e-6)
    assert levelled.landmarks[0][0] < levelled.landmarks[1][0]
    for (x, y), colour in zip(levelled.landmarks, colours, strict=True):
        assert np.abs(turned[round(y), round(x)].astype(int) - colour).max() < 60
    lying = 45 < abs(roll) < 135
    assert levelled.box[2:] == pytest.approx((100, 80) if lying else (80, 100))
    assert levelled.centre == pytest.approx((turned.shape[1] / 2, turned.shape[0] / 2), abs=1)


def test_a_level_face_is_left_unchanged():
    face = Face((10, 10, 30, 40), ((10, 20), (20, 22), *POINTS[2:]), 1.0)
    picture, same = geometry.level(NOISE, face, over_degrees=20)
    assert picture is NOISE
    assert same is face


def test_prominence_is_the_size_weighted_by_nearness_to_the_centre():
    shape = (400, 400)
    centred, corner = face_at(150, 150, 100), face_at(0, 0, 100)
    assert geometry.prominence(centred, shape) == pytest.approx(100)
    assert geometry.prominence(corner, shape) < geometry.prominence(face_at(175, 175, 50), shape)
    assert geometry.prominence(face_at(-500, -500, 100), shape) == 0


@pytest.mark.parametrize(
    ("x", "y", "cut"),
    [(-9, 10, False), (-11, 10, True), (409, 10, False), (411, 10, True), (10, -21, True), (10, 321, True)],
)
def test_a_face_is_cut_off_when_more_than_a_tenth_lies_outside(x, y, cut):
    assert geometry.is_cut_off(face_at(x, y, 100, 200), (500, 500)) is cut


def test_a_portrait_is_never_enlarged():
    face = face_at(20, 10, 20)
    assert geometry.portrait(NOISE, face, level_over_degrees=20).shape == (34, 34, 3)
    large = face_at(100, 100, 400)
    assert geometry.portrait(np.zeros((600, 600, 3), np.uint8), large, level_over_degrees=20).shape == (256, 256, 3)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_found_in_a_turned_photo_is_rotated_back(quarters):
    points = ((3.0, 5.0), (8.0, 6.0))
    turned = np.zeros((40, 60, 3), np.uint8)
    for x, y in points:
        turned[int(y), int(x)] = 255
    face = geometry.rotate_back(
        Face((2.0, 4.0, 10.0, 6.0), points, 1.0), np.rot90(turned, -quarters).shape, quarters=quarters
    )
    # A point is the corner of its pixel, so in the turned photo it touches that pixel.
    lit = np.argwhere(np.rot90(turned, -quarters)[..., 0])[:, ::-1]
    for point in face.landmarks:
        assert (np.abs(lit + 0.5 - point) <= 0.5).all(axis=1).any()
    x, y, width, height = face.box
    assert (width, height) == ((10.0, 6.0) if quarters == 2 else (6.0, 10.0))
    assert all(x <= px <= x + width and y <= py <= y + height for px, py in face.landmarks)


def test_a_face_is_scaled_with_its_photo():
    face = geometry.scale_face(Face((1.0, 2.0, 3.0, 4.0), POINTS, 0.9), 2)
    assert face.box == (2, 4, 6, 8)
    assert face.landmarks[1] == (80, 50)
    assert face.confidence == 0.9


def test_overlap_is_the_shared_part_of_the_covered_area():
    counted = np.zeros((2, 40, 60), bool)
    counted[0, 5:25, 10:40] = counted[1, 15:30, 20:50] = True
    expected = counted.all(axis=0).sum() / counted.any(axis=0).sum()
    assert geometry.overlap((10, 5, 30, 20), (20, 15, 30, 15)) == pytest.approx(expected)
    assert geometry.overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0


@given(st.floats(-179, 179), st.floats(8, 200), st.integers(16, 160))
def test_a_face_moved_into_a_square_and_back_is_the_same(roll, side, side_px):
    face = replace(face_at(10, 5, side, 1.5 * side), landmarks=tuple((x * side / 30, y) for x, y in POINTS))
    square = geometry.square_around(NOISE, face, reach_ratio=1.0, side_px=side_px, roll_degrees=roll)
    assert square.pixels.shape == (side_px, side_px, 3)
    inside = square.moved(face)
    assert inside.centre == pytest.approx((side_px / 2, side_px / 2))
    assert inside.roll_degrees == pytest.approx(-roll, abs=1e-6)
    back = square.moved_back(inside)
    assert back.centre == pytest.approx(face.centre)
    assert np.allclose(back.landmarks, face.landmarks)


def test_a_face_found_in_the_square_of_a_lying_head_gets_a_lying_box():
    eyes_down = tuple((60 - y, x) for x, y in POINTS)
    lying = Face((10.0, 5.0, 40.0, 30.0), eyes_down, 1.0)
    square = geometry.square_around(NOISE, lying, reach_ratio=1.0, side_px=80, roll_degrees=lying.roll_degrees)
    upright = square.moved(lying)
    assert upright.box == pytest.approx((25, 20, 30, 40))
    assert upright.landmarks[0][1] < upright.landmarks[3][1]
    assert square.moved_back(upright).box == pytest.approx(lying.box)
