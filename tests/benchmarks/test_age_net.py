"""The age network tells the old from the young, which takes all of its layers in the right order."""

from __future__ import annotations

import shutil

import pytest

from benchmarks.age_net import SIDE_PX, ages_of
from benchmarks.attributes import AGE_VIEW
from pipeline import photo
from pipeline.faces import geometry

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(not shutil.which("npm"), reason="the age network comes from npm, which is not there"),
]


def _crop(models, path):
    picture = photo.read(path)
    return geometry.crop(picture, models.faces(picture)[0], AGE_VIEW, size=(SIDE_PX, SIDE_PX))


def test_the_network_tells_the_old_from_the_young(models, examples):
    ages = {name: ages_of([_crop(models, path) for path in paths]).mean() for name, paths in examples.items()}
    assert 20 < ages["Mindy Kaling"] < 40
    assert ages["Elton John"] > ages["Mindy Kaling"] + 10


def test_a_mirror_image_has_about_the_same_age(models, madonna):
    crop = _crop(models, madonna)
    plain, mirrored = ages_of([crop, crop[:, ::-1]])
    assert plain == pytest.approx(mirrored, abs=8)


def test_without_faces_there_are_no_ages():
    assert ages_of([]).shape == (0,)
