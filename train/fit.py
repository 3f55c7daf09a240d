"""Fitting the encoder and the similarity net on embeddings, with everything that a viewer of runs wants to see."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from pipeline import scorers, store
from pipeline.errors import UserError
from pipeline.similarity import Network
from train import evaluate, evaluation, geometry, losses, runs, sampling
from train.losses import Loss
from train.networks import NetworkSettings, Similarity
from train.sampling import split_people

Tensor = Any
Mining = Literal["random", "neighbours", "semi_hard", "batch_hard"]
BEST, CHECKPOINT = "best.npz", "checkpoint.npz"
# One-shot draws that are averaged: on the side that chooses the epoch, a single one would choose by luck.
_DRAWS = {"train": 1, "held_out": 3}


@dataclass(frozen=True)
class FitSettings:
    """One run. The defaults of the networks, margins and batch are those this project grew from.

    loss: a name of :data:`LOSSES`. alpha, beta: margins of the quadruplet loss. margin: that of the others.
    batch_size: quadruplets a step, or photos where the loss takes codes.
    mining: where quadruplets come from. "neighbours" takes the first negative from the ``neighbours`` nearest
        photos of other people by cosine; "semi_hard" and "batch_hard" choose within ``batch_size`` photos of people
        with ``photos_per_person`` each, by the network as it was when the epoch began.
    held_out_share: people kept from training, on whom every measure of generalisation is taken.
    patience_epochs: without a better held-out rank-1, the rate is halved after half of them, and training ends.
    start: the name of a run whose best weights are begun with, such as one of the loss "softmax".
    """

    network: NetworkSettings = field(default_factory=NetworkSettings)
    loss: str = "quadruplet"
    alpha: float = 0.25
    beta: float = 0.03
    margin: float = 0.5
    batch_size: int = 8
    steps_per_epoch: int = 280
    epochs: int = 50
    learning_rate: float = 1e-3
    mining: Mining = "random"
    neighbours: int = 50
    photos_per_person: int = 4
    held_out_share: float = 0.2
    patience_epochs: int = 10
    seed: int = 0
    start: str | None = None

    @property
    def people_per_batch(self) -> int:
        """How many people share a batch of photos."""
        return max(self.batch_size // self.photos_per_person, 2)

    def within(self, people: sampling.People) -> FitSettings:
        """These settings with no more people in a batch than have two photos, and pairs where the loss takes them."""
        photos = 2 if self.loss == "n_pairs" else self.photos_per_person
        some = min(max(self.batch_size // photos, 2), len(people.with_pairs))
        return replace(self, photos_per_person=photos, batch_size=some * photos)


# The losses by name, made from the settings of a run.
LOSSES: dict[str, Callable[[FitSettings], Loss]] = {
    "quadruplet": lambda run: losses.Quadruplet(alpha=run.alpha, beta=run.beta),
    "quadruplet_adaptive": lambda run: losses.QuadrupletAdaptive(),
    "triplet": lambda run: losses.Triplet(margin=run.margin),
    "contrastive": lambda run: losses.Contrastive(margin=run.margin),
    "binary": lambda run: losses.Binary(),
    "similar_different": lambda run: losses.SimilarDifferent(threshold=run.margin),
    "n_pairs": lambda run: losses.NPairs(),
    "cluster": lambda run: losses.Cluster(count=run.people_per_batch, gamma=run.margin),
    "softmax": lambda run: losses.Softmax(),
}


class Learner(keras.Model):
    """What a loss takes, of embeddings: distances of quadruplets (n, 4, 128), codes or logits of photos (n, 128)."""

    def __init__(self, similarity: Similarity, takes: str, people: int) -> None:
        super().__init__()
        self.similarity, self.takes = similarity, takes
        self.head = keras.layers.Dense(people, name="people") if takes == "logits" else None

    def build(self, shape: Any) -> None:
        """Nothing of its own to build."""

    def call(self, embeddings: Tensor, training: bool = False) -> Tensor:
        """float32 (n, 3), (n, units) or (n, people)."""
        if self.takes != "distances":
            codes = self.similarity.encoded(embeddings, training)
            return self.head(codes) if self.head else codes
        codes = self.similarity.codes(ops.reshape(embeddings, (-1, embeddings.shape[-1])), training)
        codes = ops.reshape(codes, (-1, 4, codes.shape[-1]))
        pairs = ((0, 1), (0, 2), (2, 3))
        return ops.stack([self.similarity.distances(codes[:, one], codes[:, two]) for one, two in pairs], axis=1)


class Batches(keras.utils.PyDataset):
    """The batches of each epoch, drawn from the seed and the epoch alone, so that a resumed run draws the same.

    variants float32 (photos, variants, 128): a photo that is drawn is shown as one of its variants, while mining
    and measuring look at the first. labels (photos,) numbered from 0.
    """

    def __init__(self, variants: np.ndarray, labels: np.ndarray, settings: FitSettings, takes: str) -> None:
        super().__init__()
        self.variants, self.labels, self.takes = variants, labels, takes
        self.embeddings = embeddings = variants[:, 0]
        self.people = sampling.People(labels)
        self.settings = settings.within(self.people) if takes == "codes" else settings
        self.neighbours = (
            sampling.nearest(embeddings, settings.neighbours) if settings.mining == "neighbours" else None
        )
        self.network: Network | None = None
        self.epoch = 0

    def begin(self, epoch: int, network: Network) -> None:
        """Tell which epoch it is, as a resumed run does not begin with the first, and the network to mine with."""
        self.epoch, self.network = epoch, network

    def __len__(self) -> int:
        return self.settings.steps_per_epoch

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((self.settings.seed, self.epoch, step))
        if self.takes == "distances":
            rows = self.quadruplets(random)
            return self.shown(rows, random), np.zeros(len(rows), np.float32)
        if self.takes == "logits":
            rows = random.integers(len(self.labels), size=self.settings.batch_size)
            return self.shown(rows, random), self.labels[rows]
        rows = self.photos(random)
        return self.shown(rows, random), np.unique(self.labels[rows], return_inverse=True)[1]

    def shown(self, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """One variant of each of these photos at random, float32 (..., 128)."""
        return self.variants[rows, random.integers(self.variants.shape[1], size=rows.shape)]

    def photos(self, random: np.random.Generator) -> np.ndarray:
        """A batch of photos of people with several each, int64 (n,)."""
        return sampling.p_by_k(self.people, self.settings.people_per_batch, self.settings.photos_per_person, random)

    def quadruplets(self, random: np.random.Generator) -> np.ndarray:
        """Photo numbers, int64 (batch_size, 4)."""
        size, mining = self.settings.batch_size, self.settings.mining
        if mining in ("random", "neighbours"):
            rows = sampling.quadruplets(self.people, size, random)
            if self.neighbours is None:
                return rows
            return sampling.hard_negatives(rows, self.labels, self.neighbours, random)
        assert self.network is not None
        batch = self.photos(random)
        distances = evaluate.network_distances(self.network)(self.embeddings[batch], self.embeddings[batch])
        mine = sampling.semi_hard if mining == "semi_hard" else sampling.batch_hard
        triplets = batch[mine(distances, self.labels[batch])]
        triplets = triplets[random.integers(len(triplets), size=size)]
        others = self.people.others(np.sort(self.labels[triplets[:, [0, 2]]], axis=1), random)
        return np.column_stack([triplets, self.people.photos(others, random)])


class Progress(keras.callbacks.Callback):
    """Measures each epoch on all photos of both sides, appends it to the history and keeps the best weights.

    What is the best epoch is read from the history, so that rate and end of a resumed run are those of one that was
    never stopped. Epoch 0 is the network before training: where that is the best, it is what the run ends with.
    """

    def __init__(self, folder: Path, batches: Batches, held_out: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__()
        self.folder, self.batches, self.settings = folder, batches, batches.settings
        self.sides = {"train": (batches.embeddings, batches.labels), "held_out": held_out}
        self.cosine = {side: _measures(side, data, evaluate.cosine_distances) for side, data in self.sides.items()}

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """The row of epoch 0, unless the run goes on."""
        if not (self.folder / CHECKPOINT).is_file():
            self._write(0, {"train_loss": math.nan, "seconds": 0.0})

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock, and tell the batches which epoch it is."""
        self.batches.begin(epoch, self.model.similarity.arrays())
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """The row of the epoch; halve the rate or end where it has not got better for long."""
        seconds = time.perf_counter() - self.begun
        self._write(epoch + 1, {"train_loss": (logs or {})["loss"], "seconds": seconds})
        waited = epoch + 1 - int(best_row(self.folder)["epoch"])
        if waited >= self.settings.patience_epochs:
            self.model.stop_training = True
        elif waited and waited % max(self.settings.patience_epochs // 2, 1) == 0:
            self.model.optimizer.learning_rate.assign(self.model.optimizer.learning_rate * 0.5)

    def _write(self, epoch: int, row: dict[str, float]) -> None:
        similarity, seed = self.model.similarity, self.settings.seed
        apart = {side: quadruplet_distances(similarity, *data, seed) for side, data in self.sides.items()}
        row = {
            "epoch": epoch,
            "learning_rate": float(ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "held_out_loss": self._held_out_loss(apart["held_out"]),
            **row,
        }
        distances = evaluate.network_distances(similarity.arrays())
        for side, data in self.sides.items():
            row[f"{side}_margins_met"] = self._margins_met(apart[side])
            for name, value in _measures(side, data, distances).items():
                row |= {f"{side}_{name}": value, f"{side}_cosine_{name}": self.cosine[side][name]}
        rows = runs.read_history(self.folder)
        if not rows or row["held_out_rank_1"] > best_row(self.folder)["held_out_rank_1"]:
            save(_state(self.model), self.folder / BEST, epoch)
        geometry.append(self.folder, epoch, apart)
        runs.append_row(self.folder, row)
        save(_state(self.model), self.folder / CHECKPOINT, epoch)

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
        loss = LOSSES[self.settings.loss]
        if takes == "distances":
            return float(loss(self.settings)(np.zeros(len(apart), np.float32), apart))
        some = Batches(embeddings[:, None], labels, self.settings, takes)
        rows = some.photos(np.random.default_rng(self.settings.seed))
        places = np.unique(labels[rows], return_inverse=True)[1]
        return float(loss(some.settings)(places, self.model.similarity.encoded(embeddings[rows])))


def quadruplet_distances(similarity: Similarity, embeddings: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """The distances, float32 (2048, 3), of random quadruplets of these photos, always the same ones."""
    rows = sampling.quadruplets(sampling.People(labels), 2048, np.random.default_rng(seed))
    return ops.convert_to_numpy(Learner(similarity, "distances", 0)(embeddings[rows]))


def _state(model: keras.Model) -> list[Any]:
    """All that a step changes: weights, the optimizer's moments, the states of random layers."""
    return [*model.variables, *model.optimizer.variables]


def save(variables: Sequence[Any], path: Path, epoch: int) -> None:
    """Write variables whole or not at all."""
    arrays = [ops.convert_to_numpy(variable) for variable in variables]
    with store.written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, epoch=epoch, **{str(place): array for place, array in enumerate(arrays)})


def restore(variables: Sequence[Any], path: Path) -> int:
    """Put back what :func:`save` kept, and give its epoch."""
    with np.load(path, allow_pickle=False) as saved:
        for place, variable in enumerate(variables):
            variable.assign(saved[str(place)])
        return int(saved["epoch"])


def best_row(folder: Path) -> dict[str, float]:
    """The row of the first epoch with the highest held-out rank-1."""
    best = runs.best(runs.read_history(folder))
    assert best is not None
    return best


def _measures(side: str, data: tuple[np.ndarray, np.ndarray], distances: evaluate.Distances) -> dict[str, float]:
    draws = [evaluate.one_shot(*data, distances, seed) for seed in evaluate.seeds_of(data[1], _DRAWS[side])]
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
    takes = LOSSES[settings.loss](settings).takes
    if takes != "distances" and (settings.network.metric != "product" or not settings.network.encoder_units):
        raise UserError(f"The loss {settings.loss} trains the encoder alone. Choose the network residual.")
    held_out = split_people(labels, settings.held_out_share, settings.seed) if held_out is None else held_out
    begin(folder, {"settings": asdict(settings), **(about or {})})
    if (folder / runs.RESULT).is_file() and (folder / runs.MODEL).is_file():
        best = best_row(folder)
        if names is not None and not (folder / evaluation.FILE).is_file():
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
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate), loss=LOSSES[settings.loss](batches.settings)
    )
    model(blank[None] if takes == "distances" else blank)
    model.optimizer.build(model.trainable_variables)
    begun = 0
    if (folder / CHECKPOINT).is_file():
        begun = restore(_state(model), folder / CHECKPOINT)
    for keep in (runs.keep_rows, geometry.keep):
        keep(folder, begun if (folder / CHECKPOINT).is_file() else -1)
    progress = Progress(folder, batches, (embeddings[held_out], labels[held_out]))
    batches.begin(begun, similarity.arrays())
    # The batches are random already; another shuffle would draw on a state that a resumed run does not have.
    model.fit(
        batches, initial_epoch=begun, epochs=settings.epochs, callbacks=[progress], shuffle=False, verbose=verbose()
    )
    restore(_state(model), folder / BEST)
    similarity.save(folder / runs.MODEL)
    scorers.write(folder, similarity.arrays(), None, about or {})
    if names is not None:
        evaluated(folder, similarity, embeddings, labels, held_out, names)
    best = best_row(folder)
    store.write_json(folder / runs.RESULT, runs.finite(best))
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
    ways = {"network": evaluate.network_distances(similarity.arrays()), "cosine": evaluate.cosine_distances}
    theirs = embeddings[photos], labels[photos], [names[photo] for photo in photos.tolist()]
    seeds = evaluate.seeds_of(labels[photos], _DRAWS["held_out"])
    store.write_json(folder / evaluation.FILE, evaluation.evaluation(*theirs, photos, ways, seeds))


def verbose() -> int | str:
    """What Keras prints: bars on a terminal, a line for each epoch in a log."""
    return "auto" if sys.stdout.isatty() else 2


def begin(folder: Path, config: dict[str, Any]) -> None:
    """Keep the settings of a new run. Raises UserError where the folder holds one of other settings."""
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads(json.dumps(config))
    known = store.read_json(folder / runs.CONFIG)
    if known is not None and known != config:
        raise UserError(f"The run {folder.name} was begun with other settings. Choose another name.")
    if known is None:
        store.write_json(folder / runs.CONFIG, config)


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
