"""A gallery's collection in Milvus follows it: built, changed, checked, repaired, copied and deleted with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.synthetic import synthetic
from pipeline import storage
from pipeline.cli.app import main
from pipeline.errors import SearchIndexError
from pipeline.gallery import layout, managing, milvus, mirroring, opening, reassigning, removing
from pipeline.gallery.milvus import Collection
from pipeline.search.search import Search
from pipeline.similarity.cosine import CosineScorer

pytestmark = pytest.mark.slow

KEY = "person 3"


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    """The folder of a gallery of ten people with ten photos each, with an index in milvus-lite."""
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    monkeypatch.setenv(milvus.ENVIRONMENT, f"milvus:{tmp_path / 'faces.db'}")
    synthetic("people", faces=100)
    search()
    return layout.folder_of("people")


def search(name: str = "people") -> Search:
    return Search(opening.open_gallery(name), CosineScorer())


def collection_of(name: str = "people") -> Collection:
    mirror = mirroring.read(layout.folder_of(name))
    assert mirror
    return Collection(mirror.uri, mirror.collection)


def problems(name: str = "people") -> list[str]:
    return list(mirroring.problems(opening.read_gallery(name)))


def in_step(name: str = "people") -> bool:
    """Whether the collection has exactly the gallery's faces."""
    opened = opening.read_gallery(name)
    wanted, embeddings = mirroring.rows_of(opened.folder, opened.manifest)
    collection = collection_of(name)
    if not collection.exists() or collection.count() != len(opened):
        return False
    found, theirs = collection.get(wanted[:, 0])
    order, ours = np.argsort(found[:, 0]), np.argsort(wanted[:, 0])
    return np.array_equal(found[order], wanted[ours]) and np.allclose(theirs[order], embeddings[ours])


def test_the_first_opening_builds_the_collection(gallery):
    assert in_step()
    assert problems() == []


def test_removing_merging_and_renaming_reach_it_within_the_same_change(gallery):
    removing.remove_person("people", KEY)
    assert in_step()
    reassigning.merge_people("people", "person 1", "person 2")
    assert in_step()
    assert collection_of().count() == 90
    reassigning.rename_person("people", "person 4", "Zoe")
    assert in_step()


def test_a_change_sends_only_what_differs(gallery, monkeypatch):
    sent, put = [], Collection.put

    def counting(self, rows, embeddings, *, new):
        sent.append(len(rows))
        put(self, rows, embeddings, new=new)

    monkeypatch.setattr(Collection, "put", counting)
    removing.restore("people", removing.remove_person("people", KEY))
    assert sent == [0, 10]
    assert in_step()


def test_it_follows_where_no_index_is_chosen_any_more(gallery, monkeypatch):
    monkeypatch.delenv(milvus.ENVIRONMENT)
    removing.remove_person("people", KEY)
    assert collection_of().count() == 90
    assert in_step()


def test_a_change_that_did_not_reach_it_is_found_and_mended_at_the_next_opening(gallery, monkeypatch):
    with monkeypatch.context() as away:
        away.setattr(mirroring, "bring_in_step", lambda folder: None)
        removing.remove_person("people", KEY)
    assert problems() == [f"the index at {collection_of().uri} has 100 faces, and 90 are expected"]
    search()
    assert in_step()


def test_where_it_does_not_answer_the_change_is_made_all_the_same_and_the_user_told(gallery, monkeypatch, caplog):
    def fail(self, faces):
        raise SearchIndexError("The index at X does not answer.")

    with monkeypatch.context() as away:
        away.setattr(Collection, "delete", fail)
        removing.remove_person("people", KEY)
    assert "will reach it when the gallery is next opened" in caplog.text
    assert len(opening.open_gallery("people")) == 90
    search()
    assert in_step()


@pytest.mark.parametrize("harm", ["dropped", "faces deleted", "other vectors", "rows damaged", "record damaged"])
def test_check_finds_harm_and_opening_or_repairing_mends_it(gallery, harm):
    collection = collection_of()
    rows, embeddings = collection.get(np.arange(5))
    if harm == "dropped":
        collection.drop()
    elif harm == "faces deleted":
        collection.delete(rows[:, 0])
    elif harm == "other vectors":
        collection.put(rows, np.ascontiguousarray(embeddings[::-1]), new=False)
    else:
        (gallery / (mirroring.ROWS if harm == "rows damaged" else mirroring.RECORD)).write_bytes(b"{")
    if harm in ("dropped", "faces deleted", "other vectors"):
        assert len(problems()) == 1
    if harm == "other vectors":
        # Counts are right, so only a check finds it.
        assert main(["check", "people", "--repair"]) in (0, 1)
    else:
        removing.remove_person("people", KEY)
        search()
    assert in_step()


def test_a_copy_has_a_collection_of_its_own(gallery):
    managing.copy_gallery("people", "copy")
    assert in_step("copy")
    assert collection_of().name != collection_of("copy").name
    removing.remove_person("copy", KEY)
    assert in_step("copy")
    assert in_step()


def test_some_rows_have_a_collection_of_their_own(gallery):
    opened = opening.open_gallery("people")
    crops = {opened.crop_path(row) for row in range(20)}
    for path in crops:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a crop")
    managing.copy_rows("people", "some", np.arange(20))
    assert in_step("some")


def test_a_folder_that_was_copied_by_hand_does_not_share_the_collection(gallery):
    shutil.copytree(gallery, gallery.with_name("by-hand"))
    search("by-hand")
    removing.remove_person("by-hand", KEY)
    assert in_step("by-hand")
    assert in_step()


def test_it_is_deleted_with_the_gallery(gallery):
    collection = collection_of()
    managing.delete_gallery("people")
    assert not collection.exists()
    assert not gallery.exists()


def test_a_gallery_whose_collection_cannot_be_deleted_stays(gallery, monkeypatch):
    def fail(self):
        raise SearchIndexError("The index at X does not answer.")

    monkeypatch.setattr(Collection, "drop", fail)
    with pytest.raises(SearchIndexError):
        managing.delete_gallery("people")
    assert len(opening.open_gallery("people")) == 100


def test_another_address_gets_a_collection_and_the_old_one_is_deleted(gallery, tmp_path, monkeypatch):
    old = collection_of()
    monkeypatch.setenv(milvus.ENVIRONMENT, f"milvus:{tmp_path / 'other.db'}")
    search()
    assert collection_of().uri.endswith("other.db")
    assert in_step()
    assert not old.exists()


def test_a_file_in_use_by_another_process_is_said_in_one_sentence(gallery, tmp_path):
    place = tmp_path / "held.db"
    hold = (
        "import sys; from pipeline.gallery.milvus import Collection; Collection(sys.argv[1], 'any').exists();"
        "print('ready', flush=True); input()"
    )
    command = [sys.executable, "-c", hold, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(SearchIndexError, match="One process at a time may use such a file"):
            Collection(str(place), "any")
        other.communicate("\n")


def test_the_record_holds_an_address_and_no_person(gallery):
    record = json.loads((gallery / mirroring.RECORD).read_text())
    assert set(record) == {"uri", "collection", "folder", "state", "faces", "index"}
    assert storage.is_whole(gallery / mirroring.ROWS)


def test_a_locked_gallery_without_an_index_never_loads_pymilvus(tmp_path):
    code = (
        "import sys; from benchmarks.synthetic import synthetic; from pipeline.gallery import removing\n"
        "synthetic('people', faces=100); removing.remove_person('people', 'person 3')\n"
        "assert 'pymilvus' not in sys.modules and 'grpc' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], env={"LOOKSLIKEWHO_HOME": str(tmp_path)}, check=True)
