"""Geometry against naive loops, detection on real faces."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline import photo
from pipeline.faces import geometry
from pipeline.faces.face import Face
from pipeline.faces.geometry import View
from tests.conftest import beside, enlarged

NOISE = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
POINTS = ((20.0, 25.0), (40.0, 25.0), (30.0, 35.0), (22.0, 45.0), (38.0, 45.0))


def face_at(x: float, y: float, width: float, height: float | None = None) -> Face:
    return Face((x, y, width, height or width), POINTS, 1.0)


def naive_cut(picture: np.ndarray, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Pixel by pixel; what lies outside takes the nearest pixel of the frame."""
    height, width = picture.shape[:2]
    return np.array(
        [
            [picture[min(max(y, 0), height - 1), min(max(x, 0), width - 1)] for x in range(left, right)]
            for y in range(top, bottom)
        ]
    )


@given(st.integers(-30, 59), st.integers(-30, 39), st.integers(1, 90), st.integers(1, 70))
def test_a_cut_repeats_the_edge_outside_the_frame(left, top, width, height):
    region = (left, top, max(left + width, 1), max(top + height, 1))
    size = (region[2] - region[0], region[3] - region[1])
    assert np.array_equal(geometry.cut(NOISE, region, size), naive_cut(NOISE, *region))


@given(st.floats(10, 50), st.floats(10, 50), st.floats(20, 100))
def test_a_cut_at_fractions_of_pixels_does_not_shift(left, top, side):
    ramp = np.broadcast_to(np.arange(200), (200, 200))
    both = np.stack([ramp, ramp.T, ramp], axis=-1).astype(np.uint8)
    middles = (np.arange(40) + 0.5) * side / 40 - 0.5
    cut = geometry.cut(both, (left, top, left + side, top + side), (40, 40)).astype(float)
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
    expected = geometry.cut(NOISE, region, (32, 32))
    assert np.array_equal(geometry.crop(NOISE, face, view, 32), expected)
    assert np.array_equal(geometry.crop(NOISE, face, replace(view, mirror=True), 32), expected[:, ::-1])


@pytest.mark.parametrize("degrees", [-8.0, 4.0])
def test_a_crop_is_turned_clockwise_and_has_no_empty_corner(degrees):
    picture = np.full((200, 200, 3), 200, np.uint8)
    angle = math.radians(30)
    # A dot on a ray from the middle of the face moves by the angle, and nothing turns black.
    down, right = round(100 + 30 * math.sin(angle)), round(100 + 30 * math.cos(angle))
    picture[down - 3 : down + 3, right - 3 : right + 3] = (255, 0, 0)
    view = View(squareness=1.0, margin_ratio=0.0, turn_degrees=degrees)
    cropped = geometry.crop(picture, face_at(50, 50, 100, 100), view, 160).astype(int)
    red = np.argwhere(cropped[..., 0] - cropped[..., 1] > 150).mean(axis=0) - 79.5
    assert math.degrees(math.atan2(*red)) == pytest.approx(30 + degrees, abs=1.5)
    assert cropped[..., 0].min() > 190


@given(st.floats(-179, 179))
def test_levelling_moves_the_landmarks_with_the_pixels(roll):
    middle = np.array([250.0, 260.0])
    turn = np.array([[math.cos(math.radians(roll)), -math.sin(math.radians(roll))]])
    turn = np.concatenate([turn, [[-turn[0, 1], turn[0, 0]]]])
    points = tuple(map(tuple, (np.array(POINTS) - (30, 35)) * 3 @ turn.T + middle))
    picture = np.zeros((500, 500, 3), np.uint8)
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255]], np.uint8)
    for (x, y), colour in zip(points, colours, strict=True):
        picture[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5] = colour
    face = Face((*(middle - (40, 50)), 80.0, 100.0), points, 0.9)
    assert face.roll_degrees == pytest.approx(roll, abs=1e-6)
    turned, levelled = geometry.level(picture, face, -1.0)
    assert levelled.roll_degrees == pytest.approx(0, abs=1e-6)
    assert levelled.landmarks[0][0] < levelled.landmarks[1][0]
    for (x, y), colour in zip(levelled.landmarks, colours, strict=True):
        assert np.abs(turned[round(y), round(x)].astype(int) - colour).max() < 60
    lying = 45 < abs(roll) < 135
    assert levelled.box[2:] == pytest.approx((100, 80) if lying else (80, 100))
    assert levelled.centre == pytest.approx((turned.shape[1] / 2, turned.shape[0] / 2), abs=1)


def test_a_level_face_is_left_as_it_is():
    face = Face((10, 10, 30, 40), ((10, 20), (20, 22), *POINTS[2:]), 1.0)
    picture, same = geometry.level(NOISE, face, 20)
    assert picture is NOISE
    assert same is face


def test_prominence_weighs_size_by_nearness_to_the_centre():
    shape = (400, 400)
    centred, corner = face_at(150, 150, 100), face_at(0, 0, 100)
    assert geometry.prominence(centred, shape) == pytest.approx(100)
    assert geometry.prominence(corner, shape) < geometry.prominence(face_at(175, 175, 50), shape)
    assert geometry.prominence(face_at(-500, -500, 100), shape) == 0


@pytest.mark.parametrize(
    ("x", "y", "cut"),
    [(-9, 10, False), (-11, 10, True), (409, 10, False), (411, 10, True), (10, -21, True), (10, 321, True)],
)
def test_a_face_counts_as_cut_beyond_a_tenth_of_its_side(x, y, cut):
    assert geometry.is_cut(face_at(x, y, 100, 200), (500, 500)) is cut


def test_a_portrait_shows_the_face_upright_and_never_larger_than_it_is():
    face = face_at(20, 10, 20)
    assert geometry.portrait(NOISE, face, 20).shape == (34, 34, 3)
    large = face_at(100, 100, 400)
    assert geometry.portrait(np.zeros((600, 600, 3), np.uint8), large, 20).shape == (256, 256, 3)


def boxes(found: list[Face]) -> list[np.ndarray]:
    return [np.array(face.box) for face in found]


def test_every_example_photo_has_a_face_in_its_frame(models, examples):
    paths = [path for photos in examples.values() for path in photos]
    pictures = [photo.read(path) for path in paths]
    found = models.detector(pictures)
    assert len(paths) == 25
    for picture, in_photo in zip(pictures, found, strict=True):
        face = in_photo[0]
        x, y = face.centre
        assert 0 < x < picture.shape[1]
        assert 0 < y < picture.shape[0]
        (left, _), (right, _), nose = face.landmarks[:3]
        assert left < right
        assert face.box[0] < nose[0] < face.box[0] + face.box[2]
        assert 0.8 <= face.confidence <= 1


def test_a_batch_gives_what_each_photo_gives_alone(models, examples):
    pictures = [photo.read(path) for path in examples["Jerry Seinfeld"] + examples["Madonna"]]
    pictures.insert(3, np.full((300, 300, 3), 127, np.uint8))
    together = models.detector(pictures)
    assert together[3] == []
    for picture, found in zip(pictures, together, strict=True):
        (alone,) = models.detector([picture])
        assert len(alone) == len(found)
        assert np.allclose(boxes(alone), boxes(found), atol=0.5) if alone else True


def test_photos_refused_at_different_steps_of_mtcnn_can_be_looked_at_together(models, examples):
    # MTCNN proposes faces in the first and refuses them, and proposes none in the second.
    lying = np.asarray(Image.fromarray(photo.read(examples["Ben Affleck"][0])).resize((300, 300)).rotate(75))
    assert models.detector([lying, np.zeros_like(lying)])[1] == []


def test_no_photos_give_no_faces(models):
    assert models.detector([]) == []


@pytest.mark.parametrize("shape", [(32, 32), (32, 3000), (3000, 32), (480, 640)])
def test_a_photo_without_a_face_gives_an_empty_list(models, shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert models.detector([noise, np.zeros_like(noise)]) == [[], []]


def overlap(one: Any, two: Any) -> float:
    """Intersection over union of two boxes, 0..1."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = one, two
    across, down = min(ax + aw, bx + bw) - max(ax, bx), min(ay + ah, by + bh) - max(ay, by)
    both = max(across, 0) * max(down, 0)
    return float(both / (aw * ah + bw * bh - both))


def test_several_faces_are_all_returned_the_largest_central_one_first(models, examples):
    shown = (("Madonna", 1), ("Elton John", 4), ("Mindy Kaling", 0))
    found = models.faces(beside(*(photo.read(examples[name][index]) for name, index in shown)))
    assert [face.centre[0] // 300 for face in sorted(found, key=lambda face: face.centre)] == [0, 1, 2]
    # The one in the middle has 135 pixels, those beside it 146 and 139.
    assert found[0].centre[0] // 300 == 1
    assert found[0].side_px < max(face.side_px for face in found)


def test_boxes_are_in_pixels_of_the_full_photo(models, madonna):
    picture = photo.read(madonna)
    small, large = models.detector([picture, enlarged(picture, 4)])
    assert len(small) == len(large) == 1
    assert overlap(np.array(small[0].box) * 4, large[0].box) > 0.75


def test_a_small_face_in_a_large_photo_is_found_at_the_second_look(models, examples):
    canvas = np.full((2400, 2400, 3), 127, np.uint8)
    canvas[900:1200, 1200:1500] = photo.read(examples["Elton John"][1])
    (found,) = models.detector([canvas])
    assert len(found) == 1
    assert 1200 < found[0].centre[0] < 1500
    assert found[0].side_px == pytest.approx(59, abs=15)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_in_a_turned_photo_is_told_where_it_is_in_the_photo(quarters):
    points = ((3.0, 5.0), (8.0, 6.0))
    turned = np.zeros((40, 60, 3), np.uint8)
    for x, y in points:
        turned[int(y), int(x)] = 255
    face = geometry.turned_back(Face((2.0, 4.0, 10.0, 6.0), points, 1.0), np.rot90(turned, -quarters).shape, quarters)
    # The pixel with its upper left corner at a point lies beside that point in the photo that was turned.
    lit = np.argwhere(np.rot90(turned, -quarters)[..., 0])[:, ::-1]
    for point in face.landmarks:
        assert (np.abs(lit + 0.5 - point) <= 0.5).all(axis=1).any()
    x, y, width, height = face.box
    assert (width, height) == ((10.0, 6.0) if quarters == 2 else (6.0, 10.0))
    assert all(x <= px <= x + width and y <= py <= y + height for px, py in face.landmarks)


def test_most_photos_lying_on_their_side_give_the_same_face(models, embed, examples):
    pictures = [photo.read(paths[0]) for paths in examples.values()]
    alike = [embed(np.ascontiguousarray(np.rot90(picture, 3))) @ embed(picture) > 0.9 for picture in pictures]
    assert sum(alike) >= 4


def test_a_mirrored_photo_gives_the_mirrored_face(models, madonna):
    picture = photo.read(madonna)
    plain, mirrored = models.detector([picture, picture[:, ::-1]])
    x, y, width, height = mirrored[0].box
    assert overlap(plain[0].box, (picture.shape[1] - x - width, y, width, height)) > 0.75


def rolled(picture: np.ndarray, degrees: float) -> np.ndarray:
    """A photo turned clockwise, its frame enlarged to hold all of it."""
    return np.asarray(Image.fromarray(picture).rotate(-degrees, Image.Resampling.BICUBIC, expand=True))


@pytest.mark.parametrize("degrees", [-150, -90, -40, 40, 90, 180])
def test_levelling_undoes_a_turn_of_the_photo(models, examples, degrees):
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    upright, turned = [], []
    for paths in examples.values():
        picture = photo.read(paths[0])
        (face, *_) = models.faces(picture)
        lying = rolled(picture, degrees)

        def moved(
            point: tuple[float, float], size: Any = picture.shape, into: Any = lying.shape
        ) -> tuple[float, float]:
            right, down = point[0] - size[1] / 2, point[1] - size[0] / 2
            return right * cosine - down * sine + into[1] / 2, right * sine + down * cosine + into[0] / 2

        x, y = moved(face.centre)
        width, height = face.box[2:] if abs(degrees) in (40, 150, 180) else face.box[3:1:-1]
        box = (x - width / 2, y - height / 2, width, height)
        upright.append(models.embedder.crops(*geometry.level(picture, face, over_degrees=-1.0)))
        turned.append(models.embedder.crops(lying, Face(box, tuple(map(moved, face.landmarks)), 1.0)))
    similar = (models.embedder(upright) * models.embedder(turned)).sum(axis=1)
    assert similar.min() > 0.85
    assert np.median(similar) > 0.99


@pytest.mark.parametrize(
    ("name", "index", "degrees"),
    [
        ("Ben Affleck", 1, 30),
        ("Elton John", 4, -30),
        ("Madonna", 2, 30),
        ("Mindy Kaling", 3, 90),
        ("Mindy Kaling", 3, -90),
    ],
)
def test_a_rolled_head_is_found_and_turned_upright_by_its_eyes(models, embed, examples, name, index, degrees):
    picture = photo.read(examples[name][index])
    lying = rolled(picture, degrees)
    (face, *_) = models.faces(lying)
    assert face.roll_degrees == pytest.approx(degrees, abs=20)
    _, levelled = geometry.level(lying, face, models.embedder.settings.level_over_degrees)
    assert abs(levelled.roll_degrees) < 1e-6
    assert embed(lying) @ embed(picture) > 0.85
