"""Fitting the encoder and the similarity net on embeddings, in a run's folder."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.errors import UserError
from pipeline.similarity import files
from train.batches import Block, FitBatches
from train.callbacks import Checkpoint, DivergenceCheck, HistoryWriter, Patience
from train.epoch_measures import DRAWS, EpochMeasures, LabelledPhotos, quadruplet_distances
from train.evaluation import protocols, report
from train.evaluation.calibration import calibration_of_people
from train.evaluation.distances import cosine_distances, network_distances
from train.networks import Similarity
from train.options import LOSSES
from train.runs.checkpoints import restore_variables, resume
from train.runs.config import store_config
from train.runs.evaluations import has_evaluation, write_evaluation
from train.runs.files import BEST_WEIGHTS, MODEL, run_folder
from train.runs.geometry import append_geometry, has_geometry, truncate_geometry
from train.runs.history import best_epoch
from train.runs.networks import model_is_readable, network_is_readable, read_model
from train.runs.results import read_result, write_result
from train.sampling import split_people
from train.settings import FitSettings
from train.steps import Learner, TrainBlock, compile_block, compile_forward
from train.within_person import within_person_map


def fit(
    folder: Path,
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    settings: FitSettings,
    *,
    held_out: NDArray[np.bool_] | None = None,
    about: dict[str, Any] | None = None,
    names: Sequence[str] | None = None,
    profile: bool = False,
) -> dict[str, float]:
    """Train in ``folder``, or resume the run that was stopped there; returns the row of the best epoch.

    A finished run is only evaluated, if it has no evaluation yet. Damaged files are set aside and made anew.

    embeddings: (photos, d) unit rows, or (photos, variants, d) with the original first; training uses all
        variants, measuring the originals.
    labels: (photos,), the person of each photo.
    held_out: (photos,), the photos of people kept from training; drawn by ``held_out_share`` if None.
    about: stored with the settings.
    names: (photos,), the people's names for the evaluation; no evaluation without them.
    profile: also time, after each epoch, how much of its steps is forward. It compiles the forward pass once more.

    Raises UserError if the folder holds a run with other settings, if there are too few people, or if the loss cannot
    train the network.
    """
    variants = embeddings if embeddings.ndim == 3 else embeddings[:, None]
    originals = variants[:, 0]
    if not LOSSES[settings.loss].fits(settings.network):
        raise UserError(f"The loss {settings.loss} trains the encoder alone. Choose the network residual.")
    if held_out is None:
        held_out = split_people(labels, settings.held_out_share, settings.seed)
    store_config(folder, {"settings": asdict(settings), **(about or {})}, asdict(FitSettings()))
    measured = originals[held_out], labels[held_out]
    best, has_model = read_result(folder), model_is_readable(folder)
    if best is None or not has_model:
        keras.utils.set_random_seed(settings.seed)
        similarity, trained = _untrained(originals, labels, held_out, settings)
        people, numbers = np.unique(labels[trained], return_inverse=True)
        learner = Learner(similarity, LOSSES[settings.loss].takes, len(people))
        _train(folder, learner, FitBatches(variants[trained], numbers, settings), measured, profile=profile)
        with storage.atomic_path(folder / MODEL) as temporary:
            similarity.save(temporary)
        best = best_epoch(folder)
        _write_network(folder, similarity, measured, about or {})
    elif not network_is_readable(folder):
        _write_network(folder, read_model(folder), measured, about or {})
    if names is not None and not has_evaluation(folder):
        photos = np.flatnonzero(held_out)
        _evaluate(folder, measured, photos, [names[photo] for photo in photos.tolist()])
        _complete_geometry(folder, measured, epoch=int(best["epoch"]), seed=settings.seed)
    write_result(folder, best)
    return best


def _untrained(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], held_out: NDArray[np.bool_], settings: FitSettings
) -> tuple[Similarity, NDArray[np.bool_]]:
    """The network before training, and the photos (photos,) to train it on."""
    cohort = _cohort(labels, ~held_out, settings)
    similarity = Similarity(settings.network.for_rows(embeddings.shape[1], len(cohort)))
    blank = np.zeros((4, embeddings.shape[1]), np.float32)
    similarity([blank, blank])
    if settings.network.wccn:
        kernel = within_person_map(embeddings[~held_out], labels[~held_out], shrinkage=settings.network.wccn)
        similarity.encoder_layers[0].kernel.assign(kernel)
    if len(cohort):
        similarity.cohort.assign(embeddings[cohort])
    if settings.start:
        _load_start_weights(similarity, settings.start)
    return similarity, ~held_out & ~np.isin(labels, labels[cohort])


def _train(folder: Path, learner: Learner, batches: FitBatches, held_out: LabelledPhotos, *, profile: bool) -> None:
    """Train until patience or epochs run out, and restore the best weights."""
    settings, similarity = batches.settings, learner.similarity
    blank = np.zeros((4, batches.table.shape[1]), np.float32)
    learner(blank[None] if learner.takes == "distances" else blank)
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    optimizer.build(learner.trainable_variables)

    def variables() -> list[Any]:
        return [*learner.variables, *optimizer.variables]

    done = resume(folder, variables(), best_is_complete=True)
    truncate_geometry(folder, -1 if done is None else done)
    measures = EpochMeasures(batches, held_out)
    loss = LOSSES[settings.loss].build(settings)
    forward = compile_forward(learner, loss, batches.table) if profile else None

    def measure(epoch: int) -> dict[str, float]:
        within = measures.quadruplet_distances(similarity)
        append_geometry(folder, epoch, within)
        more = {"forward_seconds": _forward_seconds(forward, batches, similarity)} if forward else {}
        return measures.row(similarity, within) | more

    history = HistoryWriter(folder, optimizer, measure=measure, variables=variables, epochs=settings.epochs)
    patience = Patience(folder, settings.patience_epochs, optimizer)
    parts = [DivergenceCheck(optimizer, variables), history, patience, Checkpoint(folder, variables)]
    callbacks = keras.callbacks.CallbackList(parts, model=learner)
    callbacks.on_train_begin()
    train_block = compile_block(learner, optimizer, loss, batches.table)
    for epoch in range(done or 0, settings.epochs):
        if patience.exhausted:
            break
        callbacks.on_epoch_begin(epoch)
        callbacks.on_epoch_end(epoch, _train_epoch(batches.blocks(epoch, similarity.to_numpy()), train_block))
    callbacks.on_train_end()
    restore_variables(variables(), folder / BEST_WEIGHTS)


def _train_epoch(blocks: Iterator[Block], train_block: TrainBlock) -> dict[str, float]:
    """Train on the blocks of an epoch: the mean loss of a step, and the seconds that drawing the batches took."""
    losses: list[float] = []
    steps: list[int] = []
    data_seconds = 0.0
    while True:
        started = time.perf_counter()
        block = next(blocks, None)
        data_seconds += time.perf_counter() - started
        if block is None:
            return {"loss": float(np.average(losses, weights=steps)), "data_seconds": data_seconds}
        losses.append(train_block(*block))
        steps.append(len(block[0]))


def _forward_seconds(forward: TrainBlock, batches: FitBatches, similarity: Similarity) -> float:
    """How long the forward pass of an epoch's steps takes, from its first block."""
    block = next(batches.blocks(0, similarity.to_numpy()))
    # The first call of a shape compiles.
    forward(*block)
    started = time.perf_counter()
    forward(*block)
    return (time.perf_counter() - started) * batches.settings.steps_per_epoch / len(block[0])


def _write_network(folder: Path, similarity: Similarity, held_out: LabelledPhotos, about: dict[str, Any]) -> None:
    """Write the network for the pipeline, with a calibration fitted on the held-out people."""
    network = similarity.to_numpy()
    files.write_network(folder, network, calibration_of_people(*held_out, network_distances(network)), about)


def _evaluate(folder: Path, held_out: LabelledPhotos, photos: NDArray[np.int64], names: Sequence[str]) -> None:
    """Evaluate the network on the held-out photos, and cosine for comparison."""
    similarity = read_model(folder)
    ways = {"network": network_distances(similarity.to_numpy()), "cosine": cosine_distances}
    draws = protocols.one_shot_draws(held_out[1], DRAWS["held_out"])
    write_evaluation(folder, report.evaluation(*held_out, names, photos=photos, ways=ways, draws=draws))


def _complete_geometry(folder: Path, held_out: LabelledPhotos, *, epoch: int, seed: int) -> None:
    """Add the geometry of the best epoch to a run that has none: one of an earlier version, or with a lost file."""
    if not has_geometry(folder):
        similarity = read_model(folder)
        within = {"held_out": quadruplet_distances(similarity, *held_out, seed=seed)}
        append_geometry(folder, epoch, within)


def _cohort(labels: NDArray[np.int64], allowed: NDArray[np.bool_], settings: FitSettings) -> NDArray[np.int64]:
    """One photo of each cohort person: people with a single photo first, at most half of all people."""
    people, first, counts = np.unique(labels[allowed], return_index=True, return_counts=True)
    random = np.random.default_rng(settings.seed)
    order = np.lexsort((random.random(len(people)), counts > 1))
    return np.flatnonzero(allowed)[first[order[: min(settings.network.cohort, len(people) // 2)]]]


def _load_start_weights(similarity: Similarity, run: str) -> None:
    """Start from the best weights of another run. Raises UserError if it has none, or of another shape."""
    folder = run_folder(run)
    if not (folder / MODEL).is_file():
        raise UserError(f"There is no finished run {run} to start from.")
    weights = read_model(folder).get_weights()
    if [weight.shape for weight in weights] != [weight.shape for weight in similarity.get_weights()]:
        raise UserError(f"The run {run} has a network of another shape.")
    similarity.set_weights(weights)
