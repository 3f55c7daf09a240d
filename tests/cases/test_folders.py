"""Awkward folders of people over the whole door: they are listed, built into galleries, and people are found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.gallery import opening, rejected
from pipeline.sources import folder
from pipeline.storage import encodable
from tests.cases.folders import COMPOSED, DECOMPOSED, FAMILY, LONG, NOT_UNICODE, closed_paths, write_folders
from tests.permissions import obey_permissions

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

# Files of the system are in no list. Everything else is a person, or skipped or left out with a reason.
PASSED_OVER = "passed over"
_AGAIN = "skipped: a link to a folder that is read already"
_CLOSED = "that cannot be read (Permission denied)"
_GONE = "skipped: a broken link (No such file or directory)"
_NAMELESS = "skipped: no name that can be seen"
_NO_PHOTO = "cannot be read: This is not a photo. Use a JPEG, PNG, WebP, GIF or HEIC file."
OUTCOMES = {
    f"spellings/{COMPOSED}/1.jpg": COMPOSED,
    f"spellings/{DECOMPOSED}/2.jpg": COMPOSED,
    "spellings/Ann Lee/1.jpg": "Ann Lee",
    "spellings/ann lee/2.jpg": "Ann Lee",
    "spellings/Ann_Lee/3.jpg": "Ann Lee",
    "spellings/Ann  Lee/4.jpg": "Ann Lee",
    "spellings/Ann Lee_1.jpg": "Ann Lee",
    "spellings/Bob/1.jpg": "Bob",
    "spellings/Cid/the same.jpg": "Cid",
    "system/Ben/p.jpg": "Ben",
    "system/Ben/@eaDir/p.jpg/SYNOPHOTO_THUMB_XL.jpg": PASSED_OVER,
    "system/Ben/Thumbs.db": PASSED_OVER,
    "system/Ben/zero.jpg": "cannot be read: The file is empty. Choose another photo.",
    "system/@eaDir/q.jpg/SYNOPHOTO_THUMB_XL.jpg": PASSED_OVER,
    "system/__MACOSX/Ben/._p.jpg": PASSED_OVER,
    "system/$RECYCLE.BIN/S-1-5/$R1.jpg": PASSED_OVER,
    "system/.Trash-1000/files/x.jpg": PASSED_OVER,
    "system/#recycle/x.jpg": PASSED_OVER,
    "system/System Volume Information/x.jpg": PASSED_OVER,
    "system/lost+found/x.jpg": PASSED_OVER,
    "system/.DS_Store": PASSED_OVER,
    "system/desktop.ini": PASSED_OVER,
    "system/._q.jpg": PASSED_OVER,
    "special/Ann/good.jpg": "Ann",
    "special/Ann/closed.jpg": f"skipped: a photo {_CLOSED}",
    "special/Ann/closed": f"skipped: a folder {_CLOSED}",
    "special/Ann/device.jpg": "skipped: a device, not a photo",
    "special/Ann/dir.jpg": "skipped: a folder with the name of a photo",
    "special/Ann/gone.jpg": _GONE,
    "special/Ann/loop": _AGAIN,
    "special/Ann/pipe.jpg": "skipped: a pipe, not a photo",
    "special/Ann/socket.jpg": "skipped: a socket, not a photo",
    "special/Ann/up": _AGAIN,
    "special/Closed": f"skipped: a folder {_CLOSED}",
    "special/Dan": _GONE,
    "special/pipe.jpg": "skipped: a pipe, not a photo",
    "odd/___": _NAMELESS,
    "odd/ ": _NAMELESS,
    "odd/\u200b": _NAMELESS,
    "odd/New\nLine\tTab/1.jpg": "New Line Tab",
    "odd/New\nLine\tTab/bad.jpg": _NO_PHOTO,
    "odd/=HYPERLINK(1)/1.jpg": "=HYPERLINK(1)",
    "odd/=HYPERLINK(1)/bad.jpg": _NO_PHOTO,
    "odd/\u202eevil\u202c gnp/1.jpg": "evil gnp",
    "odd/\x1b[31mRed\x1b[0m/1.jpg": "Red",
    f"odd/{LONG}/1.jpg": LONG,
    "odd/שלום/1.jpg": "שלום",
    "odd/<b>Bold<b> & :red[x] $a$/1.jpg": "<b>Bold<b> & :red[x] $a$",
    f"odd/{FAMILY}/1.jpg": FAMILY,
    f"odd/{NOT_UNICODE}/1.jpg": "caf\\udce9",
    'odd/quo"te, comma/1.jpg': 'quo"te, comma',
    'odd/quo"te, comma/bad.jpg': _NO_PHOTO,
    "cameras/IMG_2001.jpg": "IMG",
    "cameras/IMG_2002.jpg": "IMG",
    "cameras/IMG_2003.jpg": "IMG",
    "cameras/IMG_2004.jpg": "IMG",
    "cameras/IMG_2005.jpg": "IMG",
}
PRINTED = {
    "spellings": [
        "Gallery spellings: 4 people, 9 faces (9 new).",
        "The same photo is under several people: Bob and Cid.",
    ],
    "system": [
        "Gallery system: 1 person, 1 face (1 new).",
        "Left out 1 photo; HOME/galleries/system/rejected.csv says why:",
        "       1  cannot be read",
    ],
    "special": [
        "Gallery special: 1 person, 1 face (1 new).",
        "Skipped 12 files or folders; HOME/galleries/special/rejected.csv says why:",
        "      12  skipped",
        "Without a usable photo: Closed.",
    ],
    "odd": [
        "Gallery odd: 10 people, 10 faces (10 new).",
        "Left out 3 photos and skipped 3 files or folders; HOME/galleries/odd/rejected.csv says why:",
        "       3  cannot be read",
        "       3  skipped",
    ],
    "cameras": ["Gallery cameras: 1 person, 5 faces (5 new)."],
}
WARNED = (
    "These names are a camera's rather than people's: IMG (5 photos). Rename the photos after the people on them, "
    "or put them into one folder for each person."
)
# Builds each gallery twice, and finds in it a photo that it has. The networks are loaded once.
SCRIPT = """
import sys
from pipeline.cli.app import main
from pipeline.lookalikes import Models

models = Models.load()
Models.load = lambda: models
for name, photo in zip(sys.argv[2::2], sys.argv[3::2]):
    for arguments in (["build", f"{sys.argv[1]}/{name}"],) * 2 + (["find", "--json", photo, "--gallery", name],):
        print(name, arguments[0], main(arguments))
        print("----")
print(main(["find", f"{sys.argv[1]}/special/pipe.jpg"]))
"""


@pytest.fixture
def folders(tmp_path):
    """The folders; whoever runs the tests can remove them afterwards."""
    place = tmp_path / "folders"
    write_folders(place)
    yield place
    for closed in closed_paths(place):
        closed.chmod(0o755)


def outcomes(name: str, folders: Path) -> dict[str, str]:
    """The outcome of each path that a gallery knows: the person it became, or why it was rejected."""
    opened = opening.open_gallery(name)
    known = {row["original"]: row["name"] for row in map(opened.row, range(len(opened)))}
    known |= {each.original: str(each.rejection) for each in rejected.read_rejected(opened.folder)}
    return {os.path.relpath(path, folders): outcome for path, outcome in known.items()}


def test_awkward_folders_are_listed_built_and_searched(home, folders):
    photos = {name: next(path for path in OUTCOMES if path.startswith(f"{name}/")) for name in PRINTED}
    photos["odd"] = "odd/=HYPERLINK(1)/1.jpg"
    arguments = [part for name, photo in photos.items() for part in (name, str(folders / photo))]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folders), *arguments],
        preexec_fn=obey_permissions,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    *parts, last = done.stdout.replace(str(home), "HOME").split("----\n")
    assert last == "1\n"
    for number, name in enumerate(PRINTED):
        first, again, found = (part.splitlines() for part in parts[3 * number : 3 * number + 3])
        assert first == [*PRINTED[name], f"Try it: python -m pipeline find PHOTO --gallery {name}", f"{name} build 0"]
        assert again[0] == PRINTED[name][0].rpartition("(")[0] + "(0 new)."
        assert again[1:] == first[1:]
        assert found.pop() == f"{name} find 0"
        match = json.loads("\n".join(found))["matches"][0]
        assert (match["name"], match["copy"]) == (OUTCOMES[photos[name]], True)
    errors = [line for line in done.stderr.splitlines() if "%" not in line]
    assert errors.count(WARNED) == 2
    assert errors[-1] == f"{folders}/special/pipe.jpg is not a regular file. Choose a photo."

    known = {path: outcome for name in PRINTED for path, outcome in outcomes(name, folders).items()}
    assert known == {encodable(path): outcome for path, outcome in OUTCOMES.items() if outcome != PASSED_OVER}
    table = (home / "galleries" / "odd" / "rejected.csv").read_text(encoding="utf-8")
    assert """"odd/=HYPERLINK(1)","'=HYPERLINK(1)\"""" in table


def test_awkward_folders_give_the_people_of_the_table_and_no_others(folders):
    for name in PRINTED:
        people = {person.name for person in folder.people_in_folder(folders / name).people}
        expected = {outcome for path, outcome in OUTCOMES.items() if path.startswith(f"{name}/")}
        rejections = (PASSED_OVER, "skipped: ", "cannot be read: ")
        # Nobody knows whether the closed folder holds photos.
        assert people - {"Closed"} == {outcome for outcome in expected if not outcome.startswith(rejections)}
