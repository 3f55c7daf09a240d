"""Dropping galleries from memory soon after they were changed or deleted, by this server or another process.

What is in memory would be found for as long as nobody asks, and the disk keeps a deleted file that is mapped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pages.shared import faces
from pipeline import storage

Cached = TypeVar("Cached")

SECONDS = 1.0
_LOCK = threading.Lock()
_SEEN: dict[Path, object] = {}
_CLEAR: list[Callable[[], None]] = [faces.forget_portraits]


def dropped_with_galleries(cached: Cached) -> Cached:
    """A decorator for a function cached by Streamlit, whose results hold a gallery or parts of one."""
    _CLEAR.append(cached.clear)  # type: ignore[attr-defined]
    return cached


def watch(folder: Path) -> None:
    """From now on, drop everything when the gallery in ``folder`` changes. Call it before the gallery is read."""
    with _LOCK:
        if not any(thread.name == __name__ for thread in threading.enumerate()):
            threading.Thread(target=_watch, name=__name__, daemon=True).start()
        _SEEN[folder] = _stamp(folder)


def forget() -> None:
    """Drop galleries and their pictures from memory, so that nothing is left of people who were removed."""
    for clear in _CLEAR:
        clear()


def _watch() -> None:
    while True:
        time.sleep(SECONDS)
        with _LOCK:
            changed = [folder for folder, stamp in _SEEN.items() if _stamp(folder) != stamp]
            for folder in changed:
                del _SEEN[folder]
        if changed:
            forget()


def _stamp(folder: Path) -> object:
    """Tells the states of a gallery apart: each change replaces the manifest."""
    try:
        found = (folder / storage.MANIFEST).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
