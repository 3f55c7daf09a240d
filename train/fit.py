"""TODO."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline import storage
from pipeline.errors import UserError
from pipeline.similarity import files
from train.batches import FitBatches
from train.callbacks import DRAWS, EpochRecorder, quadruplet_distances, state_of
from train.evaluation import protocols, report
from train.evaluation.distances import cosine_distances, network_distances
from train.networks import Similarity
from train.options import LOSSES
from train.runs import geometry, history
from train.runs.checkpoints import restore_variables
from train.runs.config import store_config
from train.runs.files import BEST_WEIGHTS, CHECKPOINT, EVALUATION, GEOMETRY, MODEL, RESULT, run_folder
from train.runs.history import best_epoch
from train.sampling import split_people
from train.settings import FitSettings
from train.steps import Learner, compiled

Tensor = Any


def fit(
    folder: Path,
    embeddings: np.ndarray,
    labels: np.ndarray,
    settings: FitSettings,
    held_out: np.ndarray | None = None,
    about: dict[str, Any] | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, float]:
    """Train in ``folder``, or go on with the run that was stopped there; returns the row of the best epoch.

    A run that is finished is left as it is, and evaluated where it is not yet.

    embeddings float32 (photos, 128) unit rows, or (photos, variants, 128) with the original first: variants are for
    training, and measured is the original. labels (photos,); held_out bool (photos,) marks people kept from
    training, drawn by ``held_out_share`` where it is None. ``about`` is kept with the settings.
    names (photos,) are what people are called in the evaluation, which is kept only with them.

    Raises UserError where the folder holds a run of other settings, where there are too few people, or where the
    loss cannot train the network.
    """
    variants = embeddings if embeddings.ndim == 3 else embeddings[:, None]
    embeddings = variants[:, 0]
    takes = LOSSES[settings.loss].takes
    if not LOSSES[settings.loss].fits(settings.network):
        raise UserError(f"The loss {settings.loss} trains the encoder alone. Choose the network residual.")
    held_out = split_people(labels, settings.held_out_share, settings.seed) if held_out is None else held_out
    store_config(folder, {"settings": asdict(settings), **(about or {})})
    if (folder / RESULT).is_file() and (folder / MODEL).is_file():
        best = best_epoch(folder)
        if names is not None and not (folder / EVALUATION).is_file():
            similarity = keras.saving.load_model(folder / MODEL)
            write_evaluation(folder, similarity, embeddings, labels, held_out, names)
            # Runs of earlier versions lack this as well.
            if not (folder / GEOMETRY).is_file():
                apart = quadruplet_distances(similarity, embeddings[held_out], labels[held_out], settings.seed)
                geometry.append_geometry(folder, int(best["epoch"]), {"held_out": apart})
        return best
    keras.utils.set_random_seed(settings.seed)
    cohort = _cohort(labels, ~held_out, settings)
    trained = ~held_out & ~np.isin(labels, labels[cohort])
    people, numbers = np.unique(labels[trained], return_inverse=True)
    batches = FitBatches(variants[trained], numbers, settings, takes)
    similarity = Similarity(replace(settings.network, cohort=len(cohort)))
    blank = np.zeros((4, embeddings.shape[1]), np.float32)
    similarity([blank, blank])
    if len(cohort):
        similarity.cohort.assign(embeddings[cohort])
    if settings.start:
        _load_start_weights(similarity, settings.start)
    model = Learner(similarity, takes, len(people))
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    model(blank[None] if takes == "distances" else blank)
    optimizer.build(model.trainable_variables)
    begun = 0
    known = (folder / CHECKPOINT).is_file()
    if known:
        begun = restore_variables(state_of(model, optimizer), folder / CHECKPOINT)
    for keep in (history.truncate_history, geometry.truncate_geometry):
        keep(folder, begun if known else -1)
    progress = EpochRecorder(folder, model, optimizer, batches, (embeddings[held_out], labels[held_out]))
    if not known:
        progress.begin()
    train = compiled(model, optimizer, LOSSES[settings.loss].build(batches.settings), batches.table)
    for epoch in range(begun, settings.epochs):
        if progress.waited(epoch) >= settings.patience_epochs:
            break
        start = time.perf_counter()
        found = [(train(*drawn), len(drawn[0])) for drawn in batches.blocks(epoch, similarity.arrays())]
        seconds = time.perf_counter() - start
        values, counts = zip(*found, strict=True)
        progress.end(epoch + 1, float(np.average(values, weights=counts)), seconds)
    restore_variables(state_of(model, optimizer), folder / BEST_WEIGHTS)
    similarity.save(folder / MODEL)
    files.write_network(folder, similarity.arrays(), None, about or {})
    if names is not None:
        write_evaluation(folder, similarity, embeddings, labels, held_out, names)
    best = best_epoch(folder)
    storage.write_json(folder / RESULT, history.finite_row(best))
    return best


def write_evaluation(
    folder: Path,
    similarity: Similarity,
    embeddings: np.ndarray,
    labels: np.ndarray,
    held_out: np.ndarray,
    names: Sequence[str],
) -> None:
    """Keep how a network ranks and verifies the held-out photos, bool (photos,), beside cosine."""
    photos = np.flatnonzero(held_out)
    ways = {"network": network_distances(similarity.arrays()), "cosine": cosine_distances}
    theirs = embeddings[photos], labels[photos], [names[photo] for photo in photos.tolist()]
    draws = protocols.one_shot_draws(labels[photos], DRAWS["held_out"])
    storage.write_json(folder / EVALUATION, report.evaluation(*theirs, photos=photos, ways=ways, draws=draws))


def _cohort(labels: np.ndarray, allowed: np.ndarray, settings: FitSettings) -> np.ndarray:
    """One photo of each of some people, who are not trained on: those with one photo first, at most half of all."""
    people, first, counts = np.unique(labels[allowed], return_index=True, return_counts=True)
    random = np.random.default_rng(settings.seed)
    order = np.lexsort((random.random(len(people)), counts > 1))
    return np.flatnonzero(allowed)[first[order[: min(settings.network.cohort, len(people) // 2)]]]


def _load_start_weights(similarity: Similarity, run: str) -> None:
    """Begin with the best weights of another run. Raises UserError where there is none, or one of another shape."""
    path = run_folder(run) / MODEL
    if not path.is_file():
        raise UserError(f"There is no finished run {run} to start from.")
    weights = keras.saving.load_model(path).get_weights()
    if [weight.shape for weight in weights] != [weight.shape for weight in similarity.get_weights()]:
        raise UserError(f"The run {run} has a network of another shape.")
    similarity.set_weights(weights)
