"""Hyperparameter search with Optuna (Akiba et al. 2019): many small runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError
from pipeline.storage import atomic_path, set_aside
from train.options import LOSSES, MINING, NETWORKS
from train.runs import files
from train.runs.results import read_result
from train.settings import FitSettings

if TYPE_CHECKING:
    import optuna

# Range of each margin, and whether it is drawn on a logarithmic scale.
MARGINS = {"alpha": (0.02, 0.5, True), "beta": (0.005, 0.2, True), "margin": (0.05, 1.0, False)}
METRICS = {"30, 20, 10": (30, 20, 10), "64, 32": (64, 32), "128, 64, 32": (128, 64, 32)}
ENCODERS = {"128": (128,), "256, 128": (256, 128), "64": (64,)}


def run_study(
    study: str,
    settings: FitSettings,
    trials: int,
    train: Callable[[str, FitSettings], Future[dict[str, float]]],
    *,
    at_once: int = 1,
) -> list[tuple[str, str, str, str]]:
    """Run trials until the study has ``trials`` of them; returns them, best first: run, rank-1, MRR, parameters.

    train: trains a run with this name and settings, so many ``at_once``; its result is the row of the best epoch.
    A stopped study resumes: its journal is stored beside the runs, and the trials of a killed process are repeated.
    """
    import optuna

    optuna_study = _opened(study)
    complete = [optuna.trial.TrialState.COMPLETE]
    running: dict[Future[dict[str, float]], optuna.Trial] = {}
    done = len(optuna_study.get_trials(states=complete))
    while running or done < trials:
        while len(running) < at_once and done + len(running) < trials:
            # A new sampler per trial, so that a resumed study draws the same parameters.
            optuna_study.sampler = optuna.samplers.TPESampler(seed=settings.seed + done + len(running))
            trial = optuna_study.ask()
            name = f"{study}-{trial.number:03d}"
            print(f"{name}: {trial.number + 1} of {trials}")
            running[train(name, draw_settings(trial, settings))] = trial
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            _tell(optuna_study, running.pop(future), future.result())
            done += 1
    ranked = sorted(optuna_study.get_trials(states=complete), key=lambda trial: -(trial.value or 0))
    return [
        (
            f"{study}-{trial.number:03d}",
            f"{trial.user_attrs['rank_1']:.4f}",
            f"{trial.value:.4f}",
            ", ".join(f"{name} {_as_text(value)}" for name, value in trial.params.items()),
        )
        for trial in ranked
    ]


def _opened(study: str) -> optuna.Study:
    """The study as its journal has it, or a new one. It begins with the trials that a killed process has left."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = files.run_folder(f"{study}.journal")
    journal.parent.mkdir(parents=True, exist_ok=True)
    _repair(journal)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    opened = optuna.create_study(study_name=study, storage=storage, direction="maximize", load_if_exists=True)
    for trial in opened.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        opened.enqueue_trial(trial.params)
        opened.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return opened


def _tell(study: optuna.Study, trial: optuna.Trial, best: Mapping[str, float]) -> None:
    """Note what a trial has reached."""
    trial.set_user_attr("rank_1", best["held_out_rank_1"])
    trial.set_user_attr("cosine_rank_1", best["held_out_cosine_rank_1"])
    # Rank-1 has many ties in small galleries.
    study.tell(trial, best["held_out_mrr"])


def _repair(journal: Path) -> None:
    """Cut off a last line that was half written. A journal with other damage is set aside; its runs stay."""
    if not journal.is_file():
        return
    lines = journal.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
        with atomic_path(journal) as temporary:
            temporary.write_bytes(b"".join(lines))
    try:
        for line in lines:
            json.loads(line)["op_code"]
    except (ValueError, KeyError, TypeError):
        set_aside(journal, "it is damaged")


def draw_settings(trial: optuna.Trial, settings: FitSettings) -> FitSettings:
    """Draw a trial's network, sizes, dropout, activation, loss, margins, mining, batch size and learning rate."""
    kind = trial.suggest_categorical("network", ["symmetric", "residual", "cohort"])
    network = NETWORKS[kind].settings
    if kind != "cohort":
        network = replace(
            network,
            metric_units=METRICS[trial.suggest_categorical("metric", list(METRICS))],
            metric_activation=trial.suggest_categorical("activation", ["relu", "tanh"]),
            dropout=trial.suggest_float("dropout", 0.0, 0.5),
        )
    if kind == "symmetric":
        network = replace(network, encoder_units=ENCODERS[trial.suggest_categorical("encoder", list(ENCODERS))])
    loss = trial.suggest_categorical("loss", [name for name, option in LOSSES.items() if option.takes == "distances"])
    margins: dict[str, Any] = {}
    for name in LOSSES[loss].parameters.values():
        low, high, logarithmic = MARGINS[name]
        margins[name] = trial.suggest_float(name, low, high, log=logarithmic)
    return replace(
        settings,
        network=network,
        loss=loss,
        **margins,
        mining=trial.suggest_categorical("mining", list(MINING)),
        batch_size=trial.suggest_categorical("batch_size", [64, 256, 1024]),
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
    )


def cosine_rank_1(study: str) -> float:
    """Rank-1 of cosine on the held-out people of a study. Raises UserError if it has no finished run."""
    result = read_result(files.run_folder(f"{study}-000"))
    if result is None:
        raise UserError(f"The study {study} has no finished run.")
    return result["held_out_cosine_rank_1"]


def _as_text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
