"""``make benchmark-filters``: one probe among some people of a gallery of up to ten million faces, chosen by columns.

The galleries are those of ``make benchmark-scale``, with columns about their people. ``SIZES=1000000 make
benchmark-filters`` measures other sizes; ten million faces need 14 GB in the temporary folder and twenty minutes.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import data_folder, report, scale
from benchmarks.crowd import PER_PERSON, Crowd
from pipeline.gallery import opening
from pipeline.gallery.columns import Condition
from pipeline.gallery.gallery import Gallery
from pipeline.search.search import Search
from pipeline.similarity import registry

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "100000,1000000,10000000").split(","))
PROBES, TOP = 20, 10
# One occupation in each share of the people, from common to rare.
_OCCUPATIONS = {"actor": 0.1, "painter": 0.01, "astronaut": 0.001}
WHERE = (
    (),
    ("sex=female",),
    ("born=1980..1999",),
    ("occupation=actor",),
    ("occupation=painter",),
    ("occupation=astronaut",),
    ("sex=female", "born=1980..1999", "occupation=actor|painter"),
)


def main() -> None:
    """Measure each size."""
    crowd = Crowd()
    report(
        "filters",
        {
            f"One probe, the {TOP} most similar of some people": [
                row for size in SIZES for row in _measured(crowd, size)
            ]
        },
    )


def _measured(crowd: Crowd, size: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place, data_folder(Path(place)):
        scale.write(crowd, size, _columns(-(-size // PER_PERSON)))
        opened = opening.open_gallery(scale.NAME)
        search = Search(opened, registry.load_scorer())
        probes = crowd.probes(opened.embeddings, PROBES)
        search.rank(probes[:1], TOP)
        return [_row(search, opened, probes, conditions) for conditions in WHERE]


def _columns(people: int) -> pa.Table:
    """Columns of people, drawn by chance."""
    random = np.random.default_rng(3)
    drawn, ends = random.random(people), np.cumsum([*_OCCUPATIONS.values()])
    occupations = np.array([*_OCCUPATIONS, "writer"])[np.searchsorted(ends, drawn)]
    sexes = np.array(["male", "female"])[random.integers(2, size=people)]
    ends_of_lists = pa.array(np.arange(people + 1), pa.int32())
    return pa.table(
        {
            "person": pa.array([scale.key_of(person) for person in range(people)], pa.string()),
            "sex": pa.ListArray.from_arrays(ends_of_lists, pa.array(sexes, pa.string())),
            "occupation": pa.ListArray.from_arrays(ends_of_lists, pa.array(occupations, pa.string())),
            "born": random.integers(1900, 2006, size=people).astype(np.float64),
        }
    )


def _row(search: Search, opened: Gallery, probes: np.ndarray, where: tuple[str, ...]) -> dict[str, Any]:
    conditions = tuple(map(Condition.parse, where))

    def rank(probe: np.ndarray, *, exact: bool = False) -> Any:
        among = opened.columns.mask(conditions) if conditions else None
        return search.rank(probe[None], TOP, among=among, exact=exact)[0]

    # Of the processor: a search is the work of one thread, and other programs do not count.
    start = time.process_time()
    rank(probes[0])
    first = time.process_time() - start
    seconds, hits = [], []
    for probe in probes:
        start = time.process_time()
        found = rank(probe)
        seconds.append(time.process_time() - start)
        hits.append(np.isin(rank(probe, exact=True).people, found.people).mean())
    chosen = int(opened.columns.mask(conditions).sum()) if conditions else opened.people_count
    return {
        "faces": f"{len(opened):,}",
        "where": " and ".join(where).replace("|", " or ") or "everyone",
        "people": f"{chosen:,}",
        "first, ms": f"{1000 * first:.0f}",
        "p50, ms": f"{1000 * float(np.median(seconds)):.1f}",
        "p95, ms": f"{1000 * float(np.percentile(seconds, 95)):.1f}",
        f"recall@{TOP}": f"{float(np.mean(hits)):.3f}",
    }


if __name__ == "__main__":
    main()
