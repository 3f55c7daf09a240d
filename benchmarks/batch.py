"""``make benchmark-batch``: many probes at once, compared with one by one, through the same door."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import Line, data_folder, exponent, report, times
from benchmarks.crowd import Crowd
from pipeline.gallery import opening
from pipeline.search.ranking import Ranking
from pipeline.search.search import Search
from pipeline.similarity import registry

SIZES = (10_000, 30_000, 91_310)
PROBES = (8, 64, 256)
TOP, ROUNDS, TIMES_MIN = 10, 9, 8


def main() -> None:
    """Measure galleries of three sizes with 64 probes, and the largest with other numbers of probes."""
    crowd = Crowd()
    random = np.random.default_rng(1)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place, data_folder(Path(place)):
        for size in SIZES:
            crowd.gallery(f"crowd-{size}", size)
            opened = opening.open_gallery(f"crowd-{size}")
            search = Search(opened, registry.load_scorer())
            people = opened.embeddings[np.sort(random.choice(size, max(PROBES)))]
            probes = crowd.others(people, random)
            rows += [
                {"faces": size, "probes": count, **_measured(search, probes[:count])}
                for count in (PROBES if size == SIZES[-1] else (64,))
            ]
    same = [row for row in rows if row["probes"] == 64]
    growth = {name: exponent(SIZES, [row[name] for row in same]) for name in same[0] if name.endswith("ms")}
    largest = same[-1]
    line = Line(
        f"64 probes at once, {SIZES[-1]:,} faces, people ranked",
        f"{largest['at once, ms']:.0f} ms",
        f"one by one: {largest['one by one, ms']:.0f} ms, every photo scored: {largest['every photo, ms']:.0f} ms",
        largest["times faster"],
        f"{TIMES_MIN} times",
        largest["times faster"] >= TIMES_MIN,
    )
    report(
        "batch",
        {
            f"Many probes, the {TOP} most similar people of each": rows,
            "64 probes": [{"": "grows with faces to the power", **growth}],
        },
        [line],
    )


def _measured(search: Search, probes: np.ndarray) -> dict[str, float]:
    """Milliseconds each way; ``times faster`` compares with one by one, as the finder looks faces up."""

    def alone(exact: bool) -> list[Ranking]:
        return [search.rank(probe[None], TOP, exact=exact)[0] for probe in probes]

    ways: tuple[Callable[[], list[Ranking]], ...] = (
        lambda: search.rank(probes, TOP),
        lambda: alone(False),
        lambda: alone(True),
    )
    found, _, expected = (way() for way in ways)
    # Alternating, because the machine's speed varies.
    seconds = [[times(way, 1)[0] for way in ways] for _ in range(ROUNDS)]
    together, singly, exactly = np.median(seconds, axis=0).tolist()
    # The matrix product alone: a lower bound for comparing all with all.
    product = search.scorer.product_of(probes)
    weights = np.ascontiguousarray(product.weights.T) if product else probes
    prepared = np.ascontiguousarray(search.scorer.prepare(search.gallery.embeddings))
    least, _ = times(lambda: weights @ prepared.T, ROUNDS)
    return {
        "at once, ms": 1000 * together,
        "one by one, ms": 1000 * singly,
        "every photo, ms": 1000 * exactly,
        "the product alone, ms": 1000 * least,
        "times faster": singly / together,
        "same people": float(
            np.mean([(one.people == other.people).mean() for one, other in zip(found, expected, strict=True)])
        ),
    }


if __name__ == "__main__":
    main()
