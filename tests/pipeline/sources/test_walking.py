"""What a walk over folders lists, skips and passes over."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.sources import walking
from tests.conftest import put
from tests.permissions import obey_permissions


def below(folder: Path) -> tuple[list[str], dict[str, str]]:
    """The photos below a folder, and why other things were skipped, by path."""
    found = walking.list_below(folder)
    reasons = {path.relative_to(folder).as_posix(): reason for path, reason in map(_both, found.skipped)}
    return [path.relative_to(folder).as_posix() for path in found.photos], reasons


def _both(skipped: walking.Skipped) -> tuple[Path, str]:
    return skipped.path, skipped.reason


def photos(*names: str) -> dict[str, bytes]:
    return dict.fromkeys(names, b"")


def test_what_is_no_regular_file_is_skipped_with_its_reason(tmp_path):
    put(tmp_path, photos("a.jpg", "dir.jpg/b.jpg", "notes.txt"))
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "itself.jpg").symlink_to("itself.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket.gif"))
    assert below(tmp_path) == (
        ["a.jpg"],
        {
            "device.png": "a device, not a photo",
            "dir.jpg": "a folder with the name of a photo",
            "gone.jpg": "a broken link (No such file or directory)",
            "itself.jpg": "a broken link (Too many levels of symbolic links)",
            "pipe": "a pipe, not a photo",
            "pipe.jpg": "a pipe, not a photo",
            "socket.gif": "a socket, not a photo",
        },
    )


def test_links_to_photos_and_folders_are_followed_but_no_folder_is_read_twice(tmp_path):
    put(tmp_path, photos("Ann/b/1.jpg", "Bob/2.jpg", "other/3.jpg", "other/deep/4.jpg"))
    for link, target in {
        "Ann/a": "b",
        "Ann/loop": ".",
        "Ann/other": "../other",
        "Ann/photo.jpg": "../other/3.jpg",
        "Ann/up": "..",
        "other/back": "../Ann",
        "other/people": "..",
    }.items():
        (tmp_path / link).symlink_to(target)
    again = "a link to a folder that is read already"
    assert below(tmp_path / "Ann") == (
        ["photo.jpg", "b/1.jpg", "other/3.jpg", "other/deep/4.jpg"],
        dict.fromkeys(["a", "loop", "other/back", "other/people", "up"], again),
    )
    (tmp_path / "self").symlink_to(".")
    assert below(tmp_path / "self") == ([], {".": again})


@pytest.mark.parametrize(
    "system",
    [
        "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg",
        "#recycle/a.jpg",
        "@Recycle/a.jpg",
        "$RECYCLE.BIN/S-1-5/$R1.jpg",
        "System Volume Information/a.jpg",
        "__MACOSX/Ann/._a.jpg",
        ".Trash-1000/files/a.jpg",
        ".AppleDouble/a.jpg",
        "lost+found/a.jpg",
        "._a.jpg",
        ".hidden.jpg",
        "Thumbs.db",
        "desktop.ini",
    ],
)
def test_files_of_the_system_are_passed_over(tmp_path, system):
    put(tmp_path, photos("a.jpg", system, f"more/{system}"))
    (tmp_path / ".dangling").symlink_to("nothing")
    assert below(tmp_path) == (["a.jpg"], {})
    assert [path.name for path in walking.open_folder(tmp_path).folders] == ["more"]


SCRIPT = """
import sys
from pathlib import Path
from pipeline.errors import SourceError
from pipeline.sources import folder, walking

place = Path(sys.argv[1])
found = folder.people_in_folder(place)
print([(person.name, len(person.photos)) for person in found.people])
for each in found.skipped:
    print(each.path.relative_to(place), "of", each.name or "nobody", "is", each.reason)
for closed in (place / "Bob", place / "Bob" / "inside"):
    try:
        walking.open_folder(closed)
    except SourceError as error:
        print(str(error).replace(str(place), "PLACE"))
"""


def test_what_may_not_be_read_is_skipped_and_the_rest_is_read(tmp_path):
    put(tmp_path, photos("Ann/1.jpg", "Ann/2.jpg", "Ann/closed/3.jpg", "Ann/listed/4.jpg", "Bob/5.jpg"))
    for name, mode in {"Ann/2.jpg": 0, "Ann/closed": 0, "Ann/listed": 0o444, "Bob": 0}.items():
        (tmp_path / name).chmod(mode)
    try:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path)],
            preexec_fn=obey_permissions,
            capture_output=True,
            text=True,
        )
    finally:
        for name in ("Ann/closed", "Ann/listed", "Bob"):
            (tmp_path / name).chmod(0o755)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "[('Ann', 1), ('Bob', 0)]",
        "Ann/2.jpg of Ann is a photo that cannot be read (Permission denied)",
        "Ann/closed of Ann is a folder that cannot be read (Permission denied)",
        "Ann/listed/4.jpg of Ann is a photo that cannot be read (Permission denied)",
        "Bob of Bob is a folder that cannot be read (Permission denied)",
        "The folder PLACE/Bob cannot be read: Permission denied.",
        "The folder PLACE/Bob/inside cannot be read: Permission denied.",
    ]


@pytest.mark.parametrize("kind", ["missing", "file", "pipe"])
def test_what_is_no_folder_is_reported(tmp_path, kind):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="There is no folder"):
        walking.open_folder(tmp_path / kind)
