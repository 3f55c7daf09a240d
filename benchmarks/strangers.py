"""``make benchmark-strangers``: what the score says to people who are not in the gallery.

People of LFW whom no network was trained on (``peopleDevTest.txt``, view 1), one photo each: strangers are measured
between one half of them, and the other half is looked up among all, and in the demonstration.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks import explained, report, tables
from pipeline.embedding.registry import DEFAULT_EMBEDDER
from pipeline.errors import UserError
from pipeline.gallery import layout, opening
from pipeline.similarity.base import Scorer
from pipeline.similarity.calibration import Calibration
from pipeline.similarity.registry import SCORERS, load_scorer
from train.datasets.lfw import LFW
from train.evaluation.calibration import fit_strangers
from train.evaluation.distances import scorer_distances
from train.evaluation.protocols import draw_one_shot
from train.evaluation.strangers import StrangersFound, strangers_found

SIZES = (500, 1_000, 1_700)
# The whole is searched in so many parts.
IN_PARTS = ((1_000, 2), (10_000, 6))


def main() -> None:
    """Measure and fill the table."""
    lfw = LFW()
    gallery, _ = draw_one_shot(lfw.people, 0)
    gallery = gallery[np.isin(gallery, lfw.photos_of("peopleDevTest.txt"))]
    rows = lfw.embedded(DEFAULT_EMBEDDER, gallery)
    gallery, rows = gallery[np.any(rows, axis=1)], rows[np.any(rows, axis=1)]
    names = [lfw.paths[photo].parent.name.replace("_", " ") for photo in gallery]
    fitted_on, asked = np.array_split(np.random.default_rng(0).permutation(len(rows)), 2)
    found: list[dict[str, object]] = []
    for name in SCORERS:
        scorer = load_scorer(name)
        distances = scorer_distances(scorer)(rows, rows)
        among = distances[np.ix_(fitted_on, fitted_on)][np.triu_indices(len(fitted_on), 1)]
        calibration = fit_strangers(scorer.calibration, among)
        np.fill_diagonal(distances, np.inf)
        found += [{"by": name, **line} for line in _among_lfw(distances[asked], calibration)]
        demonstration = _in_demonstration(scorer, calibration, rows[asked], [names[place] for place in asked])
        found.append({"by": name, **demonstration})
    report("strangers", {"What strangers are told by the best match": found})
    tables.fill("strangers")


def _among_lfw(distances: NDArray[np.float32], calibration: Calibration) -> Iterator[dict[str, object]]:
    for people in SIZES:
        yield _line(f"{people:,} of LFW", strangers_found(distances, calibration, people))
    for people, parts in IN_PARTS:
        found = strangers_found(distances, calibration, people, parts=parts)
        yield _line(f"{people:,}, at most ({parts} times {people // parts:,} of LFW)", found)


def _in_demonstration(
    scorer: Scorer, calibration: Calibration, rows: NDArray[np.float32], names: list[str]
) -> dict[str, object]:
    """LFW's people in the demonstration, without those who are in both."""
    opened = opening.open_gallery(layout.DEMONSTRATION)
    people = opened.people_count
    known = set(opened.faces["name"].to_pylist())
    strangers = np.array([name not in known for name in names])
    distances = scorer_distances(scorer)(rows[strangers], np.asarray(opened.embeddings))
    nearest = np.full((len(distances), people), np.inf, np.float32)
    np.minimum.at(nearest.T, opened.person_of_row, distances.T)
    found = strangers_found(nearest, calibration, people, draws=1)
    return _line(f"the demonstration's {people:,}", found)


def _line(gallery: str, found: StrangersFound) -> dict[str, object]:
    shares = {f"{phrase} or more": f"{100 * share:.1f} %" for phrase, share in found.phrases.items()}
    striking = shares.pop("striking or more")
    median = "–" if np.isnan(found.median) else f"{found.median:.0f}"
    return {"gallery": gallery, "striking": striking, **shares, "median": median}


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
