"""``make benchmark-systems``: every system side by side, recorded in ``assets/systems/`` and ``benchmarks/results/``.

Half an hour on two cores. Finished systems are not run again.
"""

from __future__ import annotations

import sys

from benchmarks import explained, report, tables
from pipeline import tensorflow_loader
from pipeline.errors import UserError
from train.datasets.lfw import LFW
from train.systems import registry, results
from train.systems.compare import compare_systems
from train.systems.inputs import LFWInputs
from train.systems.system import Budget


def main() -> None:
    """Run, record and print."""
    tensorflow_loader.load_tensorflow()
    rows = compare_systems(list(registry.systems().values()), LFWInputs(LFW(), Budget()))
    results.record()
    finished = [dict(zip(results.HEAD, results.cells(row), strict=True)) for row in rows if "rank_1" in row]
    reasons = [{"system": row["system"], "why not": row["reason"]} for row in rows if "reason" in row]
    neighbours = [
        {
            "system": row["system"],
            **_neighbours(row),
            "k-means": row["k_means_ari"],
            "agglomerative": row["agglomerative_ari"],
        }
        for row in rows
        if "k_means_ari" in row
    ]
    report(
        "systems",
        {
            "LFW: 610 people x 3 to learn from, 1,817 probes, 5,139 unknown people; 2,330 pairs of others": finished,
            "Accuracy of the k nearest neighbours, and clusters of the probes (adjusted Rand index)": neighbours,
            **({"Not run": reasons} if reasons else {}),
        },
    )
    tables.fill("systems", "published")


def _neighbours(row: dict[str, object]) -> dict[str, object]:
    curve = results.read_curves(results.systems_folder() / str(row["name"]))["k_nearest"]
    return {f"k = {k:.0f}": accuracy for k, accuracy in zip(curve["k"], curve["accuracy"], strict=True)}


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
