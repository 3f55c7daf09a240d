"""``make calibrate``: from cosine distance to resemblance, fitted on the pairs of LFW view 1.

Writes ``assets/cosine.json``: a logistic curve fitted on ``pairsDevTrain.txt``, and how well its probabilities hold
on the other people of ``pairsDevTest.txt`` and on view 2.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks import protocols, report
from pipeline.errors import UserError
from pipeline.similarity import scorers
from train.datasets.lfw import LFW
from train.evaluation.report import fit_calibration

BINS = 10
# As many as the demonstration gallery has.
STRANGERS = 983


def main() -> None:
    """Fit, check and write the calibration."""
    wild = LFW()
    embeddings = wild.embeddings()

    def distances(pair_list: str) -> tuple[np.ndarray, np.ndarray]:
        pairs, same, _ = wild.pairs(pair_list)
        values = protocols.cosines(embeddings, pairs)
        known = ~np.isnan(values)
        return (1 - values[known]) / 2, same[known]

    calibration = fit_calibration(*distances("pairsDevTrain.txt"))
    table = []
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt"):
        values, labels = distances(name)
        said = calibration.resemblance(values) / 100
        right = float(np.mean((said > 0.5) == labels))
        table.append(
            {"pairs": name, "accuracy at 50": right, "expected calibration error": calibration_error(said, labels)}
        )
    asset = {
        "scorer": "cosine",
        "middle": round(calibration.middle, 5),
        "slope": round(calibration.slope, 3),
        "fitted_on": "LFW pairsDevTrain.txt (make calibrate)",
        "measured": table,
    }
    path = Path(__file__).parents[1] / "assets" / "cosine.json"
    path.write_text(json.dumps(asset, indent=1) + "\n", encoding="utf-8")
    report(
        "calibrate",
        {
            "Calibration of the resemblance by cosine": table,
            f"Resemblance of the most alike strangers among {STRANGERS} people": _strangers(wild, embeddings),
        },
    )


def _strangers(wild: LFW, embeddings: np.ndarray) -> list[dict[str, object]]:
    """What a visitor sees who is not in the gallery: people of view 1 looked up among others of them."""
    test = wild.photos_of("peopleDevTest.txt")
    _, first = np.unique(wild.people[test], return_index=True)
    rows = embeddings[test[first]]
    shares = (5, 25, 50, 75, 95)
    table: list[dict[str, object]] = []
    for scorer in (scorers.named("network"), scorers.named("cosine")):
        gallery = scorer.prepare(rows[:STRANGERS])
        distances = np.stack([scorer.distances(probe, gallery) for probe in rows[STRANGERS:]])
        ranked = -np.sort(-scorer.calibration.resemblance(distances), axis=1)
        for rank in (1, 2, 5, 10):
            percentiles = {f"{share} %": round(float(np.percentile(ranked[:, rank - 1], share))) for share in shares}
            table.append({"by": scorer.name, "rank": rank, **percentiles})
    return table


def calibration_error(said: np.ndarray, same: np.ndarray) -> float:
    """Expected calibration error (Guo et al. 2017): mean gap of said and true share over equal-width bins."""
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    gaps = [
        abs(said[bins == number].mean() - same[bins == number].mean()) * np.mean(bins == number)
        for number in np.unique(bins)
    ]
    return float(np.sum(gaps))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
