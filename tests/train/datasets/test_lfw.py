"""The official lists of LFW, on a small folder of the same layout."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.embedding import registry
from pipeline.embedding.base import SQUARE_CROP, EmbedderEntry, unit
from pipeline.embedding.facenet import FACENET_SETTINGS, facenet_entry
from pipeline.embedding.pair import pair_entry, side_by_side
from pipeline.errors import SourceError
from tests.conftest import unit_rows
from tests.toys import load_colours
from train.datasets import lfw as dataset
from train.datasets.lfw import LFW

PHOTOS = {"Ann_Lee": 3, "Bo_Ek": 1, "Cid_Roy": 2, "Di_Ash": 2}


@pytest.fixture
def lfw(empty_home, tmp_path: Path) -> LFW:
    folder = tmp_path / "faces"
    for person, count in PHOTOS.items():
        (folder / "lfw" / person).mkdir(parents=True)
        for number in range(1, count + 1):
            (folder / "lfw" / person / f"{person}_{number:04d}.jpg").touch()
    lists = {
        "pairs.txt": ["2\t1", "Ann_Lee 1 3", "Ann_Lee 2 Bo_Ek 1", "Cid_Roy 1 2", "Cid_Roy 2 Di_Ash 1"],
        "peopleDevTest.txt": ["2", "Cid_Roy 2", "Di_Ash 2"],
        "people.txt": ["2", "2", "Ann_Lee 3", "Bo_Ek 1", "2", "Cid_Roy 2", "Di_Ash 2"],
    }
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(line.replace(" ", "\t") for line in lines) + "\n", encoding="utf-8")
    return LFW(folder)


def test_photos_are_numbered_in_order_and_know_their_person(lfw):
    assert len(lfw) == 8
    assert lfw.people.tolist() == [0, 0, 0, 1, 2, 2, 3, 3]
    assert lfw.photos_of("peopleDevTest.txt").tolist() == [4, 5, 6, 7]


def test_pairs_have_photo_numbers_kinds_and_folds(lfw):
    pairs = lfw.pairs("pairs.txt")
    assert pairs.photos.tolist() == [[0, 2], [1, 3], [4, 5], [5, 6]]
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.folds.tolist() == [0, 0, 1, 1]


def test_no_person_is_in_two_folds(lfw):
    assert lfw.folds().tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert not set(lfw.people[lfw.folds() == 0]) & set(lfw.people[lfw.folds() == 1])


def test_a_folder_without_the_lists_is_a_clear_error(tmp_path):
    with pytest.raises(SourceError, match="LFW is not in"):
        LFW(tmp_path)


def test_crops_without_a_face_are_black(lfw):
    from pipeline.faces.geometry import View

    lfw.faces = [None] * len(lfw)
    crops = lfw.crops(View(1.0, 0.0), side_px=20, photos=np.arange(3))
    assert crops.shape == (3, 20, 20, 3)
    assert not crops.any()


def test_the_rows_of_a_pair_are_made_of_the_cached_rows_of_its_parts(lfw, monkeypatch):
    lfw.faces = [None] * len(lfw)
    two = replace(FACENET_SETTINGS, views=FACENET_SETTINGS.views[:2])
    toy = EmbedderEntry("toy", "Toy", "mean colours", SQUARE_CROP.identity("toy-colours"), load_colours)
    made = pair_entry("toys", title="Toys", help_text="a toy", parts=(facenet_entry(two), toy), weight=0.75)
    views = [unit_rows(len(lfw), seed) for seed in (1, 2)]
    for view, rows in zip(two.views, views, strict=True):
        np.save(lfw.cache / f"view-{dataset._digest(asdict(view))}.npy", rows)
    colours = unit_rows(len(lfw), seed=3, dimensions=192)
    np.save(lfw.cache / f"rows-{dataset._digest(toy.identity)}.npy", colours)
    monkeypatch.setitem(registry.EMBEDDERS, "toys", made)
    photos = np.array([5, 0])
    expected = side_by_side(unit(np.mean(views, axis=0)), colours, weight=0.75)[photos]
    assert lfw.embedded("toys", photos) == pytest.approx(expected, abs=1e-6)
