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
from pipeline.runtime import AGREEMENT_MIN
from tests.conftest import encoded, enlarged

SIDE = weights.CROP_SIDE_PX
PATTERN = (np.add.outer(np.arange(SIDE) * 3, np.arange(SIDE) * 5)[..., None] // (7, 11, 13) % 256).astype(np.uint8)
NOISE = np.random.default_rng(7).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
# The first numbers of a crop's unit row, as FaceNet 20170512-110547 gives them under this preprocessing.
GOLDEN = {
    "pattern": (PATTERN, [-0.049796, -0.082452, -0.081852, -0.097236, 0.042385, -0.091153, 0.033845, -0.041078]),
    "noise": (NOISE, [-0.024178, -0.113254, -0.029426, -0.152242, 0.034656, 0.020462, -0.082972, -0.030340]),
}


@pytest.fixture(scope="module")
def reference(facenet):
    """The network in float32, by TensorFlow: from crops to unit rows."""
    function = weights.facenet_function(facenet)
    return lambda crops: np.asarray(function(crops))


@pytest.mark.parametrize("name", GOLDEN)
def test_fixed_crops_have_their_golden_vectors(facenet_128, reference, name):
    crop, first = GOLDEN[name]
    (row,) = reference(crop[None])
    assert row[: len(first)] == pytest.approx(first, abs=1e-4)
    assert facenet_128([crop[None]])[0] @ row >= AGREEMENT_MIN


def test_each_crop_is_standardised_before_the_network(facenet_128, reference, facenet):
    crops = np.stack([PATTERN, NOISE, PATTERN // 2 + 30])
    shown = np.stack(
        [(crop - crop.mean()) / max(crop.std(), 1 / np.sqrt(crop.size)) for crop in crops.astype(np.float64)]
    )
    expected = base.unit(np.asarray(facenet(shown.astype(np.float32), training=False)))
    assert reference(crops) == pytest.approx(expected, abs=1e-4)
    rows = facenet_128([crop[None] for crop in crops])
    assert (np.sum(rows * expected, axis=1) >= AGREEMENT_MIN).all()


def test_brightness_and_contrast_of_a_crop_do_not_matter(facenet_128, reference):
    even = PATTERN // 2 * 2
    crops = np.stack([even, even // 2 + 40])
    plain, dimmed = reference(crops)
    assert plain == pytest.approx(dimmed, abs=1e-4)
    plain, dimmed = facenet_128([crop[None] for crop in crops])
    assert plain @ dimmed >= AGREEMENT_MIN


def test_a_single_coloured_crop_has_a_finite_embedding(facenet_128):
    rows = facenet_128([np.full((1, SIDE, SIDE, 3), value, np.uint8) for value in (0, 255)])
    assert np.isfinite(rows).all()


def test_a_batch_equals_its_faces_one_by_one(models, facenet_128, examples):
    pictures = [photo.read(paths[0]) for paths in examples.values()] * 2
    crops = [facenet_128.crops(picture, models.faces(picture)[0]) for picture in pictures]
    together = facenet_128(crops)
    assert together.shape == (10, 128)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(10), abs=1e-5)
    assert np.array_equal(together, np.concatenate([facenet_128([crop]) for crop in crops]))


def test_the_views_of_a_face_are_averaged(facenet_128):
    both = facenet_128([np.stack([PATTERN, NOISE])])[0]
    one, two = facenet_128([PATTERN[None], NOISE[None]])
    assert both == pytest.approx((one + two) / np.linalg.norm(one + two), abs=1e-5)


def test_no_faces_give_no_rows(facenet_128):
    assert facenet_128([]).shape == (0, 128)


def test_every_view_has_its_mirror_image():
    views = FACENET_SETTINGS.views
    assert {view for view in views if view.mirror} == {
        replace(view, mirror=True) for view in views if not view.mirror
    }


def test_a_photo_mirrored_with_its_face_has_the_same_embedding(models, facenet_128, madonna):
    picture = photo.read(madonna)
    face = models.faces(picture)[0]
    x, y, width, height = face.box
    # Landmarks matter only for levelling, which this face does not need.
    mirrored = replace(face, box=(picture.shape[1] - x - width, y, width, height))
    crops = [facenet_128.crops(picture, face), facenet_128.crops(picture[:, ::-1], mirrored)]
    assert facenet_128(crops[:1]) @ facenet_128(crops[1:]).T > 0.999


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
