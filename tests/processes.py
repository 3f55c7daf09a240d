"""Python programs in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# In a process where OpenVINO cannot be imported, as on a platform without it.
WITHOUT = "import sys; sys.modules['openvino'] = None; "


def may_unshare(*command: str) -> bool:
    """Whether this machine lets anybody run a command in name spaces of its own, by ``unshare``."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--map-root-user", *command], capture_output=True).returncode == 0


def in_a_process(program: str, **environment: str) -> str:
    """What a Python program prints."""
    values = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", program], env=values, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def children(name: str) -> list[int]:
    """The processes that this one has started, by a word in their commands."""
    named = []
    for number in started_by(os.getpid()):
        with suppress(OSError):  # It may end meanwhile.
            if name.encode() in Path(f"/proc/{number}/cmdline").read_bytes():
                named.append(number)
    return named


def started_by(parent: int) -> list[int]:
    """The processes of a process. Its threads' lists of children miss some when a thread ends while they are read."""
    return [number for number, (_, its_parent, *_) in _all() if int(its_parent) == parent]


def of_session(session: int) -> dict[int, bytes]:
    """The running processes of a session, given by the process that began it, each with its command."""
    found = {}
    for number, (state, _, _, own, *_) in _all():
        if int(own) == session and state != "Z":
            with suppress(OSError):  # It may end meanwhile.
                found[number] = Path(f"/proc/{number}/cmdline").read_bytes()
    return found


def _all() -> Iterator[tuple[int, list[str]]]:
    """Every process, each with its values in /proc: state, parent, group, session, and others."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # It may end meanwhile.
            yield int(path.name), _values(path)


def _values(process: Path) -> list[str]:
    return (process / "stat").read_text().rpartition(")")[2].split()


def resident_bytes(process: int, name: str) -> int:
    """What /proc says of a process's memory: VmRSS now, VmHWM at its peak."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def processor_seconds(process: int) -> float:
    """The processor time that a process has taken."""
    values = _values(Path(f"/proc/{process}"))
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
