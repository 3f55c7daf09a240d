"""Awkward folders of people: ``python -m tests.cases.folders FOLDER``."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from pipeline.sources import demonstration
from tests.conftest import put

DECOMPOSED, COMPOSED = "Jose\u0301 Na\u0301", "Jos\u00e9 N\u00e1"
LONG = "家" * 80
FAMILY = "😀👨‍👩‍👧"
NOT_UNICODE = "caf\udce9"


def write_folders(folder: Path) -> None:
    """Write the folders: spellings, system, special, odd and cameras."""
    examples = demonstration.example_photos()
    ben, elton, jerry, madonna, mindy = (examples[name] for name in sorted(examples))
    put(
        folder / "spellings",
        {
            f"{COMPOSED}/1.jpg": madonna[0],
            f"{DECOMPOSED}/2.jpg": madonna[1],
            "Ann Lee/1.jpg": jerry[0],
            "ann lee/2.jpg": jerry[1],
            "Ann_Lee/3.jpg": jerry[2],
            "Ann  Lee/4.jpg": jerry[3],
            "Ann Lee_1.jpg": jerry[4],
            "Bob/1.jpg": ben[0],
            "Cid/the same.jpg": ben[0],
        },
    )
    put(
        folder / "system",
        {
            "Ben/p.jpg": ben[0],
            "Ben/@eaDir/p.jpg/SYNOPHOTO_THUMB_XL.jpg": ben[0],
            "Ben/Thumbs.db": b"x",
            "Ben/zero.jpg": b"",
            "@eaDir/q.jpg/SYNOPHOTO_THUMB_XL.jpg": ben[1],
            "__MACOSX/Ben/._p.jpg": mindy[0],
            "$RECYCLE.BIN/S-1-5/$R1.jpg": mindy[1],
            ".Trash-1000/files/x.jpg": mindy[2],
            "#recycle/x.jpg": mindy[3],
            "System Volume Information/x.jpg": mindy[4],
            "lost+found/x.jpg": elton[0],
            ".DS_Store": b"x",
            "desktop.ini": b"x",
            "._q.jpg": b"\0\5\x16\7",
        },
    )
    put(folder / "odd", _odd_names(ben, elton, jerry, madonna, mindy))
    put(folder / "cameras", {f"IMG_{2001 + number}.jpg": paths[0] for number, paths in enumerate(examples.values())})
    _write_special(put(folder / "special", {"Ann/good.jpg": mindy[0], "Ann/closed.jpg": mindy[1]}), elton)


def _odd_names(*people: list[Path]) -> dict[str, Path | bytes]:
    ben, elton, jerry, madonna, mindy = people
    return {
        "___/1.jpg": madonna[2],
        " /1.jpg": madonna[3],
        "\u200b/1.jpg": madonna[4],
        "New\nLine\tTab/1.jpg": jerry[0],
        "New\nLine\tTab/bad.jpg": b"not a photo",
        "=HYPERLINK(1)/1.jpg": ben[3],
        "=HYPERLINK(1)/bad.jpg": b"not",
        "\u202eevil\u202c gnp/1.jpg": mindy[0],
        "\x1b[31mRed\x1b[0m/1.jpg": mindy[1],
        f"{LONG}/1.jpg": elton[1],
        "שלום/1.jpg": elton[2],
        "<b>Bold<b> & :red[x] $a$/1.jpg": elton[3],
        f"{FAMILY}/1.jpg": elton[4],
        f"{NOT_UNICODE}/1.jpg": jerry[1],
        'quo"te, comma/1.jpg': jerry[2],
        'quo"te, comma/bad.jpg': b"not",
    }


def _write_special(folder: Path, photos: list[Path]) -> None:
    """What is neither a folder nor a regular file, links that lead nowhere or in a circle, and closed folders."""
    os.mkfifo(folder / "Ann" / "pipe.jpg")
    os.mkfifo(folder / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "Ann" / "socket.jpg"))
    links = {
        "Ann/device.jpg": "/dev/zero",
        "Ann/gone.jpg": "nothing",
        "Ann/loop": ".",
        "Ann/up": "..",
        "Dan": "nothing",
    }
    for link, target in links.items():
        (folder / link).symlink_to(target)
    put(folder, {"Ann/dir.jpg/inside.jpg": photos[0], "Ann/closed/2.jpg": photos[1], "Closed/1.jpg": photos[2]})
    for closed in closed_paths(folder.parent):
        closed.chmod(0)


def closed_paths(folder: Path) -> list[Path]:
    """What nobody may read. Open it again to remove it."""
    return [folder / "special" / name for name in ("Ann/closed.jpg", "Ann/closed", "Closed")]


if __name__ == "__main__":
    write_folders(Path(sys.argv[1]))
