"""What the services have answered, kept until a build is done: a killed build asks nothing twice.

A finished build ends the round, and the next one asks for everything anew, except for photos, which are kept by what
is in them.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import storage

FILE = "answers.sqlite"
# An unfinished round older than this is begun anew: people and licences may have changed.
_ROUND_DAYS_MAX = 7


class Answers:
    """The answers of the current round, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with storage.writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(folder / FILE, check_same_thread=False)
        with self._database as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)")
            database.execute("CREATE TABLE IF NOT EXISTS rounds (begun REAL NOT NULL)")
        self._begin()

    def _begin(self) -> None:
        (begun,) = self._database.execute("SELECT max(begun) FROM rounds").fetchone()
        if begun is None or time.time() - begun > _ROUND_DAYS_MAX * 86_400:
            with self._database as database:
                database.execute("DELETE FROM answers")
                database.execute("DELETE FROM rounds")
                database.execute("INSERT INTO rounds VALUES (?)", (time.time(),))

    def get(self, asked: Any, ask: Callable[[], Any]) -> Any:
        """The answer to what is asked, any JSON: the one that is kept, or else what ``ask`` returns."""
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        with self._lock:
            row = self._database.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        if row:
            return json.loads(row[0])
        answer = ask()
        with self._lock, self._database as database:
            text = json.dumps(answer, ensure_ascii=False)
            database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, text))
        return answer

    def finish(self) -> None:
        """End the round."""
        with self._lock, self._database as database:
            database.execute("DELETE FROM rounds")

    def close(self) -> None:
        """Close the file."""
        self._database.close()
