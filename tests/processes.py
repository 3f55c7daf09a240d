"""Python programs in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

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
