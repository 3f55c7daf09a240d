"""``make benchmark-calibration``: how well the shipped resemblance is calibrated, and what strangers get."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks import report, tables
from pipeline.similarity.registry import load_scorer
from train.datasets.lfw import LFW
from train.evaluation.calibration import check_calibration
from train.evaluation.distances import cosine_distances
from train.release import ReleaseData

# As many people as the demonstration gallery has.
STRANGERS = 983


def main() -> None:
    """Measure both tables."""
    lfw = LFW()
    data = ReleaseData.of_lfw(lfw)
    calibration = load_scorer("cosine").calibration
    rows = [
        {"pairs": pair_list, **check_calibration(calibration, *data.distances(pair_list, cosine_distances))[0]}
        for pair_list in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt")
    ]
    report(
        "calibration",
        {
            "Calibration of the resemblance by cosine": rows,
            f"Resemblance of the most similar strangers among {STRANGERS} people": _strangers(lfw, data.embeddings),
        },
    )
    tables.fill("calibration", "strangers")


def _strangers(lfw: LFW, embeddings: NDArray[np.float32]) -> list[dict[str, object]]:
    """What a visitor sees who is not in the gallery: people of view 1 looked up among others of view 1."""
    test = lfw.photos_of("peopleDevTest.txt")
    _, first = np.unique(lfw.people[test], return_index=True)
    rows = embeddings[test[first]]
    table: list[dict[str, object]] = []
    for scorer in (load_scorer("network"), load_scorer("cosine")):
        gallery = scorer.prepare(rows[:STRANGERS])
        distances = np.stack([scorer.distances(probe, gallery) for probe in rows[STRANGERS:]])
        ranked = -np.sort(-scorer.calibration.resemblance(distances), axis=1)
        for rank in (1, 2, 5, 10):
            percentiles = {
                f"{percent} %": round(float(np.percentile(ranked[:, rank - 1], percent)))
                for percent in (5, 25, 50, 75, 95)
            }
            table.append({"by": scorer.name, "rank": rank, **percentiles})
    return table


if __name__ == "__main__":
    main()
