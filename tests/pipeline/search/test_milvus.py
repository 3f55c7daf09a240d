"""Candidates from Milvus: the same people as by the exact scan, grouped by person, with conditions and exclusions."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks.synthetic import synthetic
from pipeline.embedding.base import unit
from pipeline.errors import SearchIndexError
from pipeline.gallery import milvus, mirroring, opening, writing
from pipeline.gallery.milvus import Collection
from pipeline.search import milvus as candidates
from pipeline.search.search import Search, SearchSettings
from pipeline.similarity.cosine import CosineScorer
from tests.conftest import unit_rows
from tests.pipeline.search.test_search import identical

pytestmark = pytest.mark.slow

FACES, PEOPLE = 3000, 300


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """A gallery of 300 people with ten photos each, in a data folder of its own with an index in milvus-lite."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("crowd")
        patch.setenv("LOOKSLIKEWHO_HOME", str(place))
        patch.setenv(milvus.ENVIRONMENT, f"milvus:{place / 'faces.db'}")
        # So that Milvus is asked although the gallery is small.
        patch.setattr(candidates, "_SCORED_MAX", 0)
        synthetic("crowd", faces=FACES)
        opened = opening.open_gallery("crowd")
        yield Search(opened, CosineScorer(), SearchSettings(40))


@pytest.fixture(scope="module")
def probes(crowd):
    rows = crowd.gallery.embeddings
    return unit(np.concatenate([rows[::300] + 0.5 * unit_rows(10, 3, rows.shape[1]), unit_rows(5, 4, rows.shape[1])]))


def collection_of(search: Search) -> tuple[Collection, mirroring.Mirror]:
    mirror = mirroring.read(search.gallery.folder)
    assert mirror
    return Collection(mirror.uri, mirror.collection), mirror


def test_the_people_found_are_those_of_the_exact_scan(crowd, probes):
    for probe in probes:
        (found,), (exact,) = (crowd.rank(probe[None], 10, exact=exact) for exact in (False, True))
        assert identical(found, exact)


def test_a_probe_gets_the_same_bits_alone_as_among_others(crowd, probes):
    together = crowd.rank(probes, 10)
    assert all(identical(own, crowd.rank(probe[None], 10)[0]) for own, probe in zip(together, probes, strict=True))


def test_faces_come_back_grouped_by_person(crowd, probes):
    people = collection_of(crowd)[0].people(probes[0], 30, lists=0)
    # Ungrouped, the ten photos of the nearest person alone would be ten hits.
    assert len(people) == len(np.unique(people)) == 30


def test_milvus_itself_ignores_the_wrong_word_for_grouping(crowd, probes):
    """If this fails, the wrong word has become an error, and a comment can go."""
    collection, _ = collection_of(crowd)
    (hits,) = collection.client.search(
        collection.name, data=[probes[0]], limit=30, group_by="person", output_fields=["person"]
    )
    assert len({hit["entity"]["person"] for hit in hits}) < 30


@pytest.mark.parametrize("every", [1, 2, 3, 10, 100])
def test_conditions_leave_ten_matches_where_ten_people_fit(crowd, probes, every):
    among = np.arange(PEOPLE) % every == 0
    for probe in probes[::4]:
        (found,), (exact,) = (crowd.rank(probe[None], 10, among=among, exact=exact) for exact in (False, True))
        assert len(found.people) == min(10, among.sum())
        assert identical(found, exact)


def test_most_people_but_not_all_are_found_by_leaving_the_others_out(crowd, probes):
    among = np.arange(PEOPLE) % 10 != 0
    (found,), (exact,) = (crowd.rank(probes[:1], 10, among=among, exact=exact) for exact in (False, True))
    assert identical(found, exact)


@pytest.mark.parametrize("count", [1, 12, 280, 295])
def test_people_left_out_do_not_use_up_candidates(crowd, probes, count):
    nearest = crowd.rank(probes[:1], count, exact=True)[0].people.tolist()
    (found,), (exact,) = (crowd.rank(probes[:1], 10, exclude=nearest, exact=exact) for exact in (False, True))
    assert len(found.people) == min(10, PEOPLE - count)
    assert identical(found, exact)


def test_a_person_with_very_many_photos_does_not_hide_the_others(tmp_path, monkeypatch, crowd):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    synthetic("many", faces=1000)
    opened = opening.open_gallery("many")
    table, rows = writing.rows_of(opened)
    near = unit(rows[:1] + 0.05 * unit_rows(900, 5, rows.shape[1]))
    keys = ["one"] * 900 + table["person"].to_pylist()[900:]
    table = table.set_column(0, table.schema.field(0), [keys])
    with writing.locked("many"):
        writing.commit_change(opened, [(table, np.concatenate([near, rows[900:]]))], [])
    search = Search(opening.open_gallery("many"), CosineScorer(), SearchSettings(5))
    (found,), (exact,) = (search.rank(rows[:1], 8, exact=exact) for exact in (False, True))
    assert identical(found, exact)


def test_a_gallery_that_is_open_finds_nobody_who_was_added_or_removed_since(tmp_path, monkeypatch, crowd, probes):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    synthetic("people", faces=1000)
    opened = opening.open_gallery("people")
    search = Search(opened, CosineScorer(), SearchSettings(20))
    table, rows = writing.rows_of(opened)
    # The first people go, so the others have other numbers and rows.
    with writing.locked("people"):
        writing.commit_change(opened, [(table.slice(100), np.array(rows[100:]))], [])
    gone = set(range(10))
    for probe in rows[::90]:
        people = search.rank(probe[None], 5)[0].people.tolist()
        kept = [
            person for person in search.rank(probe[None], 30, exact=True)[0].people.tolist() if person not in gone
        ]
        assert people == kept[:5]


def test_large_collections_are_quantised_and_nearly_all_people_found(tmp_path, monkeypatch, crowd):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    monkeypatch.setattr(milvus, "FLAT_MAX", 1000)
    synthetic("large", faces=FACES)
    search = Search(opening.open_gallery("large"), CosineScorer(), SearchSettings(40))
    collection, mirror = collection_of(search)
    assert mirror.index == "IVF_SQ8"
    rows = search.gallery.embeddings
    probes = unit(rows[::100] + 0.5 * unit_rows(30, 3, rows.shape[1]))
    hits = [
        np.isin(search.rank(probe[None], 10, exact=True)[0].people, search.rank(probe[None], 10)[0].people).mean()
        for probe in probes
    ]
    assert np.mean(hits) > 0.95
    people = collection.people(probes[0], 30, lists=100)
    assert len(people) == len(np.unique(people)) == 30


@pytest.mark.parametrize("text", ["milvus", "milvus:", "milvus:faces.txt", "faces.db", "qdrant:x"])
def test_another_index_is_refused_in_one_sentence(text):
    with pytest.raises(SearchIndexError, match=r"Use faiss, milvus:FILE\.db"):
        milvus.chosen(text)


def test_without_pymilvus_one_sentence_names_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(SearchIndexError, match="needs the package pymilvus") as refused:
        Collection(str(tmp_path / "faces.db"), "any")
    assert refused.value.command == 'pip install "lookslikewho[milvus]"'


def test_a_server_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(milvus, "_TIMEOUT_SECONDS", 0.5)
    with pytest.raises(SearchIndexError, match=r"http://127.0.0.1:9 cannot be reached .* Start Milvus"):
        Collection("http://127.0.0.1:9", "any")
