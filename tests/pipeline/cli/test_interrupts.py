"""Ctrl-C: quiet while modules load, one sentence afterwards, whatever a library makes of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import interrupts
from tests.conftest import HOME

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).parents[3]
MAPS = Path("/proc/self/maps")


def interrupt(arguments: list[str], library: str = "", seconds: float = 0.0) -> tuple[int, str, str]:
    """Press Ctrl-C as soon as a command has loaded a shared library, and this much later."""
    with subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while library and library not in Path(f"/proc/{process.pid}/maps").read_text() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux lists the libraries of a process")
@pytest.mark.parametrize(
    ("command", "library", "seconds"),
    [
        (["pipeline", "galleries"], "multiarray", 0.0),
        (["train", "--help"], "multiarray", 0.05),
        (["pipeline", "find", "PHOTO", "--gallery", "small"], "libopenvino", 0.0),
        (["pipeline", "map", "--gallery", "demonstration"], "llvmlite", 0.0),
    ],
)
def test_ctrl_c_while_modules_load_is_quiet(small, madonna, command, library, seconds):
    shutil.copytree(HOME / "galleries" / "demonstration", small.with_name("demonstration"))
    command = [str(madonna) if part == "PHOTO" else part for part in command]
    assert interrupt(command, library, seconds) == (130, "", "")


def test_an_error_that_a_library_makes_of_ctrl_c_is_not_shown(run, monkeypatch):
    def interrupted() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt:
            raise RuntimeError("Exiting device scope without proper scope nesting") from None

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(interrupts, "_received", False)
    monkeypatch.setattr("pipeline.gallery.layout.names", interrupted)
    interrupts.handle_interrupts()
    try:
        assert run("galleries") == (130, "", "Stopped. Run the same command again to continue.\n")
    finally:
        signal.signal(signal.SIGINT, before)
