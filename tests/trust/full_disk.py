"""Work where the disk becomes full: files cannot grow beyond some size, or no more of them can be made."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UserError
from tests.trust import kills, work


class _Disk:
    """An audit hook for a disk with room for so many new files: after them, nothing more can be made."""

    def __init__(self, folder: Path, room: int) -> None:
        self.folder, self.room = str(folder), room

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        makes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if (makes or event == "os.mkdir") and str(arguments[0]).startswith(self.folder):
            self.room -= 1
            if self.room < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))


def _work(kind: str, home: Path, size: int, room: int, told: Any) -> None:
    os.environ["LOOKSLIKEWHO_HOME"] = str(home)
    if size >= 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    else:
        sys.addaudithook(_Disk(home, room))
    try:
        work.WORK[kind]()
    except UserError as error:
        told.send(str(error))
    except Exception as error:
        told.send(f"untyped {type(error).__name__}: {error}")
    else:
        told.send("")
    os._exit(0)


def run(kind: str, home: Path, *, size: int = -1, room: int = 0) -> str:
    """Do a kind of work on a full disk. Returns the sentence that it ended with, "" if it was done.

    size: no file can be larger, in bytes. room: without a size, so many files and folders can be made.
    """
    process, there = kills.begin(_work, kind, home, size, room)
    try:
        said = str(there.recv())
    except EOFError:
        said = "untyped end of the process"
    process.join()
    return said if process.exitcode == 0 else f"untyped end by {process.exitcode}"


def losses(trials: kills.Trials, kind: str, sizes: int) -> list[str]:
    """Do a kind of work on ``sizes`` nearly full disks, then with space again. Says what was lost."""
    whole = trials.reference(kind)
    largest = max(len(data) for name, data in (trials.before | whole.after).items() if "galleries" in name)
    limits = [{"size": int(size)} for size in np.geomspace(1, largest, sizes // 2)]
    limits += [{"room": int(room)} for room in np.linspace(0, whole.changes // 2, sizes - sizes // 2)]
    lost = []
    for limit in limits:
        trials.reset()
        said = run(kind, trials.home, **limit)
        found = trials.left_by(kind)
        if said.startswith("untyped"):
            found.append(said)
        lost += [f"{limit}: {each}" for each in found]
    return lost
