"""Python programs in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    ids = {int(number) for file in found for number in file.read_text().split()}
    return [number for number in ids if name.encode() in Path(f"/proc/{number}/cmdline").read_bytes()]


def resident_bytes(process: int, name: str) -> int:
    """What /proc says of a process's memory: VmRSS now, VmHWM at its peak."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def processor_seconds(process: int) -> float:
    """The processor time that a process has taken."""
    values = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
