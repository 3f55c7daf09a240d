"""Trainings as background processes: start, stop, state and output.

The state of a run is read from its folder alone, so every page and terminal sees the same.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pipeline import storage
from pipeline.errors import UserError
from train.runs.files import LOG, PROCESS, RESULT, STOP_REQUEST
from train.runs.lock import is_running, utc_now

RunState = Literal["running", "finished", "stopped", "crashed"]
_PROJECT = Path(__file__).parents[2]
_START_SECONDS = 30
# A training yields to the pages.
_NICENESS = 5
_OUTPUT_LINES = 12
# The name of the error with which a training that diverges ends: :class:`train.callbacks.DivergedError`.
DIVERGED = "DivergedError"


def run_state(folder: Path) -> RunState:
    """The state of a run, from its files."""
    if is_running(folder):
        return "running"
    if (folder / RESULT).is_file():
        return "finished"
    record = storage.read_json(folder / PROCESS)
    # Programs that train without the lock leave no record.
    if record is None or record.get("ended") == "stopped" or stop_requested(folder):
        return "stopped"
    return "crashed"


def start_training(folder: Path, arguments: Sequence[str]) -> None:
    """Run ``python -m train`` with these arguments in its own session, so that it outlives this process.

    Output goes to the run's ``log.txt``. Returns when the process holds the run's lock or has ended.
    Raises UserError if another process is training the run.
    """
    if is_running(folder):
        raise UserError(f"The run {folder.name} is already being trained.")
    folder.mkdir(parents=True, exist_ok=True)
    storage.write_json(folder / PROCESS, {"arguments": list(arguments), "begun": utc_now()})
    (folder / STOP_REQUEST).unlink(missing_ok=True)
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "train", *arguments),
            cwd=_PROJECT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "2"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with suppress(AttributeError, OSError):  # On Windows, or if the process has ended.
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and not is_running(folder) and time.monotonic() < end:
        time.sleep(0.05)


def stop_training(folder: Path) -> None:
    """Ask the process that trains a run to stop. The second request kills it."""
    process = (storage.read_json(folder / PROCESS) or {}).get("pid")
    if not isinstance(process, int) or not is_running(folder):
        return
    asked = stop_requested(folder)
    (folder / STOP_REQUEST).touch()
    with suppress(ProcessLookupError):  # It has just ended.
        os.kill(process, signal.SIGKILL if asked else signal.SIGTERM)


def stop_requested(folder: Path) -> bool:
    """Whether the process was asked to stop."""
    return (folder / STOP_REQUEST).is_file()


def resume_arguments(folder: Path) -> list[str] | None:
    """The arguments of ``python -m train`` that resume a run. None if unknown."""
    known = (storage.read_json(folder / PROCESS) or {}).get("arguments")
    return known if isinstance(known, list) and all(isinstance(part, str) for part in known) else None


def started_at(folder: Path) -> datetime | None:
    """When the last process started. None if unknown."""
    with suppress(KeyError, ValueError, TypeError):
        return datetime.fromisoformat((storage.read_json(folder / PROCESS) or {})["begun"])
    return None


def ended_by_divergence(folder: Path) -> bool:
    """Whether the last process ended because the loss or the weights grew without limit."""
    record = storage.read_json(folder / PROCESS) or {}
    return record.get("ended") == "crashed" and record.get("error_type") == DIVERGED


def last_output(folder: Path) -> str:
    """The last lines of the last process's output, or of the error that ended it, without hints at commands."""
    text = str((storage.read_json(folder / PROCESS) or {}).get("error", ""))
    with suppress(OSError):
        # Remove progress bars and colours.
        printed = (folder / LOG).read_bytes()[-20_000:].decode("utf-8", "replace")
        printed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n]*[\r\b](?!\n)", "", printed).strip()
        text = printed or text
    lines = [line for line in text.strip().splitlines() if not line.startswith("Run: ")]
    return "\n".join(lines[-_OUTPUT_LINES:])
