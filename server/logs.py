"""The server's log: one line for each event, as text or as JSON. It has no names, paths or pixels of visitors."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# "json" for lines of JSON.
VARIABLE = "LOOKSLIKEWHO_LOG"
_LOGGER = logging.getLogger("server")
_ROOT = Path(__file__).parent.parent


def begin() -> None:
    """Write events to the standard error stream from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    _LOGGER.handlers[:] = [handler]
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False


def event(name: str, **details: Any) -> None:
    """Log an event."""
    _LOGGER.info(name, extra={"details": details})


def fault(number: str, error: BaseException) -> None:
    """Log a fault: its kind and where it happened, but not its text, which may quote what it handled."""
    places = [
        f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    _LOGGER.error("fault", extra={"details": {"number": number, "kind": type(error).__name__, "at": places}})


def _short(filename: str) -> str:
    path = Path(filename)
    return path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else "/".join(path.parts[-2:])


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        details = getattr(record, "details", {})
        if os.environ.get(VARIABLE) == "json":
            return json.dumps({"time": time, "level": record.levelname.lower(), "event": record.msg, **details})
        return " ".join([time, record.msg, *(f"{name}={value}" for name, value in details.items())])
