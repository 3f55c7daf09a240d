"""``tune``: search settings."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

from pipeline.cli.console import named, number, print_table, say, whole
from pipeline.gallery import opening
from pipeline.gallery.layout import DEMONSTRATION
from train.cli.shared import about, arguments_of, loading_tensorflow, names_of, run_name
from train.runs.files import run_folder
from train.runs.lineage import record_lineage
from train.runs.lock import run_lock
from train.settings import FitSettings


def tune(
    context: typer.Context,
    study: Annotated[str, named("What the study and its runs are called.")],
    gallery: Annotated[str, named("The gallery to train on.")] = DEMONSTRATION,
    trials: Annotated[int, number("Trials in all.")] = 20,
    epochs: Annotated[int, number("Epochs of a trial at most.")] = 8,
    steps_per_epoch: Annotated[int, number("Steps in an epoch.")] = 50,
    seed: Annotated[int, whole("Seed of everything random.")] = 0,
) -> None:
    """Search settings by many small runs (Optuna).

    Each trial is a run. The same command continues the study.
    """
    study = run_name(study)
    settings = FitSettings(epochs=epochs, steps_per_epoch=steps_per_epoch, seed=seed)
    opened = opening.open_gallery(gallery)
    with loading_tensorflow():
        from train import fit as training
        from train import tune as tuning

    notes, names = {**about(opened), "study": study}, names_of(opened).tolist()
    labels = opened.person_of_row.astype(np.int64)

    def train(name: str, settings: FitSettings) -> dict[str, float]:
        folder = run_folder(name)
        with run_lock(folder, arguments_of(context)):
            record_lineage(folder, opened)
            return training.fit(folder, opened.embeddings, labels, settings, about=notes, names=names)

    rows = tuning.run_study(study, settings, trials, train)
    print_table(("run", "rank-1", "MRR", "settings"), rows, numbers={1, 2})
    say(f"Cosine on the same people: rank-1 {tuning.cosine_rank_1(study):.4f}")
