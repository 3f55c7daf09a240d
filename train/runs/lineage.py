"""Where a run comes from and what became of it: gallery, data, code, run, what was released."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import __version__, storage
from pipeline.similarity import files as network_files
from train.runs.files import LINEAGE
from train.runs.lock import utc_now

if TYPE_CHECKING:
    from pipeline.gallery.gallery import Gallery

_PROJECT = Path(__file__).parents[2]
_GIT_SECONDS = 10


def record_lineage(folder: Path, opened: Gallery) -> None:
    """Write down from what a run is trained, once: a run that is continued keeps what it has begun with."""
    folder.mkdir(parents=True, exist_ok=True)
    if storage.read_json(folder / LINEAGE) is None:
        # Galleries of earlier versions have no hash.
        digest = opened.manifest.get(storage.DIGEST) or storage.with_digest(opened.manifest)[storage.DIGEST]
        lineage = {
            "gallery": opened.name,
            "gallery_sha256": digest,
            "people": opened.people_count,
            "faces": len(opened),
            "embedding": opened.manifest["embedding"].get("model"),
            "version": __version__,
            "commit": _commit(),
            "begun": utc_now(),
        }
        storage.write_json(folder / LINEAGE, lineage)


def read_lineage(folder: Path) -> dict[str, Any]:
    """What was written down; empty for runs of earlier versions, and if it is damaged."""
    return storage.read_json(folder / LINEAGE) or {}


def released_for(folder: Path) -> list[str]:
    """The embedders whose galleries are ranked by exactly this run's network, because it was released."""
    own = _weights(folder)
    roots = (network_files.released(), network_files.SHIPPED)
    found = [path for root in roots if own and root.is_dir() for path in sorted(root.iterdir())]
    return list(dict.fromkeys(path.name for path in found if _weights(path) == own))


def _weights(folder: Path) -> str | None:
    """The hash of the weights of a network."""
    with suppress(KeyError, TypeError):
        return str((storage.read_manifest(folder) or {})["weights"]["sha256"])
    return None


def _commit() -> str | None:
    """The commit of the code, with a mark if it was changed since. None outside a checkout."""
    if not (_PROJECT / ".git").exists():
        return None
    with suppress(OSError, subprocess.SubprocessError):
        command = ("git", "describe", "--always", "--dirty", "--abbrev=12")
        done = subprocess.run(command, cwd=_PROJECT, capture_output=True, text=True, timeout=_GIT_SECONDS, check=True)
        return done.stdout.strip() or None
    return None
