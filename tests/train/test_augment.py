"""Variants of real faces: what changes, what stays, and what a stopped run keeps."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.embedding.base import Embedder
from pipeline.faces.detector import Detector
from pipeline.faces.geometry import View
from pipeline.gallery import building, opening
from pipeline.lookalikes import Models
from pipeline.sources.base import SourcePerson, source_people
from train.augment import PhotoChange, Variation, apply_change, embed_variants, portrait_boxes

WHOLE = View(squareness=1.0, margin_ratio=0.0)
UNCHANGED = Variation(0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0)
NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


@pytest.fixture
def opened(small, models):
    return opening.open_gallery("small", models.embedder.identity)


def of(opened, models, count=1, **options):
    return embed_variants(opened, count, models.detector, models.embedder, **options)


def nobody(*_: object) -> Any:
    raise AssertionError("a network was asked for a known result")


def test_empty_change_leaves_the_photo_unchanged():
    assert (apply_change(NOISE, (0, 0, 64, 64), PhotoChange(), WHOLE, 64) == NOISE).all()
    assert (apply_change(NOISE, (16, 8, 32, 32), PhotoChange(), WHOLE, 32) == NOISE[8:40, 16:48]).all()


def test_each_part_of_a_change_has_its_effect():
    def one(**values):
        return apply_change(NOISE, (16, 16, 32, 32), PhotoChange(**values), WHOLE, 32).astype(float)

    plain = one()
    assert (one(mirror=True) == plain[:, ::-1]).all()
    assert (one(shift_right=0.25) == NOISE[16:48, 24:56]).all()
    assert (one(shift_down=-0.25) == NOISE[8:40, 16:48]).all()
    assert (one(scale=2.0) == apply_change(NOISE, (0, 0, 64, 64), PhotoChange(), WHOLE, 32)).all()
    assert one(brightness=0.5).mean() == pytest.approx(plain.mean() / 2, abs=1)
    assert one(contrast=0.5).std() < 0.6 * plain.std()
    assert (one(saturation=0.0).std(axis=2) == 0).all()
    assert one(gamma=2.0) == pytest.approx(255 * (plain / 255) ** 2, abs=0.51)


def test_turn_is_clockwise_and_leaves_no_empty_corners():
    picture = np.full((64, 64, 3), 100, np.uint8)
    picture[4:8, 30:34] = 255
    turned = apply_change(picture, (0, 0, 64, 64), PhotoChange(turn_degrees=30.0), WHOLE, 64)
    y, x = np.unravel_index(turned[..., 0].argmax(), (64, 64))
    assert (x - 32, 32 - y) == pytest.approx((26 * np.sin(np.pi / 6), 26 * np.cos(np.pi / 6)), abs=3)
    assert turned.min() > 60


@given(st.integers(0, 2**32))
def test_changes_stay_within_the_variation(seed):
    change = Variation().draw(np.random.default_rng(seed))
    assert abs(change.turn_degrees) <= 10 and max(abs(change.shift_right), abs(change.shift_down)) <= 0.05
    assert 1 / 1.1 <= change.scale <= 1.1
    assert all(1 / 1.5 <= factor <= 1.5 for factor in list(asdict(change).values())[5:])
    assert UNCHANGED.draw(np.random.default_rng(seed)) == PhotoChange()


def test_variants_differ_and_are_most_similar_to_their_own_person(opened, models):
    rows = of(opened, models, 2)
    assert rows.shape == (15, 3, models.embedder.dimensions) and rows.dtype == np.float32
    assert (rows[:, 0] == opened.embeddings).all()
    assert np.linalg.norm(rows, axis=2) == pytest.approx(np.ones((15, 3)), abs=1e-5)
    cosines = np.einsum("ivd,jd->vij", rows, opened.embeddings)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        alike = np.einsum("id,id->i", rows[:, first], rows[:, second])
        # MTCNN misses a few faces.
        assert np.mean(alike < 0.9999) > 0.7 and np.median(alike) > 0.8
    own = opened.person_of_row[:, None] == opened.person_of_row
    assert (np.where(own, cosines, -1).max(axis=2) > np.where(own, -1, cosines).max(axis=2)).all()


def test_variant_without_change_is_the_face_itself(opened, models):
    rows = of(opened, models, variation=UNCHANGED)
    assert np.einsum("id,id->i", rows[:, 0], rows[:, 1]).min() > 0.95


def test_original_is_kept_if_no_face_is_found(opened, models):
    Image.new("RGB", (256, 256), "grey").save(opened.crop_path(4))
    rows = of(opened, models)
    same = (rows[:, 0] == rows[:, 1]).all(axis=1)
    assert same[4] and same.sum() < 5


def test_stopped_run_keeps_finished_variants(opened, models):
    told = []

    def stopping(done):
        told.append(done)
        if done > 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        of(opened, models, 2, progress=stopping)
    assert told == [15, 15, 30]
    idle = Models(cast(Detector, nobody), cast(Embedder, nobody))
    kept = of(opened, idle)
    whole = of(opened, models, 2)
    assert (whole[:, :2] == kept).all()
    assert (of(opened, idle, 2) == whole).all()
    for other in ({"seed": 1}, {"variation": UNCHANGED}):
        with pytest.raises(AssertionError, match="known result"):
            of(opened, idle, **other)


def test_portrait_boxes_are_centred_even_if_no_face_is_found(opened, models):
    Image.new("RGB", (170, 170), "grey").save(opened.crop_path(4))
    found = portrait_boxes(opened, models.detector)
    assert found.shape == (15, 4) and found.dtype == np.float32
    sides = np.array([Image.open(opened.crop_path(row)).width for row in range(15)])
    middles = (found[:, :2] + found[:, 2:] / 2) / sides[:, None]
    assert middles == pytest.approx(np.full((15, 2), 0.5), abs=0.05)
    assert found[:, 2:].max(axis=1) / sides == pytest.approx(np.full(15, 1 / 1.7), rel=0.2)
    assert found[4] == pytest.approx([35, 35, 100, 100])
    assert (portrait_boxes(opened, cast(Detector, nobody)) == found).all()


def test_variants_of_an_older_gallery_state_are_deleted(opened, models, examples):
    of(opened, models)
    (old,) = (opened.folder / "training").iterdir()
    person = SourcePerson("Madonna", "Madonna", tuple(examples["Madonna"]), "Examples", "")
    building.build("small", source_people([person]), models.detector, models.embedder)
    larger = opening.open_gallery("small", models.embedder.identity)
    assert of(larger, models).shape == (17, 2, models.embedder.dimensions)
    (new,) = (opened.folder / "training").iterdir()
    assert new != old
