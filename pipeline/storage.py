"""The user's data folder, atomic writes, and manifests."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import platformdirs

from pipeline import notices
from pipeline.errors import StorageError

MANIFEST = "manifest.json"
# The hash of a manifest's other values, in it.
DIGEST = "manifest_sha256"
_UNFINISHED = ".part"
# Files up to this size are hashed as a whole whenever they are opened, which takes 10 ms; of others, some blocks.
_WHOLE_MAX, _BLOCKS, _BLOCK_BYTES = 16_000_000, 256, 4096
_SEAL, _SEAL_BYTES = b"LLWseal1", 32 + 32 + 8
_UNWRITABLE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR),
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO),
)
# What ships with the code: networks, calibrations, recorded runs. A wheel has it inside the package, a checkout
# beside it.
_IN_WHEEL, _IN_CHECKOUT = Path(__file__).parent / "assets", Path(__file__).parents[1] / "assets"
ASSETS = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_CHECKOUT


def home() -> Path:
    """The data folder: ``LOOKSLIKEWHO_HOME``, or the platform's folder for user data."""
    return Path(os.environ.get("LOOKSLIKEWHO_HOME") or platformdirs.user_data_dir("lookslikewho", appauthor=False))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk or missing permission, at ``path`` or around it, into a StorageError.

    The operating system does not name the file if the disk becomes full while writing.
    """
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        failed = Path(error.filename or path)
        ours = failed.is_relative_to(path.parent) or path.is_relative_to(failed)
        if error.errno not in _UNWRITABLE or not ours:
            raise
        if any(part.endswith(_UNFINISHED) for part in failed.parts):
            failed = path
        raise StorageError(
            f"{encodable(str(failed))} cannot be written: {os.strerror(error.errno)}. "
            "Free some space, or set LOOKSLIKEWHO_HOME to another folder."
        ) from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path, for a file or folder, that replaces ``path`` unless the block raises.

    Raises StorageError if the disk is full or the folder is read-only.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        with _workplace(path) as workplace:
            temporary = workplace / path.name
            yield temporary
            if temporary.is_dir():
                _remove(path)
            temporary.replace(path)


@contextmanager
def _workplace(path: Path) -> Iterator[Path]:
    """A folder for the temporary file, locked until the block ends or the process is killed."""
    while True:
        workplace = Path(tempfile.mkdtemp(prefix=f".{path.name[:100]}.", suffix=_UNFINISHED, dir=path.parent))
        # Another process may take it for a leftover before it is locked.
        with suppress(FileNotFoundError):
            lock = os.open(workplace, os.O_RDONLY)
            with suppress(OSError):  # Some network file systems have no locks.
                fcntl.flock(lock, fcntl.LOCK_EX)
            if workplace.exists():
                break
            os.close(lock)
    try:
        yield workplace
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
        os.close(lock)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in ``folder`` while writing."""
    for path in folder.glob(f".*{_UNFINISHED}"):
        with suppress(OSError):  # Somebody is writing it, has just removed it, or the folder is read-only.
            lock = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path)
            finally:
                os.close(lock)


def delete_folder(folder: Path) -> None:
    """Delete a folder at once: where the process is killed, what is left of it has the name of a leftover."""
    # Not a folder in a new one, which could not be made on a full disk.
    gone = folder.with_name(f".{folder.name[:100]}.{os.getpid()}-{time.time_ns():x}{_UNFINISHED}")
    with writing(folder):
        folder.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def set_aside(path: Path, problem: str) -> None:
    """Rename a file that cannot be read, so that its content is not lost, and tell the user."""
    names = (path.with_stem(f"{path.stem}-unreadable-{number}") for number in itertools.count(1))
    kept = next(name for name in names if not name.exists())
    with writing(path):
        path.replace(kept)
    notices.tell(f"{path.name} cannot be read ({problem}), so it was renamed to {kept.name} and is made anew.")


def set_aside_files(path: Path) -> list[Path]:
    """The files that :func:`set_aside` has made of ``path``."""
    return list(path.parent.glob(f"{path.stem}-unreadable-*{path.suffix}"))


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file, or None if it is missing, damaged or not an object."""
    try:
        # Editors on Windows put a byte order mark first.
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest with its date and hash. Write it last: a folder without a manifest is unfinished."""
    written = {**manifest, "written": datetime.now(UTC).isoformat(timespec="seconds")}
    write_json(folder / MANIFEST, with_digest(written))


def with_digest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for a JSON file with a hash of them, but for their date."""
    return {**values, DIGEST: _digest(values)}


def is_as_written(values: Mapping[str, Any]) -> bool:
    """Whether values are those that their hash is of. Files of earlier versions have no hash."""
    return values.get(DIGEST) in (None, _digest(values))


def _digest(values: Mapping[str, Any]) -> str:
    said = {key: value for key, value in values.items() if key not in ("written", DIGEST)}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of an artefact, or None if it is missing or damaged."""
    return read_json(folder / MANIFEST)


def sha256(path: Path) -> str:
    """The hex digest of a file, read in chunks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> dict[str, Any]:
    """The name, hash and size of a file, and the hash of a sample of a large one, for a manifest."""
    size = path.stat().st_size
    return {"name": path.name, "sha256": sha256(path), "bytes": size} | (
        {"sample": _sample(path, size)} if size > _WHOLE_MAX else {}
    )


def has_changed(path: Path, known: Mapping[str, Any], *, whole: bool = False) -> bool:
    """Whether a file differs from its fingerprint; of a large one, only the sample is read unless ``whole``.

    A fingerprint of an earlier version says nothing of size and sample. Raises OSError if the file cannot be read.
    """
    size = path.stat().st_size
    if size != known.get("bytes", size):
        return True
    if whole or ("bytes" in known and size <= _WHOLE_MAX):
        return sha256(path) != known["sha256"]
    return "sample" in known and _sample(path, size) != known["sample"]


def _sample(path: Path, size: int) -> str:
    """The hash of blocks from the whole length of the first ``size`` bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for place in np.linspace(0, max(size - _BLOCK_BYTES, 0), _BLOCKS, dtype=np.int64).tolist():
            file.seek(place)
            digest.update(file.read(min(_BLOCK_BYTES, size - place)))
    return digest.hexdigest()


def seal(path: Path) -> None:
    """Append the hash of a file to it, for :func:`is_whole`. Formats that end by themselves can be read as before."""
    size = path.stat().st_size
    end = bytes.fromhex(sha256(path) + _sample(path, size)) + _SEAL
    with path.open("ab") as file:
        file.write(end)


def is_sealed(path: Path) -> bool:
    """Whether a file has a seal, intact or not. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(_SEAL), 0))
        return file.read() == _SEAL


def is_whole(path: Path, *, quick: bool = False) -> bool:
    """Whether a file is as it was when it was sealed. ``quick``: only a sample of a large one is read."""
    try:
        size = path.stat().st_size - _SEAL_BYTES
        if size < 0 or not is_sealed(path):
            return False
        with path.open("rb") as file:
            whole = "" if quick and size > _WHOLE_MAX else _sha256_of(file, size)
            file.seek(size)
            known = file.read(32).hex()
            return whole in ("", known) and file.read(32).hex() == _sample(path, size)
    except OSError:
        return False


def _sha256_of(file: IO[bytes], size: int) -> str:
    digest = hashlib.sha256()
    while size > 0 and (block := file.read(min(size, 1 << 20))):
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()


def encodable(text: str) -> str:
    """Text as valid UTF-8: file names may contain other bytes, which are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
