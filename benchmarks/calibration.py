"""``make benchmark-calibration``: how often two faces are one person where the calibration says so."""

from __future__ import annotations

from benchmarks import report, tables
from pipeline.similarity.registry import load_scorer
from train.datasets.lfw import LFW
from train.evaluation.calibration import check_calibration
from train.evaluation.distances import cosine_distances
from train.release import ReleaseData


def main() -> None:
    """Measure and fill the table."""
    lfw = LFW()
    data = ReleaseData.of_lfw(lfw)
    calibration = load_scorer("cosine").calibration
    rows = [
        {"pairs": pair_list, **check_calibration(calibration, *data.distances(pair_list, cosine_distances))[0]}
        for pair_list in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt")
    ]
    report("calibration", {"Calibration by cosine": rows})
    tables.fill("calibration")


if __name__ == "__main__":
    main()
