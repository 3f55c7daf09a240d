"""Two embedders side by side, with both FaceNets out of their packages."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline import photo
from pipeline.embedding import registry
from pipeline.embedding.facenet_512 import FACENET_512
from pipeline.embedding.pair import FACENET_PAIR, PairEmbedder, side_by_side
from tests.conftest import unit_rows


def test_the_cosine_of_a_pair_is_a_weighted_mean_of_both_cosines():
    first, second = unit_rows(3), unit_rows(3, seed=1, dimensions=512)
    pair = side_by_side(first, second, weight=0.5)
    expected = (first[0] @ first[1] + 0.25 * second[0] @ second[1]) / 1.25
    assert pair[0] @ pair[1] == pytest.approx(expected, abs=1e-6)


def test_both_facenets_and_their_pair_recognise_the_examples(home, examples, models):
    second = registry.load_embedder(FACENET_512.name)
    photos = [photo.read(paths[place]) for paths in examples.values() for place in (0, 1)]
    found = [models.faces(picture)[0] for picture in photos]
    crops = [second.crops(picture, face) for picture, face in zip(photos, found, strict=True)]
    rows = second(crops)
    assert rows.shape == (10, 512)
    # The graph was frozen for a batch of one.
    assert np.concatenate([second([crop]) for crop in crops]) == pytest.approx(rows, abs=1e-5)
    cosines = rows @ rows.T - 2 * np.eye(10)
    assert (cosines.argmax(axis=1) // 2 == np.arange(10) // 2).mean() >= 0.9
    pair = PairEmbedder(models.embedder, second)
    both = pair([pair.crops(picture, face) for picture, face in zip(photos, found, strict=True)])
    first = models.embedder(
        [models.embedder.crops(picture, face) for picture, face in zip(photos, found, strict=True)]
    )
    assert both == pytest.approx(side_by_side(first, rows), abs=1e-5)
    assert registry.name_of(json.loads(json.dumps(pair.identity))) == FACENET_PAIR.name
