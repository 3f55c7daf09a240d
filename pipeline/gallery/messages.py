"""What users are told about a gallery that cannot be opened."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.gallery.layout import DEMONSTRATION, names, photos_folder

if TYPE_CHECKING:
    pass


def missing(name: str, folder: Path) -> str:
    """Why there is no gallery ``name`` to open, and what to do."""
    if (folder / "building").is_dir():
        return f"The gallery {name} is not finished. Go on with it: {build_command(name)}"
    if name == DEMONSTRATION:
        return "The demonstration gallery is not there yet. Run: python -m pipeline setup"
    known = ", ".join(names()) or "none yet"
    return f"There is no gallery {name} (there are: {known}). Make it: {build_command(name)}"


def damaged(name: str, error: Exception) -> str:
    """What is damaged, and what to do."""
    return f"The gallery {name} is damaged ({reason(error)}). {rebuild(name)}"


def rebuild(name: str) -> str:
    """How to rebuild a gallery."""
    return f"Make it anew: {build_command(name)} --fresh"


def build_command(name: str) -> str:
    """The command that builds a gallery."""
    if name == DEMONSTRATION:
        return "python -m pipeline setup"
    # Photos that were added by hand are built without being named.
    where = "" if photos_folder(name).is_dir() else "FOLDER "
    return f"python -m pipeline build {where}--gallery {shlex.quote(name)}"


def model_of(manifest: dict[str, Any]) -> str:
    """The model that a gallery was made with."""
    embedding = manifest.get("embedding")
    return str(embedding.get("model")) if isinstance(embedding, dict) else "unknown"


def reason(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, FileNotFoundError):
        # Arrow gives the path as the message.
        return f"{Path(error.filename or str(error)).name} is missing"
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
