"""Running the command that fixes an error, such as fitting a map, in a process of its own.

The libraries that such a command loads would otherwise stay in the app's memory.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import streamlit as st

from pages.shared.text import escape
from pipeline.errors import UserError

_ROOT = Path(__file__).parents[2]
_PREFIX = ["python", "-m", "pipeline"]


@dataclass(frozen=True)
class RepairWords:
    """What a repair is called: on its button, while it runs, when it has failed, and how long it takes."""

    button: str
    running: str
    failed: str
    duration: str


# By the first argument of the command. Only these run from a page.
_WORDS = {
    "setup": RepairWords(
        "Set up now",
        "Setting up",
        "The set-up failed",
        "This downloads the face model and the photos and measures every face: a few minutes.",
    ),
    "map": RepairWords(
        "Fit the map",
        "Fitting the map",
        "The map could not be fitted",
        "This takes half a minute, or a few minutes for many faces. The other pages work meanwhile.",
    ),
}


@dataclass
class RepairProcess:
    """A running repair. errors: what it writes to standard error."""

    command: str
    errors: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        arguments = [sys.executable, *shlex.split(self.command)[1:]]
        self.process = subprocess.Popen(arguments, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=self.errors)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def failed(self) -> bool:
        """Whether it has ended without success."""
        return bool(self.process.poll())

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.begun

    def last_line(self) -> str:
        """The last line of its errors that isn't a hint at a command."""
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return next((line for line in reversed(lines) if not line.startswith("Run: ")), "It was stopped.")


@st.cache_resource(show_spinner=False)
def _processes() -> dict[str, RepairProcess]:
    """Repairs that are running or have failed, by command, shared by all sessions."""
    return {}


def offer(error: UserError) -> bool:
    """A button that runs the error's command, or the progress of its run. False when no page can run it."""
    words = _words(error.command)
    if words is None or error.command is None:
        return False
    known = _processes().get(error.command)
    if known and known.running:
        st.fragment(_wait, run_every=1)(known, words)
        return True
    if known and known.process.returncode:
        st.error(escape(known.last_line()), title=words.failed)
    st.button(words.button, type="primary", icon=":material/build:", on_click=begin, args=(error.command,))
    st.caption(words.duration)
    return True


def _words(command: str | None) -> RepairWords | None:
    parts = shlex.split(command or "")
    return _WORDS.get(parts[3]) if len(parts) > 3 and parts[:3] == _PREFIX else None


def words_of(command: str) -> RepairWords:
    """What the repair by this command is called."""
    words = _words(command)
    assert words, command
    return words


def begin(command: str) -> None:
    """Start, unless another session has done so."""
    known = _processes().get(command)
    if known is None or not known.running:
        _processes()[command] = RepairProcess(command)


def stop(command: str) -> None:
    """End a repair that is running, and forget it."""
    if known := _processes().pop(command, None):
        known.process.terminate()
        known.process.wait()


def is_running(command: str) -> bool:
    """Whether this command is running."""
    known = _processes().get(command)
    return bool(known and known.running)


def state_of(command: str) -> RepairProcess | None:
    """The last run of this command, if this server knows one."""
    return _processes().get(command)


def _wait(repair: RepairProcess, words: RepairWords) -> None:
    if not repair.running:
        if not repair.process.returncode:
            _processes().pop(repair.command, None)
        st.rerun()
    st.status(f"{words.running} · {repair.seconds:.0f} s")
