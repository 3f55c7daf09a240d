"""``make benchmark-scale``: one probe in galleries of up to ten million faces, beside faiss comparing every row.

Probes are photos of LFW, of people who are not in the crowd, and new photos of people who are. ``SIZES=1000000 make
benchmark-scale`` measures other sizes; ten million faces take 11 GB of the temporary folder and a quarter of an hour.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import exponent, report, times
from benchmarks.crowd import PER_PERSON, Crowd
from pipeline import index, prepared, scorers
from pipeline.gallery import Gallery
from pipeline.search import Search, SearchSettings

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "100000,1000000,10000000").split(","))
PROBES, TOP = 100, 10


def main() -> None:
    """Measure one size after the other, the smallest first, so that the peak of memory is that of the size."""
    crowd = Crowd()
    rows = [_measured(crowd, size) for size in SIZES]
    if len(rows) > 1:
        columns = [name for name in rows[0] if name.endswith("ms")]
        grown = {name: exponent(SIZES, [row[name] for row in rows]) for name in columns}
        rows.append({name: grown.get(name, "") for name in rows[0]} | {"faces": "grows with faces to the power"})
    report("scale", {f"One probe, the {TOP} most alike people, two cores": rows})


def _measured(crowd: Crowd, size: int) -> dict[str, Any]:
    import faiss

    with tempfile.TemporaryDirectory() as place:
        opened = _gallery(Path(place), crowd, size)
        made, _ = times(lambda: index.index(opened), 1)
        network = scorers.named()
        computed, _ = times(lambda: prepared.prepared(opened, network), 1)
        search = Search(opened, network)
        random = np.random.default_rng(1)
        members = np.sort(random.choice(size, PROBES, replace=False))
        groups = {
            "strangers": crowd.rows[random.choice(len(crowd.rows), PROBES, replace=False)],
            "members": crowd.others(opened.embeddings[members], random),
        }
        row: dict[str, Any] = {"faces": f"{size:,}"}
        seconds: list[float] = []
        for kind, probes in groups.items():
            hits = []
            for probe in probes:
                taken, ranked = times(lambda: search.rank(probe, TOP), 1)  # noqa: B023
                seconds.append(taken)
                hits.append(np.isin(search.rank(probe, TOP, exact=True).people, ranked.people).mean())
            row[f"recall@{TOP}, {kind}"] = float(np.mean(hits))
        row["p50, ms"], row["p95, ms"] = (1000 * float(np.percentile(seconds, share)) for share in (50, 95))
        every, _ = times(lambda: search.rank(groups["members"][0], TOP, exact=True), 5)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        anonymous = _anonymous_gb()
        flat = faiss.IndexFlatIP(opened.embeddings.shape[1])
        flat.add(np.ascontiguousarray(opened.embeddings))
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        slow, _ = times(lambda: flat.search(groups["members"][:1], SearchSettings().candidates), 5)
        return row | {
            "every photo scored, ms": 1000 * every,
            "faiss flat, ms": 1000 * slow,
            "times faster than flat": slow / float(np.median(seconds)),
            "index made, s": made,
            "prepared, s": computed,
            "memory, GB": anonymous,
            "with mapped files, GB": peak,
        }


def _anonymous_gb() -> float:
    """What the process holds for itself; pages of mapped files can be dropped at any time."""
    if sys.platform != "linux":
        return float("nan")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1e6


def _gallery(folder: Path, crowd: Crowd, size: int) -> Gallery:
    rows = np.lib.format.open_memmap(folder / "embeddings-1.npy", "w+", dtype=np.float32, shape=(size, 128))
    start = 0
    for block in crowd.blocks(size):
        rows[start : start + len(block)] = block
        start += len(block)
    rows.flush()
    people = pa.table({"person": pa.array(np.arange(size) // PER_PERSON).cast(pa.string())})
    manifest = {"files": {"embeddings": {"sha256": f"{size:016d}"}}}
    return Gallery(folder, manifest, people, np.load(folder / "embeddings-1.npy", mmap_mode="r"))


if __name__ == "__main__":
    main()
