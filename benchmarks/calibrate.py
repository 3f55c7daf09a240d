"""``make calibrate``: from cosine distance to resemblance, fitted on the pairs of LFW view 1.

Writes ``assets/cosine.json``: a logistic curve fitted on ``pairsDevTrain.txt``, and how well its probabilities hold
on the other people of ``pairsDevTest.txt`` and on view 2.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks import report
from pipeline.errors import UserError
from pipeline.similarity import scorers
from train.datasets.lfw import LFW
from train.evaluation.calibration import check_calibration, fit_calibration
from train.evaluation.distances import cosine_distances, pair_distances

# As many as the demonstration gallery has.
STRANGERS = 983


def main() -> None:
    """Fit, check and write the calibration."""
    lfw = LFW()
    embeddings = lfw.embeddings()

    def distances(pair_list: str) -> tuple[np.ndarray, np.ndarray]:
        pairs = lfw.pairs(pair_list)
        values = pair_distances(embeddings, pairs.photos, cosine_distances)
        known = ~np.isnan(values)
        return values[known], pairs.same[known]

    calibration = fit_calibration(*distances("pairsDevTrain.txt"))
    table = []
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt"):
        figures, _ = check_calibration(calibration, *distances(name))
        table.append({"pairs": name, **figures})
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
            f"Resemblance of the most alike strangers among {STRANGERS} people": _strangers(lfw, embeddings),
        },
    )


def _strangers(lfw: LFW, embeddings: np.ndarray) -> list[dict[str, object]]:
    """What a visitor sees who is not in the gallery: people of view 1 looked up among others of them."""
    test = lfw.photos_of("peopleDevTest.txt")
    _, first = np.unique(lfw.people[test], return_index=True)
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


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
