"""A training that is killed, and goes on when it is begun again."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import storage
from tests.conftest import unit_rows
from train import usage
from train.runs import files

PEOPLE, PHOTOS, EPOCHS = 60, 4, 3


def train() -> None:
    """Train for a few epochs on people drawn by chance, and evaluate."""
    from train.fit import fit
    from train.settings import FitSettings

    labels = np.repeat(np.arange(PEOPLE), PHOTOS)
    settings = FitSettings(epochs=EPOCHS, steps_per_epoch=5)
    names = [f"Person {label}" for label in labels]
    fit(files.run_folder("mine"), unit_rows(len(labels), 0, 32), labels, settings, names=names)


def without_clocks(path: Path) -> bytes:
    """What a file says whenever it was written, however long that took; all of one that is half written."""
    if path.parent.name.endswith(".part"):
        return path.read_bytes()
    if path.name == files.HISTORY:
        return pd.read_csv(path).drop(columns=list(usage.COLUMNS), errors="ignore").to_csv().encode()
    if path.name == files.RESULT:
        result = json.loads(path.read_bytes())
        return json.dumps({name: value for name, value in result.items() if name not in usage.COLUMNS}).encode()
    if path.name == files.MODEL:
        with zipfile.ZipFile(path) as archive:
            return b"".join(archive.read(name) for name in archive.namelist() if name != "metadata.json")
    lines = path.read_bytes().splitlines(keepends=True)
    is_manifest = path.name == storage.MANIFEST
    return b"".join(line for line in lines if not (is_manifest and b'"written"' in line))
