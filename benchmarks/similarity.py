"""``make benchmark-similarity``: learned similarities against plain cosine, on people never trained on.

On view 1, attempts are trained on the 4,038 people of ``peopleDevTrain.txt`` and measured on the 1,711 of
``peopleDevTest.txt``, with five trainings each. The choice made there is measured on view 2: for each of its ten
folds, a network trained without the people of that fold scores their pairs and probes. Finished trainings stay in the
data folder, so a second call only prints.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from benchmarks import explained, report, tables
from benchmarks.lfw import CROPS
from benchmarks.recorded import FINE_TUNING
from benchmarks.second_facenet import second_facenet
from pipeline import tensorflow_loader
from pipeline.cli.console import tracked
from pipeline.embedding.base import unit
from pipeline.errors import UserError
from pipeline.similarity.network import SimilarityNetwork
from train.datasets.lfw import LFW
from train.evaluation import measuring, metrics, protocols
from train.evaluation.distances import (
    Distances,
    cosine_distances,
    network_distances,
    pair_distances,
    person_distances,
)
from train.evaluation.protocols import DRAWS, TEMPLATES, VIEW_1_DRAWS, VerificationPairs

# Trainings of each attempt.
SEEDS, SLOW_SEEDS = range(5), range(3)


def always(distances: Distances) -> Callable[[int], Distances]:
    """Distances without training: the same for each seed."""
    return lambda seed: distances


def by_number(rows: NDArray[Any], distances: Distances = cosine_distances) -> Distances:
    """Distances of photo numbers, (n, 1), instead of embeddings: each attempt looks up its own rows."""
    return lambda probes, gallery: distances(rows[probes[:, 0]], rows[gallery[:, 0]])


def attempt_network(
    name: str, embeddings: NDArray[Any], labels: NDArray[Any], *, held_out: NDArray[Any], seed: int
) -> SimilarityNetwork:
    """The network of one of the recorded trainings without the people held out, trained unless it is stored."""
    from train import release

    settings = replace(release.TRAININGS[name.partition("-without")[0]], seed=seed)
    return release.train_once(f"{name}-seed-{seed}", embeddings, labels, settings, held_out=held_out)


def main() -> None:
    """Measure and print all tables."""
    tensorflow_loader.load_tensorflow()
    lfw = LFW()
    embeddings = lfw.embeddings()
    measured = {
        "View 1: one-shot rank-1 on 1,711 people, mean and s.d. of 10 draws; five trainings on 4,038 others": _view_1,
        f"Several photos of a person ({TEMPLATES}, all other people as distractors): rank-1": _templates,
        "View 2: people never trained on, ten folds": _view_2,
    }
    report("similarity", {title: measure(lfw, embeddings) for title, measure in measured.items()})
    tables.fill("protocols", "templates", "attempts")


def _view_1(lfw: LFW, embeddings: NDArray[Any]) -> list[dict[str, object]]:
    """One-shot rank-1 of each attempt on the people of ``peopleDevTest.txt``."""
    test = lfw.photos_of("peopleDevTest.txt")
    attempts = _untrained(lfw, embeddings, test) | _trained(lfw, embeddings, test)
    base: NDArray[np.float64] | None = None
    table: list[dict[str, object]] = []
    for name, distances in tracked(attempts.items(), "Training", "attempts"):
        seeds = SLOW_SEEDS if "three trainings" in name else SEEDS
        values = np.mean([_one_shot(lfw, test, distances(seed)) for seed in seeds], axis=0)
        base = values if base is None else base
        difference = f"{np.mean(values - base):+.4f} ± {np.std(values - base, ddof=1):.4f}"
        table.append({"attempt": name, "rank-1": measuring.spread(values), "vs cosine": difference})
    return [*table, *FINE_TUNING]


def _untrained(lfw: LFW, embeddings: NDArray[Any], test: NDArray[np.int64]) -> dict[str, Callable[[int], Distances]]:
    """Cosine as shipped, and ways to improve on it without training a network."""
    train = np.flatnonzero(~np.isin(np.arange(len(lfw)), test))
    centred = unit(embeddings - embeddings[train].mean(axis=0))
    crops = {name: settings for name, settings in CROPS.items() if name != "as shipped"}
    return {
        "cosine, four crops (as shipped)": always(by_number(embeddings)),
        **{f"cosine, {name}": always(by_number(lfw.embeddings(settings))) for name, settings in crops.items()},
        "cosine, centred": always(by_number(centred)),
        "linear discriminant analysis": always(_discriminant(embeddings, lfw.people, train)),
        "cosine, weighted by the agreement of crops": always(_agreement(lfw)),
        "cosine minus the gallery's own neighbours (CSLS)": always(by_number(embeddings, _hubness)),
        "two FaceNets, rows side by side": always(by_number(second_facenet(lfw, embeddings, test))),
    }


def _trained(lfw: LFW, embeddings: NDArray[Any], test: NDArray[np.int64]) -> dict[str, Callable[[int], Distances]]:
    """The recorded networks."""
    held_out = np.isin(np.arange(len(lfw)), test)

    def learned(name: str) -> Callable[[int], Distances]:
        def of(seed: int) -> Distances:
            network = attempt_network(name, embeddings, lfw.people, held_out=held_out, seed=seed)
            return by_number(embeddings, network_distances(network))

        return of

    return {
        "the published configuration: batch 8, random quadruplets (three trainings)": learned("published"),
        "the same networks, both orders averaged, batch 1,024, hard negatives (three trainings)": learned(
            "symmetric"
        ),
        "residual from the cosine, hard negatives (three trainings)": learned("residual"),
        "cosine with hubness correction (as shipped)": learned("cohort"),
    }


def _one_shot(lfw: LFW, photos: NDArray[np.int64], distances: Distances) -> NDArray[np.float64]:
    """Rank-1 of each draw, (draws,)."""
    numbers: NDArray[Any] = photos[:, None]
    draws = (measuring.one_shot(numbers, lfw.people[photos], distances, draw) for draw in VIEW_1_DRAWS)
    return np.array([draw["rank_1"] for draw in draws])


def _discriminant(embeddings: NDArray[Any], people: NDArray[Any], train: NDArray[Any]) -> Distances:
    paired = train[np.bincount(people[train])[people[train]] > 1]
    fitted = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.5).fit(embeddings[paired], people[paired])
    return by_number(unit(fitted.transform(embeddings)))


def _agreement(lfw: LFW) -> Distances:
    """Penalise gallery photos whose crops agree: the less they agree, the shorter is the mean of their rows."""
    settings = CROPS["as shipped"]
    everything = np.arange(len(lfw))
    mean = np.mean([lfw.view(view, everything, settings.level_over_degrees) for view in settings.views], axis=0)
    length, rows = np.linalg.norm(mean, axis=1), unit(mean)
    return lambda probes, gallery: (
        cosine_distances(rows[probes[:, 0]], rows[gallery[:, 0]]) + 0.25 * length[gallery[:, 0]]
    )


def _hubness(probes: NDArray[Any], gallery: NDArray[Any]) -> NDArray[Any]:
    """Cosine minus a fifth of the mean cosine of the five nearest gallery photos (CSLS, Conneau et al. 2018)."""
    among = gallery @ gallery.T
    np.fill_diagonal(among, -1)
    near = np.partition(among, -5, axis=1)[:, -5:].mean(axis=1)
    return cosine_distances(probes, gallery) + 0.1 * near


def _templates(lfw: LFW, embeddings: NDArray[Any]) -> list[dict[str, object]]:
    """Rank-1 of ways to combine several photos of a person, among all other people of LFW."""
    sizes = np.array([min(face.side_px, 150.0) if face else 0.0 for face in lfw.faces])
    ways: dict[str, list[float]] = {}
    for draw in DRAWS:
        gallery, probes = protocols.draw_tier(lfw.people, TEMPLATES, draw)
        others = np.flatnonzero(~np.isin(lfw.people, lfw.people[gallery[:, 0]]))
        rows = np.concatenate([gallery.ravel(), others])
        rows = rows[np.argsort(lfw.people[rows], kind="stable")]
        people = np.unique(lfw.people[rows])

        def right(to_people: NDArray[Any], people: NDArray[Any] = people, probes: NDArray[Any] = probes) -> float:
            return float(np.mean(people[to_people.argmin(axis=1)] == lfw.people[probes.ravel()]))

        values = cosine_distances(embeddings[probes.ravel()], embeddings[rows])
        for method in ("min", "average"):
            to_people = person_distances(values, lfw.people[rows], method)
            ways.setdefault(f"distances: {method}", []).append(right(to_people))
        starts = np.searchsorted(lfw.people[rows], people)
        for name, weights in (("mean of rows", np.ones(len(rows))), ("mean weighted by size", sizes[rows])):
            sums = unit(np.add.reduceat(embeddings[rows] * weights[:, None], starts, axis=0))
            ways.setdefault(name, []).append(right(cosine_distances(embeddings[probes.ravel()], sums)))
    return [{"a person's photos": name, "rank-1": measuring.spread(values)} for name, values in ways.items()]


def _view_2(lfw: LFW, embeddings: NDArray[np.float32]) -> list[dict[str, object]]:
    """One crop and the shipped crops by cosine, and the shipped kind of network trained without the fold."""
    folds = lfw.folds()
    networks = [
        attempt_network(f"cohort-without-{fold}", embeddings, lfw.people, held_out=folds == fold, seed=0)
        for fold in range(10)
    ]
    ways = {
        "cosine, one crop, mirrored too": by_number(lfw.embeddings(CROPS["one crop, mirrored too"])),
        "cosine, as shipped": by_number(embeddings),
        "network, as shipped": _cross_fitted(embeddings, folds, networks),
    }
    photos: NDArray[Any] = np.arange(len(lfw))[:, None]
    pairs, has_face = lfw.pairs("pairs.txt"), np.any(embeddings, axis=1)
    lines: dict[str, dict[str, object]] = {}

    def put(way: str, figures: measuring.Figures) -> None:
        for label, values in figures.items():
            lines.setdefault(label, {"protocol": label})[way] = measuring.spread(values)

    for way, distances in tracked(ways.items(), "View 2", "scorers"):
        network = way.startswith("network")
        of = None if network else pairs
        for figures in measuring.figures(photos, lfw.people, distances, pairs=of, has_face=has_face):
            put(way, figures)
        if network:
            put(way, {measuring.verification_label(pairs): _verification(embeddings, pairs, networks)})
    return list(lines.values())


def _verification(
    embeddings: NDArray[np.float32], pairs: VerificationPairs, networks: list[SimilarityNetwork]
) -> list[float]:
    """Accuracy on each fold of the network trained without it, at the best threshold of the other folds."""
    assert pairs.folds is not None
    found = []
    for fold, network in enumerate(networks):
        values = pair_distances(embeddings, pairs.photos, network_distances(network))
        found.append(float(metrics.fold_accuracies(values, pairs.same, pairs.folds)[fold]))
    return found


def _cross_fitted(embeddings: NDArray[Any], folds: NDArray[Any], networks: list[SimilarityNetwork]) -> Distances:
    """Each probe is scored by the network trained without the people of its fold."""

    def distances(probes: NDArray[Any], gallery: NDArray[Any]) -> NDArray[Any]:
        found = np.empty((len(probes), len(gallery)), np.float32)
        for fold in np.unique(folds[probes[:, 0]]):
            mine = folds[probes[:, 0]] == fold
            score = network_distances(networks[fold])
            found[mine] = score(embeddings[probes[mine, 0]], embeddings[gallery[:, 0]])
        return found

    return distances


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
