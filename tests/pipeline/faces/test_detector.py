"""The detector on real faces, and with a network made by the tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline import photo
from pipeline.errors import UserError
from pipeline.faces import detector, geometry
from pipeline.faces.base import DetectionSettings, DetectorEntry
from pipeline.faces.detector import Detector
from pipeline.faces.face import Face
from tests.conftest import beside, enlarged


def bright_spots(photos: np.ndarray) -> list[list[Face]]:
    """A network that takes the bounding box of the white pixels in the upper half for a face."""
    found: list[list[Face]] = []
    for picture in photos:
        rows, columns = np.nonzero(picture[: len(picture) // 2, :, 0] > 200)
        if not len(rows):
            found.append([])
            continue
        x, y = float(columns.min()), float(rows.min())
        width, height = float(columns.max()) + 1 - x, float(rows.max()) + 1 - y
        found.append([Face((x, y, width, height), ((x, y),) * 5, 0.95)])
    return found


def spot(shape: tuple[int, int], top: int, left: int, side: int = 40) -> np.ndarray:
    picture = np.zeros((*shape, 3), np.uint8)
    picture[top : top + side, left : left + side] = 255
    return picture


def test_the_default_detector_is_in_the_registry():
    assert detector.DEFAULT_DETECTOR in detector.DETECTORS
    assert all(entry.name == name and entry.help for name, entry in detector.DETECTORS.items())


def test_an_unknown_detector_lists_the_known_ones():
    with pytest.raises(UserError, match=r"There is no detector nothing\. Choose one of mtcnn\+yunet, mtcnn, yunet\."):
        detector.load_detector("nothing")


def test_a_new_detector_takes_one_entry(monkeypatch):
    settings = DetectionSettings(detect_side_px=100)
    monkeypatch.setitem(
        detector.DETECTORS, "toy", DetectorEntry("toy", "bright spots", lambda: bright_spots, settings)
    )
    (faces,) = detector.load_detector("toy")([spot((400, 400), 40, 80)])
    # Searched at a quarter of the size, returned in pixels of the photo.
    assert faces[0].box == pytest.approx((80, 40, 40, 40), abs=4)


@pytest.mark.parametrize(("top", "left"), [(300, 200), (200, 10), (200, 350)])
def test_any_network_sees_photos_in_all_orientations(top, left):
    (faces,) = Detector(bright_spots)([spot((400, 400), top, left)])
    assert faces[0].box == pytest.approx((left, top, 40, 40))


def test_faces_below_the_least_confidence_are_dropped():
    assert Detector(bright_spots, DetectionSettings(confidence_min=0.99))([spot((100, 100), 10, 10)]) == [[]]


def boxes(found: list[Face]) -> list[np.ndarray]:
    return [np.array(face.box) for face in found]


def test_every_example_photo_has_a_face_inside_it(models, examples):
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


def test_a_batch_equals_its_photos_one_by_one(models, examples):
    pictures = [photo.read(path) for path in examples["Jerry Seinfeld"] + examples["Madonna"]]
    pictures.insert(3, np.full((300, 300, 3), 127, np.uint8))
    together = models.detector(pictures)
    assert together[3] == []
    for picture, found in zip(pictures, together, strict=True):
        (alone,) = models.detector([picture])
        assert len(alone) == len(found)
        assert np.allclose(boxes(alone), boxes(found), atol=0.5) if alone else True


def test_photos_rejected_at_different_stages_can_share_a_batch(models, examples):
    # MTCNN proposes faces in the first and rejects them later; in the second it proposes none.
    lying = np.asarray(Image.fromarray(photo.read(examples["Ben Affleck"][0])).resize((300, 300)).rotate(75))
    assert models.detector([lying, np.zeros_like(lying)])[1] == []


def test_no_photos_give_no_faces(models):
    assert models.detector([]) == []


@pytest.mark.parametrize("shape", [(32, 32), (32, 3000), (3000, 32), (480, 640)])
def test_a_photo_without_a_face_gives_an_empty_list(models, shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert models.detector([noise, np.zeros_like(noise)]) == [[], []]


def test_all_faces_are_returned_the_most_prominent_first(models, examples):
    shown = (("Madonna", 1), ("Elton John", 4), ("Mindy Kaling", 0))
    found = models.faces(beside(*(photo.read(examples[name][index]) for name, index in shown)))
    assert [face.centre[0] // 300 for face in sorted(found, key=lambda face: face.centre)] == [0, 1, 2]
    # The central face has 135 pixels, its neighbours 146 and 139.
    assert found[0].centre[0] // 300 == 1
    assert found[0].side_px < max(face.side_px for face in found)


def test_boxes_are_in_pixels_of_the_full_photo(models, madonna):
    picture = photo.read(madonna)
    small, large = models.detector([picture, enlarged(picture, 4)])
    assert len(small) == len(large) == 1
    assert geometry.overlap(geometry.scale_face(small[0], 4).box, large[0].box) > 0.75


def test_a_small_face_in_a_large_photo_is_found_at_the_second_look(models, examples):
    canvas = np.full((2400, 2400, 3), 127, np.uint8)
    canvas[900:1200, 1200:1500] = photo.read(examples["Elton John"][1])
    (found,) = models.detector([canvas])
    assert len(found) == 1
    assert 1200 < found[0].centre[0] < 1500
    assert found[0].side_px == pytest.approx(59, abs=15)


def test_a_mirrored_photo_gives_the_mirrored_face(models, madonna):
    picture = photo.read(madonna)
    plain, mirrored = models.detector([picture, picture[:, ::-1]])
    x, y, width, height = mirrored[0].box
    assert geometry.overlap(plain[0].box, (picture.shape[1] - x - width, y, width, height)) > 0.75


def rolled(picture: np.ndarray, degrees: float) -> np.ndarray:
    """The photo turned clockwise on a canvas that holds all of it."""
    return np.asarray(Image.fromarray(picture).rotate(-degrees, Image.Resampling.BICUBIC, expand=True))


@pytest.mark.parametrize("degrees", [-150, -90, -40, 40, 90, 180])
def test_levelling_undoes_a_rotation_of_the_photo(models, examples, degrees):
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
def test_a_rolled_head_is_found_and_levelled(models, embed, examples, name, index, degrees):
    picture = photo.read(examples[name][index])
    lying = rolled(picture, degrees)
    (face, *_) = models.faces(lying)
    assert face.roll_degrees == pytest.approx(degrees, abs=20)
    _, levelled = geometry.level(lying, face, over_degrees=geometry.LEVEL_OVER_DEGREES)
    assert abs(levelled.roll_degrees) < 1e-6
    assert embed(lying) @ embed(picture) > 0.85
