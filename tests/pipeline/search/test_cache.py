"""Prepared rows: stored once, computed again when network or gallery change or the file is damaged."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.gallery import building, opening
from pipeline.search.cache import prepared_rows
from pipeline.similarity import registry
from pipeline.similarity.cosine import CosineScorer
from pipeline.similarity.network_scorer import NetworkScorer
from pipeline.sources.base import SourcePerson, source_people
from tests.conftest import default_dimensions
from tests.pipeline.similarity.test_scorers import CURVE, network


@pytest.fixture
def opened(small):
    return opening.open_gallery("small")


@pytest.fixture
def scorer():
    return NetworkScorer(network(length=default_dimensions()), CURVE)


def files(opened):
    return sorted(path.name for path in opened.folder.glob("*prepared-*"))


def test_rows_are_computed_once_then_read(opened, scorer):
    first = prepared_rows(opened, scorer)
    assert not first.flags.writeable
    assert first.dtype == np.float32
    assert (first == scorer.prepare(opened.embeddings)).all()
    (name,) = files(opened)
    written = (opened.folder / name).stat().st_mtime_ns
    assert (prepared_rows(opened, scorer) == first).all()
    assert (opened.folder / name).stat().st_mtime_ns == written


def test_another_network_replaces_the_file(opened, scorer):
    prepared_rows(opened, scorer)
    before = files(opened)
    other = NetworkScorer(network(seed=1, length=default_dimensions()), CURVE)
    assert (prepared_rows(opened, other) == other.prepare(opened.embeddings)).all()
    assert len(files(opened)) == 1
    assert files(opened) != before


def test_a_gallery_that_grew_is_prepared_again(opened, scorer, models, examples):
    prepared_rows(opened, scorer)
    before = files(opened)
    person = SourcePerson("new", "New", tuple(examples["Madonna"][3:5]), "Examples", "")
    building.build("small", source_people([person]), models.detector, models.embedder)
    grown = opening.open_gallery("small")
    assert len(grown) > len(opened)
    assert (prepared_rows(grown, scorer) == scorer.prepare(grown.embeddings)).all()
    assert len(files(opened)) == 1
    assert files(opened) != before


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b"Dear diary"),
        lambda path: np.save(path, np.load(path)[:-1]),
        lambda path: np.save(path, np.load(path)[:, :-1]),
        lambda path: np.save(path, np.load(path).astype(np.float64)),
        lambda path: np.save(path, np.load(path)[::-1]),
    ],
    ids=["empty", "cut", "text", "a row less", "a column less", "another type", "another order"],
)
def test_a_damaged_file_is_replaced(opened, scorer, damage):
    prepared_rows(opened, scorer)
    (name,) = files(opened)
    damage(opened.folder / name)
    again = prepared_rows(opened, scorer)
    assert (again == scorer.prepare(opened.embeddings)).all()
    assert (np.load(opened.folder / name) == again).all()


def test_rows_stay_in_memory_if_the_folder_is_read_only(opened, scorer, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    # Tests may run as root, whom permissions do not stop.
    monkeypatch.setattr("pathlib.Path.replace", refuse)
    rows = prepared_rows(opened, scorer)
    assert not files(opened)
    assert (rows == scorer.prepare(opened.embeddings)).all()
    assert files(opened) == []


def test_cosine_stores_nothing(opened):
    assert prepared_rows(opened, CosineScorer()) is opened.embeddings
    assert files(opened) == []


def test_the_shipped_network_prepares_a_real_gallery(opened):
    scorer = registry.load_scorer()
    assert (prepared_rows(opened, scorer) == scorer.prepare(opened.embeddings)).all()
