"""The data folder, atomic writes and manifests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipeline import storage


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
    assert manifest == {"name": "Émilie 🎭"}


@pytest.mark.parametrize("content", [None, b"", b"[1]", b"{", b"\xff"])
def test_an_unreadable_manifest_is_none(tmp_path, content):
    if content is not None:
        (tmp_path / storage.MANIFEST).write_bytes(content)
    assert storage.read_manifest(tmp_path) is None


def test_the_hash_covers_the_whole_file(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    assert storage.sha256(tmp_path / "file") == hashlib.sha256(b"abc" * 100_000).hexdigest()
