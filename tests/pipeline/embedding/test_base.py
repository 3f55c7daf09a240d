"""Embedders over a network made by the tests: views, batches and unit rows."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.embedding.base import SQUARE_CROP, EmbeddingSettings, FaceNetwork, NetworkEmbedder, unit
from pipeline.faces.face import Face
from pipeline.faces.geometry import View

SIDE_PX = 8
LEVEL = ((20.0, 25.0), (40.0, 25.0), (30.0, 35.0), (22.0, 45.0), (38.0, 45.0))
CROPS = np.random.default_rng(0).integers(1, 256, (70, 2, SIDE_PX, SIDE_PX, 3), np.uint8)


class CountingNetwork:
    """Mean colours as unit rows; remembers the sizes of its batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.network = FaceNetwork("colours-1", (SIDE_PX, SIDE_PX), dimensions=3, parameters=0, rows=self.rows)

    def rows(self, crops: np.ndarray) -> np.ndarray:
        self.batches.append(len(crops))
        return unit(crops.mean(axis=(1, 2)))


@pytest.fixture
def colours():
    return CountingNetwork()


def test_the_embedding_of_a_face_is_the_mean_of_its_views(colours):
    embeddings = NetworkEmbedder(colours.network, SQUARE_CROP)(list(CROPS))
    assert embeddings.dtype == np.float32
    for embedding, (one, other) in zip(embeddings, CROPS, strict=True):
        mean = unit(one.mean(axis=(0, 1))) + unit(other.mean(axis=(0, 1)))
        assert embedding == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_many_faces_reach_the_network_in_full_batches(colours):
    NetworkEmbedder(colours.network, SQUARE_CROP)(list(CROPS))
    assert colours.batches == [32, 32, 32, 32, 12]


def test_no_faces_and_no_crops_give_no_rows(colours):
    embedder = NetworkEmbedder(colours.network, SQUARE_CROP)
    assert embedder([]).shape == (0, 3)
    assert embedder.rows(CROPS[0, :0]).shape == (0, 3)


def test_a_face_has_one_crop_for_each_view(colours):
    picture = np.random.default_rng(1).integers(0, 256, (60, 60, 3), np.uint8)
    crops = NetworkEmbedder(colours.network, SQUARE_CROP).crops(picture, Face((15.0, 15.0, 30.0, 36.0), LEVEL, 1.0))
    assert [crop.shape for crop in crops] == [(SIDE_PX, SIDE_PX, 3)] * 2
    assert np.array_equal(crops[1], crops[0][:, ::-1])


def test_the_identity_tells_models_views_and_levelling_apart(colours):
    others = (
        EmbeddingSettings(views=(View(1.0, 0.1),)),
        EmbeddingSettings(views=SQUARE_CROP.views, level_over_degrees=20.0),
    )
    identity = NetworkEmbedder(colours.network, SQUARE_CROP).identity
    assert identity == SQUARE_CROP.identity("colours-1")
    assert identity != SQUARE_CROP.identity("colours-2")
    assert all(NetworkEmbedder(colours.network, settings).identity != identity for settings in others)


def test_unit_rows_have_length_one_and_zeros_stay():
    rows = unit(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert rows.tolist() == pytest.approx(np.array([[0.6, 0.8], [0.0, 0.0]]))
    assert rows.dtype == np.float32
