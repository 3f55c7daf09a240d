"""The settings of a run: ``config.json``, written once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.errors import UserError
from train.runs.files import CONFIG


def store_config(folder: Path, config: dict[str, Any]) -> None:
    """Store the settings of a new run. Raises UserError if the folder holds a run with other settings."""
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads(json.dumps(config))
    known = storage.read_json(folder / CONFIG)
    if known is not None and known != config:
        raise UserError(f"The run {folder.name} already exists with other settings. Choose another name.")
    if known is None:
        storage.write_json(folder / CONFIG, config)
