"""Trainings as processes: a run's folder says who trains it, so that every page and terminal sees the same.

While a process trains, it holds the lock of the run's folder. The system lets go of it however the process ends, so
that no other process that has the same number since is mistaken for it. ``process.json`` beside it says which process
it is, with which arguments it was begun and how it ended; nothing is said by one that was killed.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Literal

from filelock import FileLock, Timeout

from pipeline import storage
from pipeline.errors import UserError
from train.runs import runs

State = Literal["running", "finished", "stopped", "crashed"]
PROCESS, LOG = "process.json", "log.txt"
_LOCK, _STOP = ".lock", ".stop"
_ROOT = Path(__file__).parents[2]
# Whoever looks whether a process is there shares the lock for an instant.
_PATIENCE_SECONDS = 5
_START_SECONDS = 30
# Pages stay quick while a training takes what is left.
_NICENESS = 5
_LINES = 12


@contextmanager
def announced(folder: Path, arguments: Sequence[str]) -> Iterator[None]:
    """Say in the run's folder that this process trains it, and at the end how that ended.

    arguments: those of ``python -m train``, with which the run is gone on with. A request to stop arrives as a
    KeyboardInterrupt. Raises UserError where another process is training the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except Timeout:
        raise UserError(f"The run {folder.name} is being trained by another process. Choose another name.") from None
    record = {"pid": os.getpid(), "arguments": list(arguments), "begun": _now()}
    known = storage.read_json(folder / PROCESS) or {}
    (folder / _STOP).unlink(missing_ok=True)
    try:
        storage.write_json(folder / PROCESS, record)
        with _stoppable():
            yield
        record["ended"] = "finished"
    except KeyboardInterrupt:
        record["ended"] = "stopped"
        raise
    except UserError as error:
        # What went wrong may be these arguments, so the run is gone on with by those that it had.
        record |= {"ended": "crashed", "error": str(error), "arguments": known.get("arguments") or list(arguments)}
        raise
    except BaseException:
        record |= {"ended": "crashed", "error": traceback.format_exc()}
        raise
    finally:
        storage.write_json(folder / PROCESS, record)
        lock.release()
        if not (folder / runs.CONFIG).is_file() and not (folder / LOG).is_file():
            _forget(folder)


def _forget(folder: Path) -> None:
    """Leave nothing of a run that has not begun."""
    for name in (PROCESS, _LOCK):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # Something else lies there.
        folder.rmdir()


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a request to stop arrive as a key press would; some shells start processes deaf to that."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def state(folder: Path) -> State:
    """How it stands with a run, from its files alone."""
    if running(folder):
        return "running"
    if (folder / runs.RESULT).is_file():
        return "finished"
    record = storage.read_json(folder / PROCESS)
    # Runs of programs that do not announce themselves say nothing.
    if record is None or record.get("ended") == "stopped" or (folder / _STOP).is_file():
        return "stopped"
    return "crashed"


def running(folder: Path) -> bool:
    """Whether a process is training this run."""
    with suppress(OSError), (folder / _LOCK).open("rb") as lock:
        try:
            # Whoever looks shares the lock, so that nobody who looks is taken for a training.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def start(folder: Path, arguments: Sequence[str]) -> None:
    """Run ``python -m train`` with these arguments in a session of its own, which outlives this process.

    What it prints goes to the run's ``log.txt``. Returns when it has announced itself, or has ended.
    Raises UserError where another process is training the run.
    """
    if running(folder):
        raise UserError(f"The run {folder.name} is being trained already.")
    folder.mkdir(parents=True, exist_ok=True)
    storage.write_json(folder / PROCESS, {"arguments": list(arguments), "begun": _now()})
    (folder / _STOP).unlink(missing_ok=True)
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "train", *arguments),
            cwd=_ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "2"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with suppress(AttributeError, OSError):  # Windows; a process that has ended.
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and not running(folder) and time.monotonic() < end:
        time.sleep(0.05)


def stop(folder: Path) -> None:
    """Ask the process that trains a run to stop, and where it was asked before, end it at once."""
    process = (storage.read_json(folder / PROCESS) or {}).get("pid")
    if not isinstance(process, int) or not running(folder):
        return
    asked = stopping(folder)
    (folder / _STOP).touch()
    with suppress(ProcessLookupError):  # It has just ended.
        os.kill(process, signal.SIGKILL if asked else signal.SIGTERM)


def stopping(folder: Path) -> bool:
    """Whether the process was asked to stop."""
    return (folder / _STOP).is_file()


def arguments(folder: Path) -> list[str] | None:
    """What a run is gone on with, where that is known."""
    known = (storage.read_json(folder / PROCESS) or {}).get("arguments")
    return known if isinstance(known, list) and all(isinstance(part, str) for part in known) else None


def begun(folder: Path) -> datetime | None:
    """When the last process began."""
    with suppress(KeyError, ValueError, TypeError):
        return datetime.fromisoformat((storage.read_json(folder / PROCESS) or {})["begun"])
    return None


def last_words(folder: Path) -> str:
    """The last lines that the last process printed, or of the error it ended with."""
    text = str((storage.read_json(folder / PROCESS) or {}).get("error", ""))
    with suppress(OSError):
        # Bars and colours are for terminals.
        printed = (folder / LOG).read_bytes()[-20_000:].decode("utf-8", "replace")
        printed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n]*[\r\b](?!\n)", "", printed).strip()
        text = printed or text
    return "\n".join(text.strip().splitlines()[-_LINES:])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
