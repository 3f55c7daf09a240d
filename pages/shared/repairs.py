"""Running the command that fixes an error, such as setting up or fitting a map, once for all visitors.

It runs in a process of its own, whose libraries would otherwise stay in the app's memory; a thread of the server
follows its progress, whoever looks at it.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import loading, public
from pages.shared.text import escape
from pipeline import setting_up
from pipeline.errors import UserError

_ROOT = Path(__file__).parents[2]
_PREFIX = ["python", "-m", "pipeline"]
_LOCK = threading.Lock()


@dataclass(frozen=True)
class RepairWords:
    """What a repair is called: on its button, while it runs, when it has failed, and how long it takes.

    stages: the stages that are known before, with how long each takes beside the others.
    """

    button: str
    running: str
    failed: str
    duration: str
    stages: Mapping[str, float] = field(default_factory=dict)


# By the first argument of the command. Only these run from a page.
_WORDS = {
    "setup": RepairWords(
        "Set up now",
        "Setting up",
        "The set-up failed",
        f"This downloads {setting_up.DOWNLOAD_BYTES / 1e6:.0f} MB, the face models and photos of about a thousand "
        "public figures, and measures every face: about five minutes, once for everybody who visits.",
        setting_up.STAGES,
    ),
    "map": RepairWords(
        "Fit the map",
        "Fitting the map",
        "The map could not be fitted",
        "This takes half a minute, or a few minutes for many faces. The other pages work meanwhile.",
    ),
}


class RepairProcess:
    """A command in a process of its own, and how far it is.

    progress: what it has reported last. times: when each stage began. failure: why it failed, "" if it has not.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self._begun = time.monotonic()
        self.progress: dict[str, Any] = {}
        self.times: dict[str, float] = {}
        self.failure = ""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        arguments = [sys.executable, *shlex.split(command)[1:], "--json"]
        self._process = subprocess.Popen(arguments, cwd=_ROOT, stdout=subprocess.PIPE, stderr=self._errors, text=True)
        self._thread = threading.Thread(target=self._follow, name="repair", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    @property
    def failed(self) -> bool:
        """Whether it has ended without success."""
        return bool(self.failure)

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._begun

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._process.terminate()
        self._thread.join()

    def _follow(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.progress = json.loads(line)
            self.times.setdefault(self.progress["stage"], time.monotonic())
        code = self._process.wait()
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace").strip()
        self._errors.close()
        if code:
            print(text, file=sys.stderr)
            self.failure = _failure(code, text)


def _failure(code: int, text: str) -> str:
    """Why a command failed, in plain sentences, from its exit code and what it wrote to standard error."""
    if code < 0:
        return "It was stopped, perhaps because the memory ran out."
    lines = [line for line in text.splitlines() if not line.startswith("Run: ")]
    if "Traceback (most recent call last):" in lines or not lines:
        return "Something unexpected happened. What it was is in the server's log."
    return lines[-1]


@st.cache_resource(show_spinner=False)
def _repairs() -> dict[str, RepairProcess]:
    """Repairs that are running or have failed, by command, shared by all sessions."""
    return {}


def offer(error: UserError) -> bool:
    """A button that runs the error's command, or the progress of its run. False when no page can run it."""
    words = _words(error.command)
    if words is None or error.command is None or public.is_public():
        return False
    known = _repairs().get(error.command)
    if known and not (known.running or known.failure):
        _finish(known)
    if known and known.running:
        st.fragment(_wait, run_every=1)(known, words)
        return True
    if known:
        st.error(escape(known.failure), title=words.failed)
    label = "Try again" if known else words.button
    st.button(
        label, type="primary", icon=":material/build:", on_click=public.unless_visitor, args=(begin, error.command)
    )
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
    with _LOCK:
        known = _repairs().get(command)
        if known is None or not known.running:
            _repairs()[command] = RepairProcess(command)


def stop(command: str) -> None:
    """End a repair that is running, and forget it."""
    if known := _repairs().pop(command, None):
        known.stop()


def is_running(command: str) -> bool:
    """Whether this command is running."""
    known = _repairs().get(command)
    return bool(known and known.running)


def state_of(command: str) -> RepairProcess | None:
    """The last run of this command, if this server knows one."""
    return _repairs().get(command)


def _finish(repair: RepairProcess) -> None:
    """Draw the page anew with what is there now."""
    with _LOCK:
        if _repairs().get(repair.command) is repair:
            del _repairs()[repair.command]
    loading.retry()
    st.rerun()


def _wait(repair: RepairProcess, words: RepairWords) -> None:
    """How far the repair is. The whole page runs again when it has ended."""
    if not repair.running:
        if repair.failure:
            st.rerun()
        _finish(repair)
    stage, now = repair.progress.get("stage", ""), time.monotonic()
    shown = " · ".join(filter(None, (stage or words.running, repair.progress.get("detail", ""))))
    st.progress(_share(repair, words), text=escape(shown))
    lines = [_line(name, stage, repair, now) for name in words.stages]
    st.markdown("  \n".join([*lines, f":material/schedule: {_clock(repair.seconds)} so far"]))
    st.caption("You can leave this page. It goes on, and everybody who visits sees it.")


def _share(repair: RepairProcess, words: RepairWords) -> float:
    """How much is done, 0 to 1. A stage that cannot be counted counts when it is over."""
    progress = repair.progress
    total, stage = progress.get("total", 0), progress.get("stage", "")
    part = min(progress["done"] / total, 1.0) if total else 0.0
    if stage not in words.stages:
        return part
    names = list(words.stages)
    before = sum(words.stages[name] for name in names[: names.index(stage)])
    return (before + part * words.stages[stage]) / sum(words.stages.values())


def _line(name: str, stage: str, repair: RepairProcess, now: float) -> str:
    """A stage in the list of all: over, going on, or to come."""
    if name == stage:
        return f":material/progress_activity: **{name}** · {_clock(now - repair.times[name])}"
    icon = "check" if name in repair.times else "radio_button_unchecked"
    return f":material/{icon}: {name}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
