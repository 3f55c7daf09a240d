"""``make benchmark-families``: families of look-alikes by several methods, and whether they come out the same again.

On the demonstration gallery; ``GALLERY=NAME`` takes another one. The adjusted Rand index compares the families with
those of the same people in another order, and of 95 in 100 of them. It is about resemblance alone: each person counts
once, by the mean of the photos, so identity plays no part.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score

from benchmarks import explained, report
from pipeline.errors import UserError
from pipeline.gallery import layout, opening
from pipeline.map import families

GALLERY = os.environ.get("GALLERY", layout.DEMONSTRATION)
_KEPT, _DRAWS = 0.95, 5
Method = Callable[[NDArray[np.float32]], NDArray[np.integer]]


def main() -> None:
    """Find families by each method, and print how alike their people are and how stable they are."""
    opened = opening.open_gallery(GALLERY)
    means = families.people_means(opened.embeddings, opened.person_of_row)
    ours = families.group_people(means)
    count = int(ours.max()) + 1
    methods: dict[str, Method] = {
        "HDBSCAN, leaves, nearest people (ships)": families.group_people,
        "HDBSCAN, leaves, all distances": _hdbscan("leaf"),
        "HDBSCAN, excess of mass": _hdbscan("eom"),
        "average linkage, as many": lambda rows: fcluster(
            linkage(rows, "average", metric="cosine"), count, "maxclust"
        ),
        "k-means, as many": lambda rows: KMeans(count, n_init=1, random_state=None).fit_predict(rows),
    }
    rows = [_measured(name, method, means) for name, method in methods.items()]
    report("families", {f"Families of {len(means):,} people": rows})


def _hdbscan(selection: str) -> Method:
    return lambda rows: HDBSCAN(3, min_samples=2, cluster_selection_method=selection, copy=True).fit_predict(rows)


def _measured(name: str, method: Method, means: NDArray[np.float32]) -> dict[str, Any]:
    labels = method(means)
    random = np.random.default_rng(0)
    order = random.permutation(len(means))
    # The order plays no part in k-means, but its random start does.
    again = adjusted_rand_score(labels[order], method(means[order]))
    draws = [np.sort(random.choice(len(means), int(_KEPT * len(means)), replace=False)) for _ in range(_DRAWS)]
    without = [adjusted_rand_score(labels[some], method(means[some])) for some in draws]
    cosines = means @ means.T
    np.fill_diagonal(cosines, -1)
    inside = labels >= 0
    same = (labels[:, None] == labels) & inside[:, None] & ~np.eye(len(means), dtype=bool)
    return {
        "families": name,
        "number": len(np.unique(labels[inside])),
        "largest": int(np.bincount(labels[inside]).max()),
        "people in one": f"{inside.mean():.0%}",
        "mean cosine within": f"{cosines[same].mean():.2f}",
        "nearest person in it": f"{(labels[cosines.argmax(axis=1)] == labels)[inside].mean():.0%}",
        "Rand index, second run": f"{again:.2f}",
        "Rand index, 5 % left out": f"{np.mean(without):.2f} ± {np.std(without):.2f}",
    }


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
