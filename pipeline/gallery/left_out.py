"""Who was removed from a gallery of celebrities and does not come back: ``exclude.txt`` in its folder.

A line is an id or a name; what follows a # is a comment. Lines of one's own count as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline import storage
from pipeline.errors import GalleryError
from pipeline.sources.registry import SOURCES

FILE = "exclude.txt"


def id_of(key: str) -> str:
    """The id of a person whom a refresh would bring back, given the key in the gallery; "" for all others."""
    source, _, own = key.partition("/")
    return own if any(each.choose and each.of_rows == source for each in SOURCES.values()) else ""


def read(folder: Path) -> str:
    """The text of the list in the folder of a gallery. Raises GalleryError."""
    path = folder / FILE
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except (OSError, ValueError) as error:
        raise GalleryError(f"{path} cannot be read. Save it as text in UTF-8.") from error


def add(folder: Path, person: str, name: str) -> None:
    """Add a person, by id, to the list of the locked gallery in ``folder``. Raises GalleryError, StorageError."""
    lines = _without(folder, person)
    _write(folder, [*lines, f"{person}  # {name}"])


def drop(folder: Path, person: str) -> None:
    """Take a person off the list of the locked gallery in ``folder``. Raises GalleryError, StorageError."""
    _write(folder, _without(folder, person))


def _without(folder: Path, person: str) -> list[str]:
    return [line for line in read(folder).splitlines() if line.partition("#")[0].strip() != person]


def _write(folder: Path, lines: Iterable[str]) -> None:
    with storage.atomic_path(folder / FILE) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
