"""``tune``: search settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import typer

from pipeline import ray_cluster
from pipeline.cli.console import named, number, print_table, say, whole
from pipeline.gallery import opening
from pipeline.gallery.layout import DEMONSTRATION
from train.cli.shared import about, arguments_of, loading_tensorflow, names_of, run_name
from train.runs.files import run_folder
from train.runs.lineage import record_lineage
from train.runs.lock import run_lock
from train.settings import FitSettings
from train.tune import cosine_rank_1, run_study

Begin = Callable[[str, FitSettings], Future[dict[str, float]]]


def tune(
    context: typer.Context,
    study: Annotated[str, named("What the study and its runs are called.")],
    gallery: Annotated[str, named("The gallery to train on.")] = DEMONSTRATION,
    trials: Annotated[int, number("Trials in all.")] = 20,
    epochs: Annotated[int, number("Epochs of a trial at most.")] = 8,
    steps_per_epoch: Annotated[int, number("Steps in an epoch.")] = 50,
    seed: Annotated[int, whole("Seed of everything random.")] = 0,
    ray: Annotated[
        str | None,
        named(
            "Run trials at once, by workers in a Ray cluster: local, a worker for each core of this machine, or the "
            "address of a cluster that shares the data folder.",
            "local|ADDRESS",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Search settings by many small runs (Optuna).

    Each trial is a run. The same command continues the study.
    """
    study = run_name(study)
    settings = FitSettings(epochs=epochs, steps_per_epoch=steps_per_epoch, seed=seed)
    opening.open_gallery(gallery)  # Before anything is loaded.
    train = TrainTrial(gallery, study, tuple(arguments_of(context)))
    with trials_at(ray, train) if ray else nullcontext((partial(_finished, train), 1)) as (begin, at_once):
        rows = run_study(study, settings, trials, begin, at_once=at_once)
    print_table(("run", "rank-1", "MRR", "settings"), rows, numbers={1, 2})
    say(f"Cosine on the same people: rank-1 {cosine_rank_1(study):.4f}")


@dataclass(frozen=True)
class TrainTrial:
    """Trains a trial of a study, in this process or in a worker. arguments: of the command that does."""

    gallery: str
    study: str
    arguments: tuple[str, ...]

    def __call__(self, name: str, settings: FitSettings) -> dict[str, float]:
        """Train a run of this name; returns the row of its best epoch."""
        opened, folder = opening.open_gallery(self.gallery), run_folder(name)
        with loading_tensorflow():
            from train.fit import fit
        with run_lock(folder, list(self.arguments)):
            record_lineage(folder, opened)
            labels, notes = opened.person_of_row.astype(np.int64), {**about(opened), "study": self.study}
            return fit(folder, opened.embeddings, labels, settings, about=notes, names=names_of(opened).tolist())


def _finished(train: TrainTrial, name: str, settings: FitSettings) -> Future[dict[str, float]]:
    """Train in this process."""
    done: Future[dict[str, float]] = Future()
    done.set_result(train(name, settings))
    return done


@contextmanager
def trials_at(address: str, train: TrainTrial) -> Iterator[tuple[Begin, int]]:
    """What begins a trial on a worker in a Ray cluster, and how many workers there are. Raises UserError."""
    with ray_cluster.connected(address) as ray:

        def begin(name: str, settings: FitSettings) -> Future[dict[str, float]]:
            future: Future[dict[str, float]] = (
                ray.remote(num_cpus=1)(TrainTrial.__call__).remote(train, name, settings).future()
            )
            return future

        yield begin, int(ray.cluster_resources()["CPU"])
