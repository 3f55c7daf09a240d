"""Several photos of one face, with the real networks."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import photo
from pipeline.errors import NoFaceError
from pipeline.faces.face import Face
from pipeline.lookalikes import Probe
from pipeline.similarity import registry
from pipeline.similarity.calibration import UNCALIBRATED
from pipeline.similarity.cosine import CosineScorer
from pipeline.together import FACES_MAX, combined, same_face, seems_somebody_else
from tests.conftest import beside, unit_rows


@pytest.fixture(scope="module")
def probe_of(models):
    def probe_of(path):
        pixels = photo.read(path)
        return models.probe(pixels, models.faces(pixels)[0])

    return probe_of


def test_one_probe_of_several_is_the_mean_of_their_rows_with_the_first_portrait():
    rows = unit_rows(3)
    probes = [Probe(row, np.full((4, 4, 3), shade, np.uint8), {"model": "one"}) for shade, row in enumerate(rows)]
    one = combined(probes)
    mean = rows.mean(axis=0)
    assert one.embedding == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert one.embedding.dtype == np.float32
    assert one.portrait is probes[0].portrait
    assert one.identity == {"model": "one"}
    assert one.photos == 3
    assert combined(probes[:1]) is probes[0]


def test_several_photos_are_nearer_to_another_photo_than_most_of_them_alone(probe_of, examples):
    for name, paths in examples.items():
        *some, other = (probe_of(path).embedding for path in paths)
        together = combined([Probe(row, np.empty((0, 0, 3), np.uint8)) for row in some]).embedding
        assert together @ other > np.median([row @ other for row in some]), name


def test_more_photos_do_not_make_the_same_distance_look_more_alike():
    calibration = registry.load_scorer().calibration
    (distance,) = calibration.strangers[2][1:]
    one, three = (calibration.likenesses([distance], 1_000, photos=photos)[0] for photos in (1, 3))
    assert three.strangers == pytest.approx(3 * one.strangers)
    assert three.resemblance < one.resemblance
    (far,) = calibration.likenesses([1.0], 1_000, photos=3)
    assert far.strangers == 1


def test_of_several_faces_the_one_of_the_probe_is_taken(models, probe_of, examples):
    pictures = [photo.read(examples[name][2]) for name in ("Elton John", "Madonna", "Ben Affleck")]
    group = beside(*(picture[:200, :200] for picture in pictures))
    faces = models.faces(group)
    for name, index in (("Elton John", 0), ("Madonna", 1), ("Ben Affleck", 2)):
        number, probe = same_face(models, group, faces, probe_of(examples[name][1]))
        assert 200 * index < faces[number - 1].centre[0] < 200 * (index + 1)
        assert probe.embedding == pytest.approx(models.probe(group, faces[number - 1]).embedding)


def test_faces_that_cannot_be_compared_are_passed_over_until_none_is_left(models, probe_of, madonna):
    pixels = photo.read(madonna)
    (good, *_) = models.faces(pixels)
    small = Face((10.0, 10.0, 8.0, 10.0), good.landmarks, 1.0)
    probe = probe_of(madonna)
    assert same_face(models, pixels, [small, good], probe)[0] == 2
    with pytest.raises(NoFaceError, match="10 pixels high"):
        same_face(models, pixels, [small], probe)
    with pytest.raises(NoFaceError, match="No face"):
        same_face(models, pixels, [], probe)
    with pytest.raises(NoFaceError):
        same_face(models, pixels, [small] * FACES_MAX + [good], probe)


@pytest.mark.parametrize("scorer", map(registry.load_scorer, registry.SCORERS), ids=registry.SCORERS)
def test_other_people_seem_to_be_somebody_else_and_the_same_ones_do_not(scorer, probe_of, examples):
    probes = {name: [probe_of(path) for path in paths[:3]] for name, paths in examples.items()}
    for name, own in probes.items():
        assert not any(seems_somebody_else(own[0], other, scorer) for other in own), name
        others = [probe for other, some in probes.items() if other != name for probe in some]
        assert all(seems_somebody_else(own[0], other, scorer) for other in others), name


def test_without_a_calibration_nobody_seems_to_be_somebody_else():
    one, other = (Probe(row, np.empty((0, 0, 3), np.uint8)) for row in unit_rows(2))
    assert not seems_somebody_else(one, other, CosineScorer(UNCALIBRATED))
