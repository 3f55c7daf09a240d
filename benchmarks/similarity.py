"""``make benchmark-similarity``: what learning likeness brings on people never trained on, beside plain cosine.

On view 1, attempts are trained on the 4,038 people of ``peopleDevTrain.txt`` and measured on the 1,711 of
``peopleDevTest.txt``, five seeds each. What was chosen there is measured on view 2: for each of its ten folds a
network is trained without the people of that fold and scores the pairs and the probes of those people only.
Finished trainings stay in the data folder, so that a second call only prints.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from rich.progress import track
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from benchmarks import report, tables
from benchmarks.lfw import WAYS
from benchmarks.recorded import FINE_TUNING
from benchmarks.second_facenet import second_facenet
from pipeline import tensorflow_loader
from pipeline.embedding.base import unit
from pipeline.errors import UserError
from pipeline.similarity.network import Network
from train.datasets.lfw import LFW
from train.evaluation import protocols
from train.evaluation.protocols import TIERS, Distances, Tier

SEEDS, SLOW_SEEDS = range(5), range(3)
# One-shot draws for each seed: who is in the gallery and who is the probe.
DRAWS = 10
TEMPLATES = Tier("610 people x 3, 1 probe each", None, 3, 1)


def always(distances: Distances) -> Callable[[int], Distances]:
    """Distances that no seed changes, for they are not trained."""
    return lambda seed: distances


def by_number(rows: np.ndarray, distances: Distances = protocols.cosine_distances) -> Distances:
    """Distances of embeddings as distances of photo numbers, so that every attempt may look up rows of its own."""
    return lambda probes, gallery: distances(rows[probes[:, 0]], rows[gallery[:, 0]])


def trained(name: str, embeddings: np.ndarray, labels: np.ndarray, held_out: np.ndarray, seed: int) -> Network:
    """The network of a training of :mod:`benchmarks.trainings`, trained now where that was not done before."""
    from benchmarks.trainings import SETTINGS, network_of

    settings = replace(SETTINGS[name.partition("-without")[0]], seed=seed)
    return network_of(f"{name}-seed-{seed}", embeddings, labels, held_out, settings)


def main() -> None:
    """Measure and print all tables."""
    tensorflow_loader.load()
    wild = LFW()
    embeddings = wild.embeddings()
    report(
        "similarity",
        {
            "View 1: one-shot rank-1 on 1,711 people, trained on 4,038 others, five seeds": _view_1(wild, embeddings),
            "Several photos of a person (610 people x 3, all others as distractors, five draws)": _templates(
                wild, embeddings
            ),
            "View 2: people never trained on, ten folds": _view_2(wild, embeddings),
        },
    )
    tables.fill("protocols", "templates", "attempts")


def _view_1(wild: LFW, embeddings: np.ndarray) -> list[dict[str, object]]:
    test = wild.photos_of("peopleDevTest.txt")
    held_out = np.isin(np.arange(len(wild)), test)
    train = np.flatnonzero(~held_out)

    def learned(name: str) -> Callable[[int], Distances]:
        def of(seed: int) -> Distances:
            network = trained(name, embeddings, wild.people, held_out, seed)
            return by_number(embeddings, protocols.network_distances(network))

        return of

    centred = unit(embeddings - embeddings[train].mean(axis=0))
    attempts = {
        "cosine, four crops (as shipped)": always(by_number(embeddings)),
        **{
            f"cosine, {way}": always(by_number(wild.embeddings(settings)))
            for way, settings in WAYS.items()
            if way != "as shipped"
        },
        "cosine, centred": always(by_number(centred)),
        "linear discriminant analysis": always(_discriminant(embeddings, wild.people, train)),
        "cosine, less trust where crops disagree": always(_agreement(wild)),
        "cosine less the gallery's own neighbours (CSLS)": always(by_number(embeddings, _hubness)),
        "two FaceNets, rows side by side": always(by_number(second_facenet(wild, embeddings, test))),
        **(
            slow := {
                "the published configuration: batch 8, random quadruplets (three seeds)": learned("published"),
                "the same networks in both orders, batch 1,024, hard negatives (three seeds)": learned("symmetric"),
                "residual from the cosine, hard negatives (three seeds)": learned("residual"),
            }
        ),
        "cosine less what is ordinary, a cohort (as shipped)": learned("cohort"),
    }
    base: list[np.ndarray] = []
    table = []
    for name, distances in track(attempts.items(), "Attempts"):
        seeds = SEEDS if name not in slow else SLOW_SEEDS
        values = np.array([_one_shot(wild, test, distances(seed), seed) for seed in seeds])
        base = base or list(values)
        table.append({"attempt": name, **_spread(values), **_difference(values - np.array(base)[: len(values)])})
    return [*table, *FINE_TUNING]


def _one_shot(wild: LFW, photos: np.ndarray, distances: Distances, seed: int) -> float:
    """Mean rank-1 of some draws, which are other ones for each seed."""
    found = [
        protocols.one_shot(photos[:, None], wild.people[photos], distances, DRAWS * seed + draw)["rank_1"]
        for draw in range(DRAWS)
    ]
    return float(np.mean(found))


def _spread(values: np.ndarray) -> dict[str, object]:
    return {"rank-1": f"{values.mean():.4f} ± {values.std(ddof=1):.4f}"}


def _difference(values: np.ndarray) -> dict[str, object]:
    return {"beside cosine": f"{values.mean():+.4f} ± {values.std(ddof=1):.4f}"}


def _discriminant(embeddings: np.ndarray, people: np.ndarray, train: np.ndarray) -> Distances:
    paired = train[np.bincount(people[train])[people[train]] > 1]
    fitted = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.5).fit(embeddings[paired], people[paired])
    return by_number(unit(fitted.transform(embeddings)))


def _agreement(wild: LFW) -> Distances:
    """The mean of the crops' rows is the shorter, the less they agree; a gallery photo is nearer for it."""
    settings = WAYS["as shipped"]
    everything = np.arange(len(wild))
    mean = np.mean([wild.view(view, everything, settings.level_over_degrees) for view in settings.views], axis=0)
    length, rows = np.linalg.norm(mean, axis=1), unit(mean)
    return lambda probes, gallery: (
        protocols.cosine_distances(rows[probes[:, 0]], rows[gallery[:, 0]]) + 0.25 * length[gallery[:, 0]]
    )


def _hubness(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """The cosine less a fifth of the mean of the five nearest in the gallery (Conneau et al. 2018)."""
    among = gallery @ gallery.T
    np.fill_diagonal(among, -1)
    near = np.partition(among, -5, axis=1)[:, -5:].mean(axis=1)
    return protocols.cosine_distances(probes, gallery) + 0.1 * near


def _templates(wild: LFW, embeddings: np.ndarray) -> list[dict[str, object]]:
    """How several photos of a person are put together: by rank-1 among all other people of LFW."""
    sizes = np.array([min(face.side_px, 150.0) if face else 0.0 for face in wild.faces])
    ways: dict[str, list[float]] = {}
    for seed in SEEDS:
        gallery, probes = protocols.draw(wild.people, TEMPLATES, np.random.default_rng(seed))
        others = np.flatnonzero(~np.isin(wild.people, wild.people[gallery[:, 0]]))
        rows = np.concatenate([gallery.ravel(), others])
        rows = rows[np.argsort(wild.people[rows], kind="stable")]
        people = np.unique(wild.people[rows])

        def right(to_people: np.ndarray, people: np.ndarray = people, probes: np.ndarray = probes) -> float:
            return float(np.mean(people[to_people.argmin(axis=1)] == wild.people[probes.ravel()]))

        values = protocols.cosine_distances(embeddings[probes.ravel()], embeddings[rows])
        for method in ("min", "average"):
            to_people = protocols.person_distances(values, wild.people[rows], method)
            ways.setdefault(f"distances: {method}", []).append(right(to_people))
        starts = np.searchsorted(wild.people[rows], people)
        for name, weights in (("mean of rows", np.ones(len(rows))), ("mean weighted by size", sizes[rows])):
            sums = unit(np.add.reduceat(embeddings[rows] * weights[:, None], starts, axis=0))
            ways.setdefault(name, []).append(right(protocols.cosine_distances(embeddings[probes.ravel()], sums)))
    return [{"a person's photos": name, **_spread(np.array(values))} for name, values in ways.items()]


def _view_2(wild: LFW, embeddings: np.ndarray) -> list[dict[str, object]]:
    """Each line for one crop, the shipped crops by cosine, and the shipped network trained without the fold."""
    folds = wild.folds()
    networks = [trained(f"cohort-without-{fold}", embeddings, wild.people, folds == fold, 0) for fold in range(10)]
    ways = {
        "cosine, one crop": by_number(wild.embeddings(WAYS["one crop, mirrored too"])),
        "cosine, as shipped": by_number(embeddings),
        "network, as shipped": _cross_fitted(embeddings, folds, networks),
    }
    photos = np.arange(len(wild))[:, None]
    pairs, same, pair_folds = wild.pairs("pairs.txt")
    lines: dict[str, dict[str, object]] = {}

    def put(line: str, way: str, values: list[float] | np.ndarray) -> None:
        row = lines.setdefault(line, {"protocol": line})
        row[way] = f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"

    for way, distances in track(ways.items(), "View 2"):
        if way.startswith("network"):
            accuracies = _verification(embeddings, pairs, same, pair_folds, networks)
        else:
            values = _pair_distances(embeddings, pairs, distances)
            accuracies = protocols.accuracy_of_folds(values, same, pair_folds)
        put("verification, 10 folds, accuracy", way, accuracies)
        found = [protocols.one_shot(photos, wild.people, distances, seed) for seed in range(3)]
        for k in (1, 5):
            title = f"one-shot: all 5,749 people x 1, 1,680 probes, rank-{k}"
            put(title, way, [draw[f"rank_{k}"] for draw in found])
        for tier in TIERS:
            ranked = [protocols.tier_rank_1(photos, wild.people, tier, distances, seed) for seed in range(3)]
            for kind in ranked[0] or {}:
                put(f"{tier.name}, {kind.replace('_', ', ')}", way, [row[kind] for row in ranked if row])
    return list(lines.values())


def _verification(
    embeddings: np.ndarray, pairs: np.ndarray, same: np.ndarray, folds: np.ndarray, networks: list[Network]
) -> np.ndarray:
    """Accuracy on each fold of the network trained without it, whose threshold is that of the other folds."""
    found = []
    for fold, network in enumerate(networks):
        values = protocols.pair_distances(embeddings, pairs, protocols.network_distances(network))
        found.append(protocols.accuracy_of_folds(values, same, folds)[fold])
    return np.array(found)


def _pair_distances(embeddings: np.ndarray, pairs: np.ndarray, distances: Distances) -> np.ndarray:
    values = np.array([distances(one[None, None], other[None, None])[0, 0] for one, other in pairs])
    has_face = np.asarray(embeddings.any(axis=1))
    return np.where(has_face[pairs].all(axis=1), values, np.nan)


def _cross_fitted(embeddings: np.ndarray, folds: np.ndarray, networks: list[Network]) -> Distances:
    """Each probe is scored by the network that was trained without the people of its fold."""

    def distances(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        found = np.empty((len(probes), len(gallery)), np.float32)
        for fold in np.unique(folds[probes[:, 0]]):
            mine = folds[probes[:, 0]] == fold
            score = protocols.network_distances(networks[fold])
            found[mine] = score(embeddings[probes[mine, 0]], embeddings[gallery[:, 0]])
        return found

    return distances


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
