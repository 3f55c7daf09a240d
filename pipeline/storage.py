"""The user's data folder, atomic writes, and manifests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

MANIFEST = "manifest.json"
# What ships with the code: networks, calibrations, recorded runs. A wheel has it inside the package, a checkout
# beside it.
_IN_WHEEL, _IN_CHECKOUT = Path(__file__).parent / "assets", Path(__file__).parents[1] / "assets"
ASSETS = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_CHECKOUT


def home() -> Path:
    """The data folder: ``LOOKSLIKEWHO_HOME``, or the platform's folder for user data."""
    return Path(os.environ.get("LOOKSLIKEWHO_HOME") or platformdirs.user_data_dir("lookslikewho", appauthor=False))


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path, for a file or folder, that replaces ``path`` unless the block raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    _remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            _remove(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file, or None if it is missing, damaged or not an object."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest and add the date. Write it last: a folder without a manifest is unfinished."""
    write_json(folder / MANIFEST, {**manifest, "written": datetime.now(UTC).isoformat(timespec="seconds")})


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of an artefact, or None if it is missing or damaged."""
    return read_json(folder / MANIFEST)


def sha256(path: Path) -> str:
    """The hex digest of a file, read in chunks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encodable(text: str) -> str:
    """Text as valid UTF-8: file names may contain other bytes, which are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
