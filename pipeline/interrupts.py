"""Ctrl-C on the command line. The programs load this before anything else, so it imports next to nothing."""

from __future__ import annotations

import os
import signal
from types import FrameType

STOPPED = 130
_received = False


def handle_interrupts() -> None:
    """Let Ctrl-C end the process quietly, with exit code 130, while a module is being imported.

    Elsewhere it raises KeyboardInterrupt as usual. Libraries do not survive that exception halfway through an import:
    TensorFlow aborts.
    """
    signal.signal(signal.SIGINT, _interrupted)


def was_interrupted() -> bool:
    """Whether Ctrl-C was pressed: libraries answer with errors of their own if they are interrupted."""
    return _received


def _interrupted(_number: int, frame: FrameType | None) -> None:
    global _received
    _received = True
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            if os.isatty(2):
                # A progress bar may have hidden the cursor.
                os.write(2, b"\x1b[?25h\n")
            os._exit(STOPPED)
        frame = frame.f_back
    raise KeyboardInterrupt
