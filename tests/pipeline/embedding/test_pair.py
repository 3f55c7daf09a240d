"""Two embedders side by side, with FaceNets and SFace out of their packages."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline import photo
from pipeline.embedding import pair, registry
from pipeline.embedding.base import SQUARE_CROP, FaceNetwork, NetworkEmbedder, unit
from pipeline.embedding.facenet import FACENET_128, FACENET_SETTINGS, facenet_entry
from pipeline.embedding.pair import FACENET_PAIR, FACENET_SFACE, PairEmbedder, PairEntry, pair_entry, side_by_side
from pipeline.faces.face import Face
from tests.conftest import unit_rows

# As written into the manifests of galleries since the first version.
FACENET_PAIR_IDENTITY = (
    '{"model": "facenet-pair", "parts": [{"model": "facenet-20170512-110547", "views": ['
    '{"squareness": 0.5, "margin_ratio": 0.03, "turn_degrees": -4.0, "mirror": false}, '
    '{"squareness": 0.5, "margin_ratio": 0.03, "turn_degrees": -4.0, "mirror": true}, '
    '{"squareness": 0.5, "margin_ratio": 0.07, "turn_degrees": 4.0, "mirror": false}, '
    '{"squareness": 0.5, "margin_ratio": 0.07, "turn_degrees": 4.0, "mirror": true}], "level_over_degrees": 10.0}, '
    '{"model": "facenet-20180408-102900", "views": ['
    '{"squareness": 1.0, "margin_ratio": 0.1, "turn_degrees": 0.0, "mirror": false}, '
    '{"squareness": 1.0, "margin_ratio": 0.1, "turn_degrees": 0.0, "mirror": true}], "level_over_degrees": 10.0}], '
    '"weight": 0.5}'
)


def colours(side_px: int) -> NetworkEmbedder:
    """Mean colours of crops of some size."""
    network = FaceNetwork(f"colours-{side_px}", (side_px, side_px), 3, 0, lambda crops: unit(crops.mean(axis=(1, 2))))
    return NetworkEmbedder(network, SQUARE_CROP)


def test_the_cosine_of_a_pair_is_a_weighted_mean_of_both_cosines():
    first, second = unit_rows(3), unit_rows(3, seed=1, dimensions=512)
    both = side_by_side(first, second, weight=0.5)
    expected = (first[0] @ first[1] + 0.25 * second[0] @ second[1]) / 1.25
    assert both[0] @ both[1] == pytest.approx(expected, abs=1e-6)


def test_each_part_gets_its_own_crops_whatever_their_size():
    small, large = colours(8), colours(16)
    joined = PairEmbedder("colours", small, large, weight=0.5)
    picture = np.random.default_rng(1).integers(0, 256, (60, 60, 3), np.uint8)
    face = Face((15.0, 15.0, 30.0, 36.0), ((20.0, 25.0), (40.0, 25.0)), 1.0)
    crops = joined.crops(picture, face)
    assert [crop.shape[:2] for crop in crops] == [(8, 8), (8, 8), (16, 16), (16, 16)]
    expected = side_by_side(small([crops[:2]] * 3), large([crops[2:]] * 3), weight=0.5)
    assert np.array_equal(joined([crops] * 3), expected)
    assert joined([]).shape == (0, 6)
    assert (joined.dimensions, joined.views) == (6, 4)


@pytest.mark.parametrize("entry", [FACENET_PAIR, FACENET_SFACE], ids=lambda entry: entry.name)
def test_a_pair_recognises_the_examples_as_the_rows_of_its_parts_side_by_side(entry, home, examples, models):
    photos = [photo.read(paths[place]) for paths in examples.values() for place in (0, 1)]
    found = [models.faces(picture)[0] for picture in photos]
    joined = entry.load()
    crops = [joined.crops(picture, face) for picture, face in zip(photos, found, strict=True)]
    rows = joined(crops)
    parts = [part.load() for part in entry.parts]
    cut = [[part.crops(*each) for each in zip(photos, found, strict=True)] for part in parts]
    expected = [part(crops) for part, crops in zip(parts, cut, strict=True)]
    assert rows == pytest.approx(side_by_side(*expected, weight=entry.weight), abs=1e-5)
    # A graph may be frozen for a batch of one.
    assert joined(crops[:1]) == pytest.approx(rows[:1], abs=1e-4)
    cosines = rows @ rows.T - 2 * np.eye(10)
    assert (cosines.argmax(axis=1) // 2 == np.arange(10) // 2).all()
    assert rows.shape == (10, entry.dimensions) == (10, joined.dimensions)
    assert joined.identity == entry.identity
    assert joined.parameters == sum(part.parameters for part in parts)
    assert registry.entry_of(json.loads(json.dumps(joined.identity))) is entry


def test_the_pair_of_facenets_has_the_identity_of_existing_galleries():
    assert json.dumps(FACENET_PAIR.identity) == FACENET_PAIR_IDENTITY


def test_facenet_is_shown_other_views_in_a_pair_than_alone():
    two = replace(FACENET_SETTINGS, views=FACENET_SETTINGS.views[:2])
    made: PairEntry = pair_entry(
        "toy", title="Toy", help_text="a toy", parts=(facenet_entry(two), FACENET_128), weight=1.0
    )
    assert made.identity["parts"] == [two.identity(FACENET_128.model), FACENET_128.identity]
    assert made.identity["parts"][0] != FACENET_128.identity
    assert FACENET_SFACE.parts[0].identity == pair.BESIDE_SFACE.identity(FACENET_128.model)
