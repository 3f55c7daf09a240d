"""Processes that are killed while they work: at the n-th change of a file, or after some time."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import cache, cached_property
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

from pipeline.errors import GalleryError
from pipeline.gallery import layout, opening
from tests.trust import training, work

_CHANGES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_NEVER = 1_000_000_000
# What keeps what it has done where it is killed, and goes on with it.
_GO_ON = ("build", "append", "build --fresh", *work.STEPS)


class _Killer:
    """An audit hook that kills its process just before the n-th change of a file below a folder."""

    def __init__(self, folder: Path, at: int) -> None:
        self.folder, self.at, self.changes = str(folder), at, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if not (writes or event in _CHANGES):
            return
        place = str(arguments[0])
        # A tree is removed by the names of its files within their folders.
        if place.startswith(self.folder) or not place.startswith("/"):
            self.changes += 1
            if self.changes == self.at:
                os.kill(os.getpid(), signal.SIGKILL)


def _work(kind: str, home: Path, at: int, seconds: float, told: Any) -> None:
    os.environ["LOOKSLIKEWHO_HOME"] = str(home)
    killer = _Killer(home, at)
    sys.addaudithook(killer)
    if seconds:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
    begun = time.perf_counter()
    work.WORK[kind]()
    told.send((killer.changes, time.perf_counter() - begun))
    os._exit(0)


@cache
def context() -> ForkServerContext:
    """Processes start from one that has imported everything, and has used nothing of it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.trust.preload"])
    return context


def begin(target: Callable[..., None], *arguments: Any) -> tuple[ForkServerProcess, Connection]:
    """Start a process that calls ``target`` with the arguments and what it can send by; and what that arrives at."""
    there, told = context().Pipe(duplex=False)
    process = context().Process(target=target, args=(*arguments, told))
    # It would begin by running the main module anew, which in a test runner may be a page of another test.
    with patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):
        process.start()
    told.close()
    return process, there


def told_losses(what: str, target: Callable[..., None], *arguments: Any) -> tuple[list[str], Any]:
    """Start a process that tells what it does by texts, and by pairs what was lost and, at last, what it found.

    Returns what was lost, also that the process was ended by something, and what it found.
    """
    process, there = begin(target, *arguments)
    lost, last, found = [], "", None
    while True:
        try:
            said = there.recv()
        except EOFError:
            break
        if isinstance(said, str):
            last = said
        elif said[0] == "lost":
            lost.append(said[1])
        else:
            found = said[1]
    process.join()
    if process.exitcode:
        code = process.exitcode
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        lost.append(f"{what}, {last}: ended by {name}")
    return lost, found


def run(kind: str, home: Path, *, at: int = _NEVER, seconds: float = 0.0) -> tuple[int, float] | None:
    """Do a kind of work in a process that is killed at a change of a file, counted from 1, or after some seconds.

    Returns the number of changes and the seconds that it took; None if it was killed. Raises RuntimeError if it
    failed.
    """
    process, there = begin(_work, kind, home, at, seconds)
    process.join(60)
    if process.exitcode == -signal.SIGKILL:
        return None
    if process.exitcode != 0:
        process.kill()
        raise RuntimeError(f"{kind} ended with {process.exitcode}")
    took: tuple[int, float] = there.recv()
    return took


Contents = dict[str, bytes]


def contents(home: Path) -> Contents:
    """The files of a data folder, by path, without locks, dates and clocks."""
    paths = (path for path in home.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(home)): training.without_clocks(path) for path in paths}


class _Reference(NamedTuple):
    """What a kind of work does if nobody kills it: changes of files, seconds, and what it leaves."""

    changes: int
    seconds: float
    after: Contents


class Trials:
    """Kills of each kind of work, in a data folder that begins with the same galleries each time.

    prepared_by: the work that makes what it begins with.
    """

    def __init__(self, folder: Path, prepared_by: str = "prepare") -> None:
        self.home, self._saved, self._prepared_by = folder / "home", folder / "saved", prepared_by
        self._references: dict[str, _Reference] = {}

    @cached_property
    def before(self) -> Contents:
        """The data folder before any work."""
        self.home.mkdir(parents=True)
        run(self._prepared_by, self.home)
        shutil.copytree(self.home, self._saved)
        return contents(self.home)

    def reset(self) -> None:
        """Begin again."""
        assert self.before
        shutil.rmtree(self.home)
        shutil.copytree(self._saved, self.home)

    def reference(self, kind: str) -> _Reference:
        """What a kind of work does if nobody kills it."""
        if kind not in self._references:
            self.reset()
            took = run(kind, self.home)
            assert took
            self._references[kind] = _Reference(*took, contents(self.home))
        return self._references[kind]

    def losses(self, kind: str, *, at: int = _NEVER, seconds: float = 0.0) -> list[str]:
        """Kill a kind of work, open all galleries, and say what is neither as before nor as afterwards."""
        self.reference(kind)
        self.reset()
        run(kind, self.home, at=at, seconds=seconds)
        return self.left_by(kind)

    def left_by(self, kind: str) -> list[str]:
        """Open all galleries after a kind of work, and say what is neither as before nor as afterwards."""
        states = [self.before, self.reference(kind).after]
        if kind == "restore":  # It does two things.
            states.append(self._removed)
        lost = [text for name in ("mine", "new", "copy", "empty", "demonstration") if (text := self._opened(name))]
        now = contents(self.home)
        left = {name for name in now if kind in _GO_ON and "/building/" in name}
        left |= self._crops_of_parts(left)
        if kind in work.STEPS:
            left |= {name for name in now if ".part/" in name or name.startswith("runs/")}
            done = (now.keys() - left) & states[1].keys()
            states.append(self.before | {name: states[1][name] for name in done})
        differences = [_difference({name: now[name] for name in now.keys() - left}, state) for state in states]
        lost += sorted(differences, key=len)[0]
        if kind in _GO_ON and now != states[1]:
            run(kind, self.home)
            lost += [f"at the end: {each}" for each in _difference(contents(self.home), states[1])]
        return lost

    @cached_property
    def _removed(self) -> Contents:
        """What is left where Eve was removed, made beside the data folder in use."""
        kept = self.home.rename(self.home.with_name("kept"))
        self.home.mkdir()
        after = self.reference("remove Eve").after
        shutil.rmtree(self.home)
        kept.rename(self.home)
        return after

    def _opened(self, name: str) -> str:
        """Open a gallery of the data folder, as whoever comes next does."""
        earlier = os.environ.get("LOOKSLIKEWHO_HOME")
        os.environ["LOOKSLIKEWHO_HOME"] = str(self.home)
        try:
            opening.read_gallery(name)
        except GalleryError as error:
            return str(error) if "damaged" in str(error) else ""
        finally:
            os.environ.pop("LOOKSLIKEWHO_HOME")
            if earlier is not None:
                os.environ["LOOKSLIKEWHO_HOME"] = earlier
        return ""

    def _crops_of_parts(self, files: set[str]) -> set[str]:
        import pyarrow.parquet as pq

        crops = set()
        for name in files:
            if name.endswith(".parquet") and "/." not in name:
                gallery = (self.home / name).parent.parent
                rows = pq.read_table(self.home / name).to_pylist()
                paths = [layout.crop_path(gallery, row["crop"]) for row in rows if not row["reason"]]
                crops |= {str(path.relative_to(self.home)) for path in paths}
        return crops


def _difference(now: Contents, wanted: Contents) -> list[str]:
    added, missing = sorted(now.keys() - wanted.keys()), sorted(wanted.keys() - now.keys())
    changed = sorted(name for name in now.keys() & wanted.keys() if now[name] != wanted[name])
    found = {"left": added, "lost": missing, "changed": changed}
    return [f"{what} {name}" for what, names in found.items() for name in names]


def traces(found: Contents, *wanted: bytes) -> list[str]:
    """The files in which some bytes are."""
    return [name for name, data in found.items() if any(trace in data for trace in wanted)]
