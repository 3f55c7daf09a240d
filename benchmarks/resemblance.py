"""``make benchmark-resemblance``: identity beside resemblance, for every embedder and for FaceNet beside SFace.

Identity is one-shot rank-1. Resemblance is measured among strangers by proxies: :mod:`train.evaluation.resemblance`
says what each does not tell. The frontier is that of view 1 of LFW, on which the shipped setting was chosen; on
view 2 the embedders are only measured. Ages come from a network in an npm package.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import explained, report, tables
from benchmarks.attributes import attributes_of, measured_of
from benchmarks.frontier import draw_frontier
from benchmarks.side_by_side import rows_of, settings
from pipeline.cli.console import tracked
from pipeline.embedding.base import unit
from pipeline.errors import UserError
from train.datasets.lfw import LFW
from train.evaluation import measuring, metrics, protocols
from train.evaluation.distances import cosine_distances, person_distances
from train.evaluation.protocols import DRAWS, VIEW_1_DRAWS
from train.evaluation.resemblance import Attributes, chance_difference, strangers_figures, within_difference
from train.options import WCCN
from train.within_person import within_person_map

# By name in the registry.
EMBEDDERS = ("facenet", "sface", "facenet+sface")
_FALSE_ALARMS = 0.01


def main() -> None:
    """Measure all tables and draw the frontier."""
    lfw = LFW()
    attributes = attributes_of(lfw)
    frontier = _frontier(lfw, attributes)
    view_2 = [_view_2(lfw, name, attributes) for name in tracked(EMBEDDERS, "View 2", "embedders")]
    view_2 += [_view_2_mapped(lfw, name, attributes) for name in tracked(EMBEDDERS, "View 2, mapped", "embedders")]
    report(
        "resemblance",
        {
            "Frontier: view 1, 1,711 people, mean of 10 draws": frontier,
            "Chance, 1,711 people": _chance(lfw, attributes),
            "Embedders: view 2, 5,749 people, mean and s.d. of 3 draws": view_2,
        },
    )
    draw_frontier(frontier)
    tables.fill("frontier", "chance", "embedders-strangers", "sex")


def _with_face(lfw: LFW, photos: NDArray[np.int64]) -> NDArray[np.int64]:
    return photos[[lfw.faces[number] is not None for number in photos]]


def _frontier(lfw: LFW, attributes: Attributes) -> list[dict[str, Any]]:
    """Identity and resemblance of every setting, by cosine and after the map that was fitted on other people."""
    test, train = (_with_face(lfw, lfw.photos_of(f"peopleDev{part}.txt")) for part in ("Test", "Train"))
    table: list[dict[str, Any]] = []
    for setting in tracked(list(settings()), "Frontier", "settings"):
        about: dict[str, Any] = {
            "rows": setting.title,
            "facenet": len(setting.views),
            "sface": setting.sface,
            "weight": setting.weight,
            "ms a face": setting.milliseconds,
        }
        rows = {"cosine": rows_of(lfw, setting, test)}
        if setting.sface != 1:
            mapping = within_person_map(rows_of(lfw, setting, train), lfw.people[train], shrinkage=WCCN.wccn)
            rows["map"] = unit(rows["cosine"] @ mapping)
        for by, some in rows.items():
            figures = _means(_draws(some, lfw.people[test], attributes.of(test), VIEW_1_DRAWS))
            table.append(about | {"by": by} | figures)
    return table


def _draws(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    attributes: Attributes,
    draws: Iterable[int],
    asked: NDArray[np.bool_] | None = None,
) -> list[dict[str, float]]:
    return [strangers_figures(rows, labels, attributes, cosine_distances, draw=draw, asked=asked) for draw in draws]


def _means(draws: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}


def _chance(lfw: LFW, attributes: Attributes) -> list[dict[str, Any]]:
    """What skin tone and age differ by anyway: between people drawn at random, and between photos of one person."""
    test = _with_face(lfw, lfw.photos_of("peopleDevTest.txt"))
    _, first = np.unique(lfw.people[test], return_index=True)
    each = attributes.of(test[first])
    people = {"skin tone": each.skin_tone_degrees, "age": each.age_years}
    photos = dict(zip(people, measured_of(lfw), strict=True))
    same = {name: within_difference(values[test], lfw.people[test]) for name, values in photos.items()}
    return [
        {"of": "two people drawn at random"} | {name: chance_difference(values) for name, values in people.items()},
        {"of": "two photos of one person"} | same,
    ]


def _view_2(lfw: LFW, name: str, attributes: Attributes) -> dict[str, Any]:
    """Every figure of an embedder by cosine on all people of LFW."""
    rows, photos = lfw.embedded(name, np.arange(len(lfw))), _with_face(lfw, np.arange(len(lfw)))
    draws = _draws(rows[photos], lfw.people[photos], attributes.of(photos), DRAWS)
    pairs = lfw.pairs("pairs.txt")
    figures: dict[str, list[float]] = {
        "verification": measuring.verification(rows, cosine_distances, pairs).tolist(),
        "dir": [_dir_at_far(lfw, rows, seed) for seed in DRAWS],
        **{figure: [draw[figure] for draw in draws] for figure in draws[0]},
    }
    return {"embedder": name, "by": "cosine"} | _spreads(figures)


def _view_2_mapped(lfw: LFW, name: str, attributes: Attributes) -> dict[str, Any]:
    """The same after the map: the people of each fold of view 2 are looked up by the map fitted without them."""
    rows, photos = lfw.embedded(name, np.arange(len(lfw))), _with_face(lfw, np.arange(len(lfw)))
    folds, pairs = lfw.folds(), lfw.pairs("pairs.txt")
    assert pairs.folds is not None
    figures: dict[str, list[list[float]]] = {}
    accuracies = []
    for fold in range(10):
        fitted = photos[folds[photos] != fold]
        mapped = unit(rows @ within_person_map(rows[fitted], lfw.people[fitted], shrinkage=WCCN.wccn))
        asked = folds[photos] == fold
        for draw, found in enumerate(_draws(mapped[photos], lfw.people[photos], attributes.of(photos), DRAWS, asked)):
            for figure, value in found.items():
                figures.setdefault(figure, [[] for _ in DRAWS])[draw].append(value)
        accuracies.append(float(measuring.verification(mapped, cosine_distances, pairs)[fold]))
    of_draws = {figure: [float(np.mean(values)) for values in draws] for figure, draws in figures.items()}
    return {"embedder": name, "by": "map, ten folds"} | _spreads({"verification": accuracies, "dir": []} | of_draws)


def _spreads(figures: dict[str, list[float]]) -> dict[str, str]:
    return {name: measuring.spread(values) if values else "–" for name, values in figures.items()}


def _dir_at_far(lfw: LFW, rows: NDArray[np.float32], seed: int) -> float:
    """Detection and identification rate of 610 people with three photos each; one photo of everybody else is unknown.

    A photo without a face is infinitely far from everybody.
    """
    pairs = lfw.pairs("pairs.txt")
    drawn = protocols.draw_comparison(lfw.people, pairs, pairs, seed=seed)
    learned = drawn.learn.ravel()

    def to_people(photos: NDArray[np.int64]) -> NDArray[np.float64]:
        of_photos = cosine_distances(rows[photos], rows[learned])
        values = person_distances(of_photos, lfw.people[learned], "min").astype(np.float64)
        return np.where(np.any(rows[photos], axis=1)[:, None], values, np.inf)

    own = np.searchsorted(lfw.people[drawn.learn[:, 0]], lfw.people[drawn.probes])
    return metrics.dir_at_far(to_people(drawn.probes), own, to_people(drawn.unknown), far=_FALSE_ALARMS)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
