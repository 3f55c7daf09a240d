"""The index of large galleries: its recall, its file, and when it is built again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.embedding.base import unit
from pipeline.gallery.gallery import Gallery
from pipeline.search import index as indexes
from pipeline.search.search import Search
from pipeline.similarity.cosine import CosineScorer
from tests.conftest import unit_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crowd():
    """4,000 people with five photos each."""
    centres = np.repeat(unit_rows(4000, seed=1), 5, axis=0)
    return unit(centres + 0.5 * unit_rows(20_000, seed=2))


@pytest.fixture
def large(tmp_path, crowd, monkeypatch):
    monkeypatch.setattr(indexes, "EXACT_MAX", 10_000)
    return gallery_of(tmp_path, crowd, "a")


def gallery_of(folder: Path, rows: np.ndarray, digest: str) -> Gallery:
    people = pa.table({"person": [str(number // 5) for number in range(len(rows))]})
    return Gallery(folder, {"files": {"embeddings": {"sha256": digest * 64}}}, people, rows)


def found(gallery: Gallery, probes: np.ndarray) -> np.ndarray:
    return np.asarray(indexes.open_index(gallery).search(probes, 500)[1])


def test_nearly_all_of_the_nearest_photos_are_among_the_candidates(large, crowd):
    probes = unit(crowd[::100] + 0.3 * unit_rows(200, seed=3))
    nearest = np.argsort(-(probes @ crowd.T), axis=1)[:, :10]
    hits = [np.isin(true, rows).mean() for true, rows in zip(nearest, found(large, probes), strict=True)]
    assert np.mean(hits) > 0.98


def test_the_people_found_are_those_of_the_exact_search(large, crowd):
    search = Search(large, CosineScorer())
    probes = unit(crowd[::1000] + 0.3 * unit_rows(20, seed=3))
    same = [
        np.isin(search.rank(p[None], 10, exact=True)[0].people, search.rank(p[None], 10)[0].people).mean()
        for p in probes
    ]
    assert np.mean(same) > 0.95
    assert [search.rank(p[None], 1)[0].people[0] for p in probes] == list(range(0, 4000, 200))


def test_an_index_is_built_once_then_read(large, crowd):
    first = found(large, crowd[:5])
    (path,) = large.folder.glob("index-*.faiss")
    written = path.stat().st_mtime_ns
    assert (found(large, crowd[:5]) == first).all()
    assert path.stat().st_mtime_ns == written


def test_the_index_of_a_changed_gallery_replaces_the_file(large, crowd):
    found(large, crowd[:1])
    turned = gallery_of(large.folder, crowd[::-1].copy(), "b")
    assert found(turned, crowd[:1])[0, 0] == len(crowd) - 1
    assert [path.name for path in large.folder.glob("index-*")] == [f"index-{'b' * 16}.faiss"]


@pytest.mark.parametrize("content", [b"", b"no index"])
def test_a_damaged_index_is_replaced(large, crowd, content):
    first = found(large, crowd[:5])
    (path,) = large.folder.glob("index-*.faiss")
    path.write_bytes(content)
    assert (found(large, crowd[:5]) == first).all()
    assert path.stat().st_size > 10_000


def test_the_index_stays_in_memory_without_a_folder(large, crowd):
    nowhere = replace(large, folder=large.folder / "missing")
    assert found(nowhere, crowd[:1])[0, 0] == 0
    assert not nowhere.folder.exists()


@pytest.mark.parametrize(("photos", "candidates"), [(1, 500), (100_000, 500), (800_000, 1000), (10_000_000, 2321)])
def test_more_candidates_are_taken_of_very_many_photos(photos, candidates):
    assert indexes.candidates_among(500, photos) == candidates
