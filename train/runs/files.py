"""Names of the files in a run's folder, and where runs are stored. Every reader and writer uses these names."""

from __future__ import annotations

from pathlib import Path

from pipeline import storage
from pipeline.errors import UserError
from pipeline.names import folder_in, problem
from pipeline.similarity.network_scorer import runs_folder

# Settings, and what they were applied to; written once, when the run starts.
CONFIG = "config.json"
# One row per epoch, and one line of distance histograms per epoch; appended while the run is trained.
HISTORY, GEOMETRY = "history.csv", "geometry.jsonl"
# Weights after the last epoch, with the optimizer's state, and after the best epoch.
CHECKPOINT, BEST_WEIGHTS = "checkpoint.npz", "best.npz"
# Written at the end: the best row, the best model, and its evaluation on held-out people.
RESULT, MODEL, EVALUATION = "result.json", "similarity.keras", "evaluation.json"
# FaceNet's weights at the end of a fine-tuning run.
FACENET_WEIGHTS = "facenet.weights.h5"
# The process that trains the run, and its output.
PROCESS, LOG = "process.json", "log.txt"
# What its owner says of it, and from what it was trained.
NOTES, LINEAGE = "notes.json", "lineage.json"
LOCK, STOP_REQUEST = ".lock", ".stop"

# What is recorded in the repository of a run.
RECORDED_FILES = (CONFIG, HISTORY, RESULT, EVALUATION, GEOMETRY)
RECORDED_RUNS = storage.ASSETS / "runs"


def run_folder(name: str) -> Path:
    """Folder of one of the user's runs, in any spelling of its name. Raises UserError if no run can have the name."""
    if text := problem(name, "run name", plain=True):
        raise UserError(text)
    return folder_in(runs_folder(), name)
