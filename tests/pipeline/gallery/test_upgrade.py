"""Galleries of format 1 are upgraded when they are opened: atomically, or not at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline import storage
from pipeline.embedding.registry import default_identity
from pipeline.errors import GalleryError
from pipeline.gallery import checking, gallery, layout, opening, removing, writing
from pipeline.map import fitting, layouts
from pipeline.map.files import open_map, save_map
from tests.conftest import unit_rows
from tests.pipeline.gallery.test_rows import table_of

FACES = 40
ROWS = table_of(FACES)


@pytest.fixture
def old(tmp_path, monkeypatch):
    """The folder of a gallery of format 1, with its map."""
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path / "home"))
    folder = layout.folder_of("old")
    folder.mkdir(parents=True)
    about = {"embedding": default_identity(), "dimensions": 128, "build": {"photos_per_person": 3}}
    writing.commit(folder, [(ROWS, unit_rows(FACES))], generation=7, faces=FACES, about=about)
    opened = opening.open_gallery("old")
    settings = layouts.MapSettings(umap_faces_min=FACES + 1)
    save_map(opened, fitting.fit_map(opened, settings), layouts.MapSettings())
    (folder / "faces-7.arrow").unlink()
    keep_as_parquet(folder, ROWS)
    return folder


def keep_as_parquet(folder: Path, table: Any) -> None:
    path = folder / "faces-7.parquet"
    pq.write_table(table, path, row_group_size=15)
    manifest = storage.read_manifest(folder) or {}
    files = manifest["files"] | {"faces": {"name": path.name, "sha256": storage.sha256(path)}}
    earlier = {"format": 1, "files": files, "written": "2001-02-03T04:05:06+00:00"}
    manifest.pop(storage.DIGEST, None)
    storage.write_json(folder / storage.MANIFEST, manifest | earlier)


def check_same(opened: gallery.Gallery) -> None:
    assert opened.faces.equals(ROWS)
    assert np.array_equal(opened.embeddings, unit_rows(FACES))
    assert opened.person_of_row.tolist() == [row // 3 for row in range(FACES)]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."}


def test_opening_rewrites_the_rows_once_and_nothing_else(old):
    before = storage.read_manifest(old) or {}
    check_same(opening.open_gallery("old"))
    after = storage.read_manifest(old) or {}
    assert (after["format"], after["files"]["faces"]["name"]) == (2, "faces-7.arrow")
    assert {**after, "format": 1, "files": before["files"]} == before | {storage.DIGEST: after[storage.DIGEST]}
    assert storage.sha256(old / "faces-7.arrow") == after["files"]["faces"]["sha256"]
    assert set(content(old)) == {
        *("manifest.json", "rejected.csv", "map.npz"),
        *("faces-7.arrow", "embeddings-7.npy", "digests-7.npy"),
    }
    written = content(old)
    check_same(opening.open_gallery("old"))
    assert content(old) == written


def test_the_map_stays_valid(old):
    assert len(open_map(opening.open_gallery("old")).clusters) == FACES


def test_rows_without_crop_numbers_get_them(old):
    keep_as_parquet(old, ROWS.drop(["crop"]))
    check_same(opening.open_gallery("old"))
    person = opening.open_gallery("old").row(0)["person"]
    assert len(removing.remove_person("old", person)) == 3
    assert opening.open_gallery("old").faces["crop"].to_pylist() == list(range(3, FACES))


def test_a_locked_gallery_is_read_without_an_upgrade(old):
    before = content(old)
    with writing.locked("old"):
        check_same(opening.open_gallery("old"))
        assert content(old) == before
    check_same(opening.open_gallery("old"))
    assert content(old) != before


def test_a_read_only_gallery_is_read_without_an_upgrade(old, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    before = content(old)
    # Permissions do not stop the root user, who may run the tests.
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", refuse)
        check_same(opening.open_gallery("old"))
    assert content(old) == before


def test_changed_rows_get_no_new_hash(old):
    pq.write_table(ROWS, old / "faces-7.parquet", compression="gzip")
    before = content(old)
    opened = opening.open_gallery("old")
    check_same(opened)
    assert content(old) == before
    assert next(checking.problems(opened)) == "faces-7.parquet has changed since it was written"


@pytest.mark.parametrize("harm", ["missing", "cut", "short"])
def test_damaged_rows_are_reported_and_kept(old, harm):
    path = old / "faces-7.parquet"
    if harm == "short":
        keep_as_parquet(old, ROWS.slice(1))
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        path.unlink()
    before = content(old)
    with pytest.raises(GalleryError, match=r"old is damaged \(.+\)\. Rebuild it"):
        opening.open_gallery("old")
    assert content(old) == before


def test_concurrent_readers_all_succeed(old):
    opened: list[gallery.Gallery] = []
    threads = [threading.Thread(target=lambda: opened.append(opening.open_gallery("old"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 8
    for each in opened:
        check_same(each)


# Opens the gallery and dies at the n-th function call; with 0, prints the number of calls.
SCRIPT = """
import os, signal, sys
from pipeline.gallery import opening, upgrade
import filelock

calls, last = 0, int(sys.argv[1])

def count(frame, event, argument):
    global calls
    calls += event in ("call", "c_call")
    if calls == last:
        os.kill(os.getpid(), signal.SIGKILL)

sys.setprofile(count)
opening.open_gallery("old")
sys.setprofile(None)
print(calls)
"""


@pytest.mark.slow
def test_a_killed_upgrade_leaves_either_format_readable(old, tmp_path):
    def open_until(last: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", SCRIPT, str(last)], capture_output=True, text=True)

    whole = shutil.copytree(old, tmp_path / "whole")
    calls = json.loads(open_until(0).stdout)
    formats = set()
    for last in np.linspace(1, calls - 1, 24, dtype=int).tolist():
        shutil.rmtree(old)
        shutil.copytree(whole, old)
        assert open_until(last).returncode == -9
        formats.add((storage.read_manifest(old) or {})["format"])
        check_same(opening.open_gallery("old"))
        assert not list(old.glob(".faces-*"))
        # The next change deletes what the kill left behind.
        removing.remove_person("old", ROWS["person"][0].as_py())
        left = sorted(path.name for path in old.glob("*faces-*"))
        assert (len(opening.open_gallery("old")), left) == (FACES - 3, ["faces-8.arrow"])
    assert formats == {1, 2}
