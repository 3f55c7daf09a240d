"""Fitting the encoder and the similarity net on embeddings, with everything that a viewer of runs wants to see."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from pipeline import storage
from pipeline.errors import UserError
from pipeline.similarity import files
from pipeline.similarity.network import Network
from train import sampling
from train.evaluation import protocols, report
from train.networks import Similarity
from train.options import LOSSES, MINING
from train.runs import geometry, runs
from train.sampling import split_people
from train.settings import FitSettings
from train.steps import PAIRS, Learner, compiled

Tensor = Any
BEST, CHECKPOINT = "best.npz", "checkpoint.npz"
# One-shot draws that are averaged: on the side that chooses the epoch, a single one would choose by luck.
_DRAWS = {"train": 1, "held_out": 3}
# So many of the people trained on say how far they are known by heart; what it takes grows with their square.
_MEASURED_MAX = 1000
# Quadruplets in a call: half a second or so, after which a signal is heard.
_BLOCK = 1 << 17
# What a call takes: places in the table, what the loss compares with, seeds of the dropout.
Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


class Batches:
    """The batches of each epoch, drawn from the seed and the epoch alone, so that a resumed run draws the same.

    variants float32 (photos, variants, 128): a photo that is drawn is shown as one of its variants, while mining
    and measuring look at the first. labels (photos,) numbered from 0. table float32 (photos * variants, 128).
    """

    def __init__(self, variants: np.ndarray, labels: np.ndarray, settings: FitSettings, takes: str) -> None:
        self.variants, self.labels, self.takes = variants.shape[1], labels, takes
        self.table = np.ascontiguousarray(variants).reshape(-1, variants.shape[2])
        self.embeddings = embeddings = variants[:, 0]
        self.people = sampling.People(labels)
        self.settings = settings.within(self.people) if takes == "codes" else settings
        self.neighbours = (
            sampling.nearest(embeddings, settings.neighbours) if settings.mining == "neighbours" else None
        )

    def blocks(self, epoch: int, network: Network | None = None) -> Iterator[Drawn]:
        """The epoch's steps, some at a time. network: what mining within batches looks with."""
        size, steps = self.settings.batch_size, self.settings.steps_per_epoch
        # Batches of codes differ in size, so that each is a block.
        most = 1 if self.takes == "codes" else max(_BLOCK // size, 1)
        # Blocks of one length, as far as can be: each length is compiled.
        most = -(-steps // -(-steps // most))
        for start in range(0, steps, most):
            random = np.random.default_rng((self.settings.seed, epoch, start))
            rows, targets = self._drawn(min(most, steps - start), random, network)
            seeds = random.integers(2**32, size=len(rows), dtype=np.uint32)
            yield self.shown(rows, random), targets.astype(np.int32), seeds

    def _drawn(
        self, steps: int, random: np.random.Generator, network: Network | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Photo numbers (steps, n) or (steps, n, 4), and what the loss compares with (steps, n)."""
        size = self.settings.batch_size
        if self.takes == "distances":
            return self.quadruplets(steps, random, network), np.zeros((steps, size))
        if self.takes == "logits":
            rows = random.integers(len(self.labels), size=(steps, size))
            return rows, self.labels[rows]
        rows = np.stack([self.photos(random) for _ in range(steps)])
        return rows, np.stack([np.unique(self.labels[batch], return_inverse=True)[1] for batch in rows])

    def shown(self, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Where one variant of each of these photos, at random, stands in the table: int32 (...)."""
        if self.variants > 1:
            rows = rows * self.variants + random.integers(self.variants, size=rows.shape)
        return rows.astype(np.int32)

    def photos(self, random: np.random.Generator) -> np.ndarray:
        """A batch of photos of people with several each, int64 (n,)."""
        return sampling.p_by_k(self.people, self.settings.people_per_batch, self.settings.photos_per_person, random)

    def quadruplets(self, steps: int, random: np.random.Generator, network: Network | None) -> np.ndarray:
        """Photo numbers, int64 (steps, batch_size, 4)."""
        size = self.settings.batch_size
        if MINING[self.settings.mining].within_batch:
            return np.stack([self._mined(random, network) for _ in range(steps)])
        rows = sampling.quadruplets(self.people, steps * size, random).reshape(steps, size, 4)
        if self.neighbours is None:
            return rows
        return np.stack([sampling.hard_negatives(batch, self.labels, self.neighbours, random) for batch in rows])

    def _mined(self, random: np.random.Generator, network: Network | None) -> np.ndarray:
        """Quadruplets, int64 (batch_size, 4), chosen by the network among a batch of photos."""
        assert network is not None
        batch = self.photos(random)
        distances = protocols.network_distances(network)(self.embeddings[batch], self.embeddings[batch])
        choose = MINING[self.settings.mining].load()
        triplets = batch[choose(distances, self.labels[batch])]
        triplets = triplets[random.integers(len(triplets), size=self.settings.batch_size)]
        others = self.people.others(np.sort(self.labels[triplets[:, [0, 2]]], axis=1), random)
        return np.column_stack([triplets, self.people.photos(others, random)])


class Progress:
    """Measures each epoch on people of both sides, appends it to the history and keeps the best weights.

    What is the best epoch is read from the history, so that rate and end of a resumed run are those of one that was
    never stopped. Epoch 0 is the network before training: where that is the best, it is what the run ends with.
    """

    def __init__(
        self,
        folder: Path,
        model: Learner,
        optimizer: keras.optimizers.Optimizer,
        batches: Batches,
        held_out: tuple[np.ndarray, np.ndarray],
    ) -> None:
        self.folder, self.model, self.optimizer = folder, model, optimizer
        self.batches, self.settings = batches, batches.settings
        trained = sampling.at_most(_MEASURED_MAX, batches.labels, self.settings.seed)
        self.sides = {"train": (batches.embeddings[trained], batches.labels[trained]), "held_out": held_out}
        self.cosine = {side: _measures(side, data, protocols.cosine_distances) for side, data in self.sides.items()}

    def begin(self) -> None:
        """The row of epoch 0."""
        self._write(0, {"train_loss": math.nan, "seconds": 0.0})
        self._keep(0)

    def end(self, epoch: int, loss: float, seconds: float) -> None:
        """The row of the epoch; halve the rate where it has not got better for long."""
        row = self._write(epoch, {"train_loss": loss, "seconds": seconds})
        waited = self.waited(epoch)
        if 0 < waited < self.settings.patience_epochs and not waited % max(self.settings.patience_epochs // 2, 1):
            self.optimizer.learning_rate.assign(self.optimizer.learning_rate * 0.5)
        # Only now, so that a run that is killed here goes on with the rate that it would have had.
        self._keep(epoch)
        print(
            f"Epoch {epoch} of {self.settings.epochs}: loss {loss:.4f}, "
            f"on held-out people rank-1 {row['held_out_rank_1']:.4f}; {seconds:.1f} s"
        )

    def waited(self, epoch: int) -> int:
        """How many epochs ago the best one was."""
        return epoch - int(best_row(self.folder)["epoch"])

    def _keep(self, epoch: int) -> None:
        save(_state(self.model, self.optimizer), self.folder / CHECKPOINT, epoch)

    def _write(self, epoch: int, row: dict[str, float]) -> dict[str, float]:
        similarity, seed = self.model.similarity, self.settings.seed
        apart = {side: quadruplet_distances(similarity, *data, seed) for side, data in self.sides.items()}
        row = {
            "epoch": epoch,
            "learning_rate": float(ops.convert_to_numpy(self.optimizer.learning_rate)),
            "held_out_loss": self._held_out_loss(apart["held_out"]),
            **row,
        }
        distances = protocols.network_distances(similarity.arrays())
        for side, data in self.sides.items():
            row[f"{side}_margins_met"] = self._margins_met(apart[side])
            for name, value in _measures(side, data, distances).items():
                row |= {f"{side}_{name}": value, f"{side}_cosine_{name}": self.cosine[side][name]}
        rows = runs.read_history(self.folder)
        if not rows or row["held_out_rank_1"] > best_row(self.folder)["held_out_rank_1"]:
            save(_state(self.model, self.optimizer), self.folder / BEST, epoch)
        geometry.append(self.folder, epoch, apart)
        runs.append_row(self.folder, row)
        return row

    def _margins_met(self, apart: np.ndarray) -> float:
        """Share of quadruplets, distances (n, 3), that meet both margins of the quadruplet loss."""
        ap, an, nn = apart.T
        return float(np.mean((ap**2 + self.settings.alpha < an**2) & (ap**2 + self.settings.beta < nn**2)))

    def _held_out_loss(self, apart: np.ndarray) -> float:
        """The loss on other people, of whose quadruplets ``apart`` (n, 3) are the distances.

        None where it knows only the people that it is trained on.
        """
        embeddings, labels = self.sides["held_out"]
        takes = self.batches.takes
        if takes == "logits":
            return math.nan
        loss = LOSSES[self.settings.loss].build
        if takes == "distances":
            return float(loss(self.settings)(np.zeros(len(apart), np.float32), apart))
        some = Batches(embeddings[:, None], labels, self.settings, takes)
        rows = some.photos(np.random.default_rng(self.settings.seed))
        places = np.unique(labels[rows], return_inverse=True)[1]
        return float(loss(some.settings)(places, self.model.similarity.encoded(embeddings[rows])))


def quadruplet_distances(similarity: Similarity, embeddings: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """The distances, float32 (2048, 3), of random quadruplets of these photos, always the same ones."""
    rows = sampling.quadruplets(sampling.People(labels), 2048, np.random.default_rng(seed))
    return ops.convert_to_numpy(similarity.distances_within(embeddings[rows], PAIRS))


def _state(model: Learner, optimizer: keras.optimizers.Optimizer) -> list[Any]:
    """All that a step changes: weights, the optimizer's moments and rate."""
    return [*model.variables, *optimizer.variables]


def save(variables: Sequence[Any], path: Path, epoch: int) -> None:
    """Write variables whole or not at all."""
    arrays = [ops.convert_to_numpy(variable) for variable in variables]
    with storage.written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, epoch=epoch, **{str(place): array for place, array in enumerate(arrays)})


def restore(variables: Sequence[Any], path: Path) -> int:
    """Put back what :func:`save` kept, and give its epoch. Raises UserError where that was of other variables."""
    with np.load(path, allow_pickle=False) as saved:
        if [saved[name].shape for name in saved.files if name != "epoch"] != [tuple(one.shape) for one in variables]:
            raise UserError(f"The run {path.parent.name} was begun by another version. Choose another name.")
        for place, variable in enumerate(variables):
            variable.assign(saved[str(place)])
        return int(saved["epoch"])


def best_row(folder: Path) -> dict[str, float]:
    """The row of the first epoch with the highest held-out rank-1."""
    best = runs.best(runs.read_history(folder))
    assert best is not None
    return best


def _measures(side: str, data: tuple[np.ndarray, np.ndarray], distances: protocols.Distances) -> dict[str, float]:
    draws = [protocols.one_shot(*data, distances, seed) for seed in protocols.seeds_of(data[1], _DRAWS[side])]
    return {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}


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
    begin(folder, {"settings": asdict(settings), **(about or {})})
    if (folder / runs.RESULT).is_file() and (folder / runs.MODEL).is_file():
        best = best_row(folder)
        if names is not None and not (folder / report.FILE).is_file():
            similarity = keras.saving.load_model(folder / runs.MODEL)
            evaluated(folder, similarity, embeddings, labels, held_out, names)
            # Runs of earlier versions lack this as well.
            if not (folder / geometry.FILE).is_file():
                apart = quadruplet_distances(similarity, embeddings[held_out], labels[held_out], settings.seed)
                geometry.append(folder, int(best["epoch"]), {"held_out": apart})
        return best
    keras.utils.set_random_seed(settings.seed)
    cohort = _cohort(labels, ~held_out, settings)
    trained = ~held_out & ~np.isin(labels, labels[cohort])
    people, numbers = np.unique(labels[trained], return_inverse=True)
    batches = Batches(variants[trained], numbers, settings, takes)
    similarity = Similarity(replace(settings.network, cohort=len(cohort)))
    blank = np.zeros((4, embeddings.shape[1]), np.float32)
    similarity([blank, blank])
    if len(cohort):
        similarity.cohort.assign(embeddings[cohort])
    if settings.start:
        _start(similarity, settings.start)
    model = Learner(similarity, takes, len(people))
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    model(blank[None] if takes == "distances" else blank)
    optimizer.build(model.trainable_variables)
    begun = 0
    known = (folder / CHECKPOINT).is_file()
    if known:
        begun = restore(_state(model, optimizer), folder / CHECKPOINT)
    for keep in (runs.keep_rows, geometry.keep):
        keep(folder, begun if known else -1)
    progress = Progress(folder, model, optimizer, batches, (embeddings[held_out], labels[held_out]))
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
    restore(_state(model, optimizer), folder / BEST)
    similarity.save(folder / runs.MODEL)
    files.write_network(folder, similarity.arrays(), None, about or {})
    if names is not None:
        evaluated(folder, similarity, embeddings, labels, held_out, names)
    best = best_row(folder)
    storage.write_json(folder / runs.RESULT, runs.finite(best))
    return best


def evaluated(
    folder: Path,
    similarity: Similarity,
    embeddings: np.ndarray,
    labels: np.ndarray,
    held_out: np.ndarray,
    names: Sequence[str],
) -> None:
    """Keep how a network ranks and verifies the held-out photos, bool (photos,), beside cosine."""
    photos = np.flatnonzero(held_out)
    ways = {"network": protocols.network_distances(similarity.arrays()), "cosine": protocols.cosine_distances}
    theirs = embeddings[photos], labels[photos], [names[photo] for photo in photos.tolist()]
    seeds = protocols.seeds_of(labels[photos], _DRAWS["held_out"])
    storage.write_json(folder / report.FILE, report.evaluation(*theirs, photos, ways, seeds))


def begin(folder: Path, config: dict[str, Any]) -> None:
    """Keep the settings of a new run. Raises UserError where the folder holds one of other settings."""
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads(json.dumps(config))
    known = storage.read_json(folder / runs.CONFIG)
    if known is not None and known != config:
        raise UserError(f"The run {folder.name} was begun with other settings. Choose another name.")
    if known is None:
        storage.write_json(folder / runs.CONFIG, config)


def _cohort(labels: np.ndarray, allowed: np.ndarray, settings: FitSettings) -> np.ndarray:
    """One photo of each of some people, who are not trained on: those with one photo first, at most half of all."""
    people, first, counts = np.unique(labels[allowed], return_index=True, return_counts=True)
    random = np.random.default_rng(settings.seed)
    order = np.lexsort((random.random(len(people)), counts > 1))
    return np.flatnonzero(allowed)[first[order[: min(settings.network.cohort, len(people) // 2)]]]


def _start(similarity: Similarity, run: str) -> None:
    """Begin with the best weights of another run. Raises UserError where there is none, or one of another shape."""
    path = runs.folder_of(run) / runs.MODEL
    if not path.is_file():
        raise UserError(f"There is no finished run {run} to start from.")
    weights = keras.saving.load_model(path).get_weights()
    if [weight.shape for weight in weights] != [weight.shape for weight in similarity.get_weights()]:
        raise UserError(f"The run {run} has a network of another shape.")
    similarity.set_weights(weights)
