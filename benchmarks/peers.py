"""Run deepface in its own environment (``make .venv-peers/installed``) with the same weights."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

from pipeline import downloads, storage
from pipeline.errors import UserError

Name = TypeVar("Name", bound=Hashable)


def deepface(jobs: dict[Name, dict[str, Any]]) -> dict[Name, Any]:
    """Results of :mod:`benchmarks.peer_deepface` by job name, all run in one fresh process.

    Raises UserError where its environment is missing, RuntimeError with its own words where a job fails.
    """
    with tempfile.TemporaryDirectory() as place:
        given, results, log = (Path(place) / name for name in ("jobs.json", "results.json", "log"))
        given.write_text(json.dumps(list(jobs.values())))
        script = Path(__file__).with_name("peer_deepface.py")
        with log.open("w") as words:
            command = [str(python()), str(script), str(given), str(results)]
            done = subprocess.run(command, env=variables(), stdout=words, stderr=words, check=False)
        if done.returncode:
            raise RuntimeError(f"deepface failed:\n{log.read_text()}")
        return dict(zip(jobs, json.loads(results.read_text()), strict=True))


def python() -> Path:
    """The Python of its environment. Raises UserError if it is missing."""
    path = Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"
    if not path.is_file():
        raise UserError("deepface is not installed.", command="make .venv-peers/installed")
    return path


def variables() -> dict[str, str]:
    """Its environment variables: its own data folder, and no log messages."""
    return {**os.environ, "DEEPFACE_HOME": str(_home()), "DEEPFACE_LOG_LEVEL": "100"}


def _home() -> Path:
    """Its data folder, with our original weights file instead of its own download of the same file."""
    folder = storage.home() / "benchmarks" / "deepface"
    path = folder / ".deepface" / "weights" / "facenet_weights.h5"
    if not path.is_file():
        ((_, content),) = downloads.members(
            downloads.fetch(downloads.FACENET), lambda name: name.endswith("facenet_keras.h5")
        )
        with storage.atomic_path(path) as temporary:
            temporary.write_bytes(content)
    return folder
