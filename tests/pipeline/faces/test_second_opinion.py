"""The second opinion, with toys that count and with the real networks on photos any way up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline import photo
from pipeline.faces import geometry
from pipeline.faces.base import DetectionSettings
from pipeline.faces.detector import BOTH, Detector, load_detector
from pipeline.faces.face import Face
from pipeline.faces.second_opinion import SURE_CONFIDENCE, SecondOpinion
from pipeline.lookalikes import Lookalikes
from tests.conftest import beside

EYES = ((40.0, 40.0), (60.0, 40.0), (50.0, 50.0), (42.0, 60.0), (58.0, 60.0))
UNSURE = Face((30.0, 25.0, 40.0, 50.0), EYES, 0.9)
BLANK = np.zeros((100, 100, 3), np.uint8)


def nothing(photos: np.ndarray) -> list[list[Face]]:
    return [[] for _ in photos]


def refused(photos: np.ndarray) -> list[list[Face]]:
    raise AssertionError("This network is not needed.")


def brightest_at_the_top(photos: np.ndarray) -> list[list[Face]]:
    """A network that finds a face in the middle, the more confidently the brighter the upper half."""
    found: list[list[Face]] = []
    for picture in photos:
        side = len(picture)
        confidence = 0.7 * float(picture[: side // 2].mean()) / 255
        points = tuple((x * side / 100, y * side / 100) for x, y in EYES)
        box = (0.3 * side, 0.25 * side, 0.4 * side, 0.5 * side)
        found.append([Face(box, points, confidence)] if confidence > 0.1 else [])
    return found


def bright(rows: slice, columns: slice) -> np.ndarray:
    picture = BLANK.copy()
    picture[rows, columns] = 255
    return picture


@pytest.fixture(scope="module")
def demonstration(models):
    return Lookalikes.open(models=models)


def opinion(first: Any, second: Any) -> SecondOpinion:
    return SecondOpinion(first, second, DetectionSettings(confidence_min=0.6))


def test_a_sure_face_is_taken_without_asking():
    sure = [replace(UNSURE, confidence=SURE_CONFIDENCE), UNSURE]
    assert opinion(refused, refused)(BLANK, sure) is sure


def test_an_unsure_face_that_is_clearest_upright_stays():
    faces = [UNSURE]
    assert opinion(refused, brightest_at_the_top)(bright(slice(0, 50), slice(None)), faces) is faces


@pytest.mark.parametrize(
    ("rows", "columns", "roll"),
    [
        (slice(50, 100), slice(None), 180),
        (slice(None), slice(0, 50), -90),
        (slice(None), slice(50, 100), 90),
    ],
)
def test_a_face_that_is_clearest_in_another_orientation_is_replaced(rows, columns, roll):
    (face,) = opinion(nothing, brightest_at_the_top)(bright(rows, columns), [UNSURE])
    assert abs(face.roll_degrees) == pytest.approx(abs(roll))
    assert np.sign(face.roll_degrees) == np.sign(roll) or abs(roll) == 180
    assert face.box[2:] == pytest.approx((50, 40) if abs(roll) == 90 else (40, 50))


def test_an_unsure_face_stays_where_no_orientation_shows_another():
    faces = [UNSURE]
    assert opinion(refused, nothing)(BLANK, faces) is faces
    assert opinion(refused, nothing)(BLANK, []) == []


def test_faces_are_returned_as_the_first_network_draws_them():
    def first(photos: np.ndarray) -> list[list[Face]]:
        side = photos.shape[1]
        return [[Face((0.3 * side, 0.3 * side, 0.4 * side, 0.4 * side), UNSURE.landmarks, 0.97)] for _ in photos]

    (face,) = opinion(first, brightest_at_the_top)(bright(slice(0, 50), slice(None)), [])
    assert face.confidence == 0.97
    assert face.box[2:] == pytest.approx((40, 40))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_every_example_photo_finds_the_person_any_way_up(demonstration, examples, degrees):
    first = {
        path.name: (name, demonstration.find(np.rot90(photo.read(path), degrees // 90).copy(), top=1).matches[0].name)
        for name, paths in examples.items()
        for path in paths
    }
    assert len(first) == 25
    assert {path: names for path, names in first.items() if names[0] != names[1]} == {}


def test_upright_example_photos_have_the_faces_that_mtcnn_finds(models, examples):
    pictures = [photo.read(path) for paths in examples.values() for path in paths]
    group = beside(*pictures[:6])
    alone = Detector(models.detector.network, BOTH.settings)
    assert models.detector([*pictures, group]) == alone([*pictures, group])


def test_all_faces_of_a_group_lying_on_its_side_are_found(models, examples):
    shown = (("Madonna", 1), ("Elton John", 4), ("Mindy Kaling", 0))
    group = beside(*(photo.read(examples[name][index]) for name, index in shown))
    lying = [geometry.rotate_back(face, group.shape, quarters=1) for face in models.faces(np.rot90(group).copy())]
    upright = models.faces(group)
    assert len(upright) == len(lying) == 3
    # Two of them are equally prominent.
    for face, back in zip(*(sorted(faces, key=lambda face: face.centre) for faces in (upright, lying)), strict=True):
        assert geometry.overlap(back.box, face.box) > 0.6
        assert back.roll_degrees == pytest.approx(face.roll_degrees, abs=15)


@pytest.mark.parametrize("degrees", [45, -60, 75, 120, -135, 165])
def test_a_head_at_any_angle_is_found_and_compared(models, embed, examples, degrees):
    picture = photo.read(examples["Madonna"][2])
    lying = np.asarray(Image.fromarray(picture).rotate(-degrees, Image.Resampling.BICUBIC, expand=True))
    assert models.faces(lying)[0].roll_degrees == pytest.approx(degrees, abs=20)
    assert embed(lying) @ embed(picture) > 0.8


def test_a_photo_without_a_face_stays_without_one(models):
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    assert models.detector([noise, np.zeros_like(noise)]) == [[], []]


def test_yunet_alone_is_a_detector_too(examples):
    picture = photo.read(examples["Madonna"][1])
    detector = load_detector("yunet")
    upright, lying = detector([picture, np.rot90(picture, 2)])
    assert upright[0].confidence > 0.85
    assert lying
