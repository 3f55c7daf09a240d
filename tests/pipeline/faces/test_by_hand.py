"""Boxes drawn by hand around real faces: the network finds the face in them, and an estimate stands in for it."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import photo
from pipeline.faces import geometry
from pipeline.faces.by_hand import face_in_box
from pipeline.faces.face import face_from_front
from pipeline.faces.mtcnn import CompiledMTCNN
from tests.conftest import beside, enlarged, half_hidden


@pytest.fixture(scope="module")
def network(models):
    return CompiledMTCNN()


def drawn(box, right=0.0, down=0.0, scale=1.0):
    """A box as somebody might draw it: moved by shares of its side, and larger or smaller."""
    x, y, width, height = box
    side = max(width, height)
    middle = (x + width / 2 + right * side, y + height / 2 + down * side)
    return (middle[0] - scale * width / 2, middle[1] - scale * height / 2, scale * width, scale * height)


def off(found, expected):
    """The mean distance of the landmarks, as a share of the face's side."""
    distances = np.linalg.norm(np.subtract(found.landmarks, expected.landmarks), axis=1)
    return distances.mean() / expected.side_px


@pytest.mark.parametrize("hand", [(0, 0, 1.0), (0.1, 0.05, 0.85), (-0.1, -0.1, 1.25), (0, 0.12, 1.4)])
def test_a_box_around_a_face_gives_the_face_that_the_detector_finds(models, network, examples, hand):
    for path in [paths[1] for paths in examples.values()]:
        picture = photo.read(path)
        expected = models.faces(picture)[0]
        found = face_in_box(picture, drawn(expected.box, *hand), network)
        assert off(found, expected) < 0.06, path
        assert geometry.overlap(found.box, expected.box) > 0.7
        assert found.confidence > 0.8


def test_size_and_place_in_a_large_photo_do_not_matter(models, network, madonna):
    picture = photo.read(madonna)
    expected = models.faces(picture)[0]
    canvas = beside(np.full((2000, 2000, 3), 90, np.uint8), enlarged(picture, 6))
    x, y, width, height = (6 * value for value in expected.box)
    found = face_in_box(canvas, (x + 2000, y, width, height), network)
    moved = geometry.scale_face(expected, 6)
    shifted = [(right + 2000, down) for right, down in moved.landmarks]
    assert np.abs(np.subtract(found.landmarks, shifted)).max() < 0.06 * moved.side_px


def test_of_two_faces_the_one_in_the_box_is_meant(models, network, examples):
    pair = beside(*(photo.read(examples[name][1]) for name in ("Madonna", "Elton John")))
    for expected in models.faces(pair):
        assert off(face_in_box(pair, expected.box, network), expected) < 0.06


@pytest.mark.parametrize("with_network", [True, False])
def test_where_no_network_sees_a_face_the_box_is_taken_as_a_face_from_the_front(network, with_network):
    plain = np.full((300, 300, 3), 127, np.uint8)
    box = (100.0, 80.0, 90.0, 110.0)
    found = face_in_box(plain, box, network if with_network else None)
    assert found == face_from_front(box)
    assert found.confidence == 0
    assert found.roll_degrees == 0
    assert all(100 < x < 190 and 80 < y < 190 for x, y in found.landmarks)


def test_a_box_that_reaches_out_of_the_photo_is_no_problem(models, madonna):
    picture = photo.read(madonna)
    face = models.detector.face_in(picture, (-40.0, -30.0, 200.0, 220.0))
    assert models.probe(picture, face).embedding.shape == (models.embedder.dimensions,)


def test_a_face_that_no_detector_finds_can_be_looked_up(models, madonna):
    picture = photo.read(madonna)
    expected = models.faces(picture)[0]
    hidden = half_hidden(picture, expected)
    assert models.detector([hidden]) == [[]]
    face = models.detector.face_in(hidden, drawn(expected.box, 0.05, -0.05, 1.2))
    assert geometry.overlap(face.box, expected.box) > 0.6
    assert np.abs(np.subtract(face.landmarks, expected.landmarks)[:2]).max() < 0.1 * expected.side_px
