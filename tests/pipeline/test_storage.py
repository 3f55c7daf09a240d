"""The data folder, atomic writes and manifests."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pipeline import arrays, storage

ROOT = Path(__file__).parents[2]


def test_the_data_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    assert storage.home() == tmp_path
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", "")
    assert storage.home().name == "lookslikewho"


def test_a_file_or_folder_is_replaced_when_it_is_complete(tmp_path):
    file, folder = tmp_path / "deep" / "file", tmp_path / "folder"
    for text in ("old", "new"):
        with storage.atomic_path(file) as temporary:
            temporary.write_text(text)
            assert text == "old" or file.read_text() == "old"
        with storage.atomic_path(folder) as temporary:
            temporary.mkdir()
            (temporary / text).touch()
    assert file.read_text() == "new"
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "folder"]


@pytest.mark.parametrize("kind", [Path.touch, Path.mkdir])
def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, kind):
    target = tmp_path / "target"
    target.write_text("old")
    with pytest.raises(RuntimeError), storage.atomic_path(target) as temporary:
        kind(temporary)
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_manifest_gets_its_date(tmp_path):
    storage.write_manifest(tmp_path, {"name": "Émilie 🎭"})
    manifest = storage.read_manifest(tmp_path)
    assert manifest
    assert manifest.pop("written").startswith("20")
    assert storage.is_as_written(manifest)
    assert not storage.is_as_written({**manifest, "name": "Emilie"})
    del manifest[storage.DIGEST]
    assert manifest == {"name": "Émilie 🎭"}


@pytest.mark.parametrize("content", [None, b"", b"[1]", b"{", b"\xff"])
def test_an_unreadable_manifest_is_none(tmp_path, content):
    if content is not None:
        (tmp_path / storage.MANIFEST).write_bytes(content)
    assert storage.read_manifest(tmp_path) is None


def test_the_hash_covers_the_whole_file(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    assert storage.sha256(tmp_path / "file") == hashlib.sha256(b"abc" * 100_000).hexdigest()


HOLD = """
import sys, time
from pathlib import Path
from pipeline import arrays, storage

with storage.atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_is_removed_but_not_what_another_one_is_writing(tmp_path):
    def names():
        return [path.name for path in tmp_path.iterdir()]

    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "file")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "writing\n"
        storage.remove_leftovers(tmp_path)
        assert len(names()) == 1
        process.kill()
    (tmp_path / ".old.123.part").write_text("left by an earlier version")
    storage.remove_leftovers(tmp_path)
    assert names() == []


def test_threads_may_write_the_same_file_at_once(tmp_path):
    def write(number: int) -> None:
        with storage.atomic_path(tmp_path / "file") as temporary:
            temporary.write_text(str(number) * 1000)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert len(set((tmp_path / "file").read_text())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_array_written_in_pieces_is_a_npy_file(tmp_path):
    rows = np.random.default_rng(0).normal(size=(100, 7)).astype(np.float32)
    with arrays.array_writer(tmp_path / "rows.npy", rows.shape) as write:
        for start in range(0, 100, 33):
            write(rows[start : start + 33])
    assert (np.load(tmp_path / "rows.npy", mmap_mode="r") == rows).all()


def test_json_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "notes.json").write_text('\ufeff{"name": "José"}', encoding="utf-8")
    assert storage.read_json(tmp_path / "notes.json") == {"name": "José"}


def test_a_file_is_set_aside_under_a_free_name(tmp_path, caplog):
    for number in (1, 2):
        (tmp_path / "notes.json").write_text(f"{{{number}")
        storage.set_aside(tmp_path / "notes.json", "it is cut off")
        assert (tmp_path / f"notes-unreadable-{number}.json").read_text() == f"{{{number}"
    assert caplog.messages[0] == (
        "notes.json cannot be read (it is cut off), so it was renamed to notes-unreadable-1.json and is made anew."
    )
