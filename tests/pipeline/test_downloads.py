"""Archives of published packages: downloaded by pip, checked by hash, kept."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline import downloads, storage
from pipeline.downloads import Package
from pipeline.errors import UserError

FILES = {"pkg/a.txt": b"alpha", "pkg/b.bin": b"\0\1", "other/c.txt": b""}


def wheel(folder: Path, ballast: bytes = b"") -> Path:
    """A wheel that pip accepts."""
    folder.mkdir()
    path = folder / "tiny_faces-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as zipped:
        for name, content in FILES.items():
            zipped.writestr(name, content)
        zipped.writestr("pkg/ballast.bin", ballast)
        zipped.writestr(
            "tiny_faces-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-faces\nVersion: 1.0\n"
        )
        zipped.writestr("tiny_faces-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        zipped.writestr("tiny_faces-1.0.dist-info/RECORD", "")
    return path


@pytest.mark.parametrize("kind", ["whl", "zip", "tar.gz"])
def test_members_are_the_wanted_files_in_order(tmp_path, kind):
    path = tmp_path / f"archive.{kind}"
    if kind == "tar.gz":
        with tarfile.open(path, "w:gz") as tarred:
            folder = tarfile.TarInfo("pkg/folder.txt")
            folder.type = tarfile.DIRTYPE
            tarred.addfile(folder)
            for name, content in FILES.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tarred.addfile(member, io.BytesIO(content))
    else:
        with zipfile.ZipFile(path, "w") as zipped:
            for name, content in FILES.items():
                zipped.writestr(name, content)
    assert list(downloads.members(path, lambda name: name.endswith(".txt"))) == [
        ("pkg/a.txt", b"alpha"),
        ("other/c.txt", b""),
    ]


def test_an_archive_is_downloaded_once_and_its_hash_is_checked(empty_home, tmp_path, monkeypatch):
    path = wheel(tmp_path / "links")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    wrong = Package("tiny-faces", "1.0", "0" * 64, wheel=True)
    with pytest.raises(UserError, match=r"tiny-faces 1\.0 could not be downloaded") as caught:
        downloads.fetch(wrong)
    assert caught.value.command == "python -m pipeline setup"
    assert list((empty_home / "downloads").iterdir()) == []

    size = path.stat().st_size
    right = Package("tiny-faces", "1.0", storage.sha256(path), wheel=True, size=size)
    heard: list[int] = []
    with downloads.watched(lambda _, here: heard.append(here)):
        fetched = downloads.fetch(right)
    assert heard[-1] == size
    assert heard == sorted(heard)
    assert fetched.read_bytes() == path.read_bytes()
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    left = empty_home / "downloads" / ".tiny-faces-1.0.killed.part" / "output.txt"
    left.parent.mkdir()
    left.touch()
    assert downloads.fetch(right) == fetched
    assert not left.parent.exists()
    # A damaged archive is not used.
    fetched.write_bytes(b"damaged")
    with pytest.raises(UserError, match="could not be downloaded"):
        downloads.fetch(right)


def test_the_kept_archives_are_the_pinned_ones():
    from pipeline.sources.demonstration import PLAYERS, POLITICIANS

    for package in (downloads.FACENET, POLITICIANS, PLAYERS):
        archive = downloads.fetch(package)
        assert storage.sha256(archive) == package.sha256
