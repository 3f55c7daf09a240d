"""Python programs in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys

# In a process where OpenVINO cannot be imported, as on a platform without it.
WITHOUT = "import sys; sys.modules['openvino'] = None; "


def in_a_process(program: str, **environment: str) -> str:
    """What a Python program prints."""
    values = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", program], env=values, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
