"""Labels of sex follow the lists, person by person."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import SourceError
from tests.conftest import LFW
from train.datasets.lfw_sex import read_sex_labels

PHOTOS = [Path(f"{name}.jpg") for name in ("Ann_Lee_0001", "Ann_Lee_0002", "Bo_Ek_0001", "Cid_Roy_0001", "Di_0001")]


@pytest.fixture
def lists(tmp_path):
    (tmp_path / "lfw_female.txt").write_text("Ann_Lee_0001.jpg\nCid_Roy_0001.jpg\n\n")
    (tmp_path / "lfw_male.txt").write_text("Bo_Ek_0001.jpg\nCid_Roy_0001.jpg\n")
    return tmp_path


def test_a_label_counts_for_all_photos_of_a_person(lists):
    assert read_sex_labels(lists, PHOTOS).women.tolist() == [True, True, False, False, False]


def test_people_in_both_lists_or_in_none_have_no_label(lists):
    labels = read_sex_labels(lists, PHOTOS)
    assert labels.men.tolist() == [False, False, True, False, False]
    assert (labels.women | labels.men)[3:].tolist() == [False, False]


def test_missing_lists_are_a_clear_error(tmp_path):
    with pytest.raises(SourceError, match="labels of sex"):
        read_sex_labels(tmp_path, PHOTOS)


@pytest.mark.skipif(not LFW.is_dir(), reason="LFW is not there")
def test_five_people_of_lfw_stand_in_both_lists():
    people = sorted(LFW.iterdir())
    labels = read_sex_labels(LFW.parent, [person / f"{person.name}_0001.jpg" for person in people])
    assert [person.name for person, known in zip(people, labels.women | labels.men, strict=True) if not known] == [
        "Allison_Searing",
        "Claudia_Coslovich",
        "Elizabeth_Hill",
        "Erika_Reyes",
        "Tatiana_Shchegoleva",
    ]
    assert (labels.women.sum(), labels.men.sum()) == (1472, 4272)
