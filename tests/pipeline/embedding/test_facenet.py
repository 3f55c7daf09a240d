"""FaceNet with its real weights: golden vectors, and changes of a photo that must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline import photo
from pipeline.embedding import base
from pipeline.embedding import facenet_weights as weights
from pipeline.embedding.facenet import FACENET_SETTINGS
from tests.conftest import encoded, enlarged

SIDE = weights.CROP_SIDE_PX
PATTERN = (np.add.outer(np.arange(SIDE) * 3, np.arange(SIDE) * 5)[..., None] // (7, 11, 13) % 256).astype(np.uint8)
NOISE = np.random.default_rng(7).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
# The first numbers of a crop's unit row, as FaceNet 20170512-110547 gives them under this preprocessing.
GOLDEN = {
    "pattern": (PATTERN, [-0.049796, -0.082452, -0.081852, -0.097236, 0.042385, -0.091153, 0.033845, -0.041078]),
    "noise": (NOISE, [-0.024178, -0.113254, -0.029426, -0.152242, 0.034656, 0.020462, -0.082972, -0.030340]),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_fixed_crops_have_their_golden_vectors(models, name):
    crop, first = GOLDEN[name]
    row = models.embedder([crop[None]])[0]
    assert row[: len(first)] == pytest.approx(first, abs=1e-4)


def test_each_crop_is_standardised_before_the_network(models, facenet):
    crops = np.stack([PATTERN, NOISE, PATTERN // 2 + 30])
    shown = np.stack(
        [(crop - crop.mean()) / max(crop.std(), 1 / np.sqrt(crop.size)) for crop in crops.astype(np.float64)]
    )
    expected = base.unit(np.asarray(facenet(shown.astype(np.float32), training=False)))
    assert models.embedder([crop[None] for crop in crops]) == pytest.approx(expected, abs=1e-4)


def test_brightness_and_contrast_of_a_crop_do_not_matter(models):
    even = PATTERN // 2 * 2
    plain, dimmed = models.embedder([even[None], (even // 2 + 40)[None]])
    assert plain == pytest.approx(dimmed, abs=1e-4)


def test_a_single_coloured_crop_has_a_finite_embedding(models):
    rows = models.embedder([np.full((1, SIDE, SIDE, 3), value, np.uint8) for value in (0, 255)])
    assert np.isfinite(rows).all()


def test_a_batch_equals_its_faces_one_by_one(models, examples):
    pictures = [photo.read(paths[0]) for paths in examples.values()] * 2
    crops = [models.embedder.crops(picture, models.faces(picture)[0]) for picture in pictures]
    together = models.embedder(crops)
    assert together.shape == (10, 128)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(10), abs=1e-5)
    assert together == pytest.approx(np.concatenate([models.embedder([crop]) for crop in crops]), abs=1e-4)


def test_the_views_of_a_face_are_averaged(models):
    both = models.embedder([np.stack([PATTERN, NOISE])])[0]
    one, two = models.embedder([PATTERN[None], NOISE[None]])
    assert both == pytest.approx((one + two) / np.linalg.norm(one + two), abs=1e-5)


def test_no_faces_give_no_rows(models):
    assert models.embedder([]).shape == (0, 128)


def test_every_view_has_its_mirror_image():
    views = FACENET_SETTINGS.views
    assert {view for view in views if view.mirror} == {
        replace(view, mirror=True) for view in views if not view.mirror
    }


def test_a_photo_mirrored_with_its_face_has_the_same_embedding(models, madonna):
    picture = photo.read(madonna)
    face = models.faces(picture)[0]
    x, y, width, height = face.box
    # Landmarks matter only for levelling, which this face does not need.
    mirrored = replace(face, box=(picture.shape[1] - x - width, y, width, height))
    crops = [models.embedder.crops(picture, face), models.embedder.crops(picture[:, ::-1], mirrored)]
    assert models.embedder(crops[:1]) @ models.embedder(crops[1:]).T > 0.999


def test_a_mirrored_photo_has_nearly_the_same_embedding(embed, examples):
    for paths in examples.values():
        picture = photo.read(paths[0])
        assert embed(picture) @ embed(picture[:, ::-1]) > 0.95


def test_a_photo_four_times_as_large_has_nearly_the_same_embedding(embed, examples):
    for paths in examples.values():
        picture = photo.read(paths[0])
        assert embed(picture) @ embed(enlarged(picture, 4)) > 0.9


def test_a_photo_turned_by_exif_has_the_embedding_of_the_upright_one(embed, madonna):
    upright = photo.read(madonna)
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = photo.read(encoded(np.rot90(upright), exif=exif))
    assert np.array_equal(lying, upright)
    assert embed(lying) == pytest.approx(embed(upright), abs=1e-6)
