"""The lock of a run's folder: at most one process trains a run.

The operating system releases the lock however the process ends, so a recycled process id is never mistaken for a
training. ``process.json`` records the process, its arguments and how it ended; a killed process leaves no end.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from pipeline import storage
from pipeline.errors import UserError
from train.runs.files import CONFIG, LINEAGE, LOCK, LOG, PROCESS, STOP_REQUEST

# Checking whether a process is there shares the lock for an instant.
_WAIT_SECONDS = 5


@contextmanager
def run_lock(folder: Path, arguments: Sequence[str]) -> Iterator[None]:
    """Hold the lock of a run while training it, and record the process and how it ended.

    arguments: those of ``python -m train``, with which the run can be resumed. A stop request (SIGTERM) arrives as
    KeyboardInterrupt. Raises UserError if another process is training the run.
    """
    lock = FileLock(folder / LOCK)
    try:
        with storage.writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=_WAIT_SECONDS)
    except Timeout:
        raise UserError(f"Another process is training the run {folder.name}. Choose another name.") from None
    record = {"pid": os.getpid(), "arguments": list(arguments), "begun": utc_now()}
    known = storage.read_json(folder / PROCESS) or {}
    (folder / STOP_REQUEST).unlink(missing_ok=True)
    try:
        storage.write_json(folder / PROCESS, record)
        with storage.writing(folder), _sigterm_interrupts():
            yield
        record["ended"] = "finished"
    except KeyboardInterrupt:
        record["ended"] = "stopped"
        raise
    except UserError as error:
        # These arguments may be the error, so keep the earlier ones for resuming.
        record |= {"ended": "crashed", "error": str(error), "error_type": type(error).__name__}
        record["arguments"] = known.get("arguments") or list(arguments)
        raise
    except BaseException:
        record |= {"ended": "crashed", "error": traceback.format_exc()}
        raise
    finally:
        storage.write_json(folder / PROCESS, record)
        lock.release()
        if not (folder / CONFIG).is_file() and not (folder / LOG).is_file():
            _remove_unstarted(folder)


def is_running(folder: Path) -> bool:
    """Whether a process is training this run."""
    with suppress(OSError), (folder / LOCK).open("rb") as lock:
        try:
            # A shared lock, so that two checks at once do not see each other as a training.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def utc_now() -> str:
    """The time, as ``process.json`` records it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _remove_unstarted(folder: Path) -> None:
    """Remove all traces of a run that failed before it started."""
    for name in (PROCESS, LOCK, LINEAGE):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # Not empty: the folder has other files.
        folder.rmdir()


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Turn SIGTERM into KeyboardInterrupt. SIGINT would not do: some shells start processes that ignore it."""

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
