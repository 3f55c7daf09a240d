"""``make benchmark-similarity``: learned similarities against plain cosine, on people never trained on.

Two questions, two measures in each line: identity (one-shot rank-1) and resemblance (proxies among strangers, see
:mod:`train.evaluation.resemblance`). On view 1, attempts are trained on people of ``peopleDevTrain.txt`` and measured
on the 1,711 of ``peopleDevTest.txt``, five times each. The choice made there is measured on view 2, see
:mod:`benchmarks.view_2`. Finished trainings stay in the data folder, so a second call only prints.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import attempts, explained, report, tables, view_2
from benchmarks.attempts import Rows, Trainset, alone, weighted
from benchmarks.attributes import attributes_of
from benchmarks.recorded import FINE_TUNING
from pipeline import tensorflow_loader
from pipeline.cli.console import tracked
from pipeline.embedding.base import unit
from pipeline.embedding.pair import BESIDE_SFACE, FACENET_SFACE
from pipeline.embedding.sface import SFACE
from pipeline.errors import UserError
from train.datasets.lfw import LFW
from train.evaluation import measuring, metrics, protocols
from train.evaluation.distances import Distances, cosine_distances, network_distances, person_distances
from train.evaluation.protocols import DRAWS, TEMPLATES
from train.evaluation.resemblance import Attributes, strangers_figures
from train.within_person import within_person_map

# Trainings of each attempt, and draws of gallery and probes that each is measured on.
SEEDS, SLOW_SEEDS, DRAWS_OF_SEED = range(5), range(3), 2
# The best shrinkages, and the best exponent of whitening, are chosen from these.
SHRINKAGES, POWERS = (0.3, 1.0, 3.0, 10.0), (0.25, 0.5)
SLOW = " (three trainings)"
# The measures that tables show, and those that are compared with cosine.
_SHOWN = {
    "rank-1": ("rank_1",),
    "women: first, three": ("women_first", "women_three"),
    "men: first, three": ("men_first", "men_three"),
    "same three": ("stability",),
}
_COMPARED = {"rank-1": "rank_1", "women: first, three": "women_three", "same three": "stability"}
# An attempt: distances learned from a training set with a seed.
Attempt = Callable[[Trainset, int], Distances]


def main() -> None:
    """Measure and print all tables."""
    tensorflow_loader.load_tensorflow()
    lfw = LFW()
    report(
        "similarity",
        {
            "View 1: both questions on 1,711 people, mean and s.d. of five trainings on others": _view_1(lfw),
            f"Several photos of a person ({TEMPLATES}, all other people as distractors): rank-1": _templates(lfw),
            "View 2: people never trained on, ten folds": view_2.measure(lfw, attributes_of(lfw)),
        },
    )
    tables.fill("protocols", "templates", "attempts")


def rows_of(lfw: LFW) -> Rows:
    """What attempts see of every photo: as :mod:`benchmarks.attempts` says."""
    everything = np.arange(len(lfw))
    views = [lfw.view(view, everything, BESIDE_SFACE.level_over_degrees) for view in BESIDE_SFACE.views]
    quality = [(face.confidence, np.log(face.side_px)) if face else (0.0, 0.0) for face in lfw.faces]
    sface = lfw.embedded(SFACE.name, everything)
    return np.hstack([np.mean(views, axis=0), sface, np.array(quality)]).astype(np.float32)


# View 1 ------------------------------------------------------------------------------------------------------------


def _view_1(lfw: LFW) -> list[dict[str, object]]:
    """Both measures of each attempt on the people of ``peopleDevTest.txt``, compared with cosine draw by draw."""
    rows, attributes = rows_of(lfw), attributes_of(lfw)
    test = lfw.photos_of("peopleDevTest.txt")
    test = test[rows[test, :128].any(axis=1)]
    weight = FACENET_SFACE.weight
    trainsets = {
        seed: Trainset.of_lfw(lfw, rows, attributes, weight=weight, seed=seed)
        for seed in tracked(SEEDS, "Reading", "training sets")
    }
    base: list[dict[str, float]] = []
    table: list[dict[str, object]] = []
    all_attempts = _cosines(weight) | _learned(weight) | _trained(lfw, rows, test)
    for name, attempt in tracked(all_attempts.items(), "Training", "attempts"):
        found = [
            _figures(rows[test], lfw.people[test], attributes.of(test), attempt(trainsets[seed], seed), seed)
            for seed in (SLOW_SEEDS if name.endswith(SLOW) else SEEDS)
        ]
        base = base or found
        table.append({"attempt": name, **_cells(found, base)})
    return [*table, *({**dict.fromkeys(table[0], "not measured"), **row} for row in FINE_TUNING)]


def _figures(
    rows: Rows, people: NDArray[np.int64], attributes: Attributes, distances: Distances, seed: int
) -> dict[str, float]:
    """The measures of one training, means over its draws."""
    draws = range(DRAWS_OF_SEED * seed, DRAWS_OF_SEED * (seed + 1))
    found = [strangers_figures(rows, people, attributes, distances, draw=draw) for draw in draws]
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _cells(found: list[dict[str, float]], base: list[dict[str, float]]) -> dict[str, str]:
    """The cells of an attempt: means, and the difference from the base with its spread over the trainings."""
    cells: dict[str, str] = {}
    for heading, names in _SHOWN.items():
        cells[heading] = ", ".join(f"{np.mean([one[name] for one in found]):.4f}" for name in names)
        if name := _COMPARED.get(heading):
            differences = [one[name] - other[name] for one, other in zip(found, base, strict=False)]
            label = "vs cosine" if heading == "rank-1" else f"{'three' if 'three' in name else 'same'} vs cosine"
            cells[label] = f"{np.mean(differences):+.4f} ± {np.std(differences, ddof=1):.4f}"
    return cells


def _cosines(weight: float) -> dict[str, Attempt]:
    """Without training: both networks alone, and side by side with other weights."""
    others = [other for other in (0.5, 0.75, 1.0, 1.5) if other != weight]
    return {
        f"cosine, FaceNet and SFace side by side, SFace weighted {weight:g}": _always(weighted(weight)),
        "cosine, FaceNet alone": _always(alone(attempts.FACENET)),
        "cosine, SFace alone": _always(alone(attempts.SFACE)),
        **{f"cosine, SFace weighted {other:g}": _always(weighted(other)) for other in others},
    }


def _always(distances: Distances) -> Attempt:
    return lambda train, seed: distances


def _learned(weight: float) -> dict[str, Attempt]:
    """What is learned in closed form or by a few steps."""
    sface, side_by_side = alone(attempts.SFACE), weighted(weight)

    def wccn_and_sure(train: Trainset, seed: int) -> Distances:
        return attempts.sure(attempts.wccn(train, 1.0), side_by_side, _chooser(train))

    def plausible(train: Trainset, seed: int) -> Distances:
        start = within_person_map(train.joined, train.people, shrinkage=1.0)
        return attempts.plausible(train, seed, start=start, beta=0.1)

    return {
        "logistic regression on both cosines": lambda train, seed: attempts.logistic(train),
        "the same, with their product": lambda train, seed: attempts.logistic(train, product=True),
        "the same, with agreement of views, confidence and size": lambda train, seed: attempts.logistic(
            train, quality=True
        ),
        "FaceNet ranks, SFace decides where it is sure": lambda train, seed: attempts.sure(
            alone(attempts.FACENET), sface, _chooser(train)
        ),
        "AS-norm with the people trained on": lambda train, seed: attempts.normalised(train),
        **{
            f"principal components, divided by their s.d. to the power of {power:g}": _with(attempts.whitened, power)
            for power in POWERS
        },
        "linear discriminant analysis": lambda train, seed: attempts.discriminant(train),
        **{f"WCCN, shrinkage {share:g}": _with(attempts.wccn, share) for share in SHRINKAGES},
        "WCCN ranks, cosine decides where it is sure": wccn_and_sure,
        "linear map by quadruplets with an implausible stranger": lambda train, seed: attempts.plausible(
            train, seed, start=np.eye(train.joined.shape[1]), beta=0.1
        ),
        "the same, starting from WCCN": plausible,
    }


def _with(attempt: Callable[[Trainset, float], Distances], value: float) -> Attempt:
    return lambda train, seed: attempt(train, value)


def _chooser(train: Trainset) -> Callable[[Distances], float]:
    """Rank-1 among the people trained on."""
    gallery, probes = protocols.draw_one_shot(train.people, 0)
    own = np.searchsorted(train.people[gallery], train.people[probes])
    return lambda distances: metrics.rank_1(metrics.ranks(distances(train.rows[probes], train.rows[gallery]), own))


def _trained(lfw: LFW, rows: Rows, test: NDArray[np.int64]) -> dict[str, Attempt]:
    """The kinds of networks that runs have, on both networks' rows."""
    from train import release

    def learned(name: str) -> Attempt:
        def of(train: Trainset, seed: int) -> Distances:
            embeddings = np.concatenate([train.joined, attempts.joined(rows[test], train.weight)])
            labels = np.concatenate([train.people, lfw.people[test]])
            held_out = np.arange(len(labels)) >= len(train.people)
            settings = replace(release.TRAININGS[name], seed=seed)
            training = f"{name}-beside-{train.weight:g}-seed-{seed}"
            network = release.train_once(training, embeddings, labels, settings, held_out=held_out)
            score = network_distances(network)
            return lambda one, other: score(attempts.joined(one, train.weight), attempts.joined(other, train.weight))

        return of

    return {
        "the published configuration: encoder 128, net 256-30-20-10-1" + SLOW: learned("published"),
        "residual from the cosine, hard negatives" + SLOW: learned("residual"),
        "cosine with hubness correction": learned("cohort"),
        "WCCN with hubness correction (as shipped)": learned("wccn"),
    }


# Templates ---------------------------------------------------------------------------------------------------------


def _templates(lfw: LFW) -> list[dict[str, object]]:
    """Rank-1 of ways to combine several photos of a person, among all other people of LFW."""
    embeddings = lfw.embedded(FACENET_SFACE.name, np.arange(len(lfw)))
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


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
