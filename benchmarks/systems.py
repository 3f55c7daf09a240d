"""``make benchmark-systems``: every system side by side, recorded in ``assets/systems/`` and ``benchmarks/results/``.

About half an hour on two cores; a system that is finished is not run again.
"""

from __future__ import annotations

import sys

from benchmarks import report, tables
from pipeline import tensorflow_loader
from pipeline.errors import UserError
from train.datasets.lfw import LFW
from train.systems import compare
from train.systems.protocol import Budget


def main() -> None:
    """Run, record and print."""
    tensorflow_loader.load()
    rows = compare.compare(list(compare.systems().values()), compare.LFWInputs(LFW(), Budget()))
    compare.record()
    finished = [dict(zip(compare.HEAD, compare.cells(row), strict=True)) for row in rows if "rank_1" in row]
    reasons = [{"system": row["system"], "why not": row["reason"]} for row in rows if "reason" in row]
    neighbours = [
        {"system": row["system"], **_neighbours(row["name"]), **_clusters(row)}
        for row in rows
        if "k_means_ari" in row
    ]
    report(
        "systems",
        {
            "LFW: 610 people x 3 learned from, 1,817 probes, 5,139 unknown; 2,330 pairs of other people": finished,
            "Nearest neighbours over k, and clusters of the probes (adjusted Rand index)": neighbours,
            **({"Not run": reasons} if reasons else {}),
        },
    )
    tables.fill("systems", "published")


def _neighbours(name: str) -> dict[str, object]:
    curve = compare.curves(compare.folder() / name)["k_nearest"]
    return {f"k = {k:.0f}": accuracy for k, accuracy in zip(curve["k"], curve["accuracy"], strict=True)}


def _clusters(row: dict[str, object]) -> dict[str, object]:
    return {"k-means": row["k_means_ari"], "agglomerative": row["agglomerative_ari"]}


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
