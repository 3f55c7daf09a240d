"""Keys of programs that use the API: a line for each in a file, with its name and its hash.

A key has 256 random bits. Nobody guesses that many, so a fast hash is enough, unlike for a password.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline import storage
from pipeline.errors import UserError

_START = "lookslikewho_"
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_METRICS = "metrics"


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key. reads_metrics: whether it is for those who watch the server."""

    name: str
    digest: str
    reads_metrics: bool = False

    @property
    def line(self) -> str:
        """The key's line in the file."""
        return " ".join([self.name, self.digest, *([_METRICS] if self.reads_metrics else [])])


def add(file: Path, name: str, *, reads_metrics: bool = False) -> str:
    """Make a key and add its hash to a file, which may be new. Returns the key, which is kept nowhere.

    Raises UserError if the name is taken or cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise UserError("A key's name has up to 64 letters, digits, dots, dashes and underscores.")
    known = _read(file) if file.exists() else {}
    if any(key.name == name for key in known.values()):
        raise UserError(f"There is a key {name} already. Remove it first, or choose another name.")
    key = _START + secrets.token_urlsafe(32)
    _write(file, [*known.values(), ApiKey(name, _digest(key), reads_metrics)])
    return key


def remove(file: Path, name: str) -> None:
    """Remove a key from a file: it is refused from the next request on. Raises UserError if there is none."""
    known = _read(file)
    kept = [key for key in known.values() if key.name != name]
    if len(kept) == len(known):
        raise UserError(f"There is no key {name}.")
    _write(file, kept)


class KeyFile:
    """The keys of a file, which is read again when it has changed."""

    def __init__(self, file: Path) -> None:
        """Raises UserError if the file cannot be read."""
        self._file = file
        self._read: tuple[object, Mapping[str, ApiKey]] = (self._stamp(), _read(file))

    def find(self, given: str) -> ApiKey | None:
        """The key, if it is one of the file. Raises UserError if the file cannot be read any more."""
        stamp = self._stamp()
        if stamp != self._read[0]:
            self._read = (stamp, _read(self._file))
        # Time tells at most how far the hash agrees, which helps nobody to find the key.
        return self._read[1].get(_digest(given))

    def _stamp(self) -> object:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _read(file: Path) -> dict[str, ApiKey]:
    """The keys by their hashes."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
        keys = [_parsed(line) for line in lines if line.strip()]
    except (OSError, ValueError):
        raise UserError("The file with the keys of the API is missing or damaged.") from None
    return {key.digest: key for key in keys}


def _parsed(line: str) -> ApiKey:
    name, digest, *more = line.split()
    if len(digest) != 64 or more not in ([], [_METRICS]):
        raise ValueError(line)
    return ApiKey(name, digest, bool(more))


def _write(file: Path, keys: list[ApiKey]) -> None:
    """Replace the file, readable only by its owner."""
    with storage.atomic_path(file) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as written:
            written.writelines(f"{key.line}\n" for key in keys)
