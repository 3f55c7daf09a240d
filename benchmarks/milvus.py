"""``make benchmark-milvus``: candidates from milvus-lite beside faiss, in galleries of up to a million faces.

Each gallery is that of ``make benchmark-scale``, with the same probes. ``SIZES=10000 make benchmark-milvus`` measures
other sizes. Milvus-lite runs in the same process, and is meant for small collections; what is measured here is that
the same faces are found, and what they cost in a file, not how fast a server is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import data_folder, report, tables, times
from benchmarks.crowd import Crowd
from benchmarks.scale import NAME, TOP, anonymous_gb, write
from pipeline.gallery import milvus, opening
from pipeline.search.search import Search
from pipeline.similarity import registry

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "10000,100000,1000000").split(","))
PROBES = int(os.environ.get("PROBES", "20"))
TITLE = f"One probe, the {TOP} most similar people, by each index"


def main() -> None:
    """Measure each size."""
    crowd = Crowd()
    report("milvus", {TITLE: [row for size in SIZES for row in _measured(crowd, size)]})
    tables.fill("milvus")


def _measured(crowd: Crowd, size: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place, data_folder(Path(place)):
        write(crowd, size)
        opened = opening.open_gallery(NAME)
        probes = crowd.probes(opened.embeddings, PROBES)
        np.save(Path(place) / "probes.npy", probes)
        search = Search(opened, registry.load_scorer())
        exact = [search.rank(probe[None], TOP, exact=True)[0].people for probe in probes]
        del search
        rows = []
        for index in (milvus.FAISS, f"milvus:{Path(place) / 'faces.db'}"):
            command = [sys.executable, "-m", "benchmarks.milvus", "--serve", str(Path(place) / "probes.npy")]
            # The second time, the index is there.
            made, served = (_served(command, index) for _ in range(2))
            rows.append(_row(size, index, made["opened"], served, exact))
        return rows


def _served(command: list[str], index: str) -> dict[str, Any]:
    variables = {**os.environ, milvus.ENVIRONMENT: index}
    found: dict[str, Any] = json.loads(
        subprocess.run(command, stdout=subprocess.PIPE, env=variables, check=True).stdout
    )
    return found


def _row(size: int, index: str, made: float, served: dict[str, Any], exact: list[np.ndarray]) -> dict[str, Any]:
    pairs = list(zip(exact, served["people"], strict=True))
    middle, high = (1000 * float(np.percentile(served["seconds"], share)) for share in (50, 95))
    return {
        "faces": f"{size:,}",
        "index": "faiss" if index == milvus.FAISS else f"milvus-lite, {milvus.index_for(size)}",
        f"recall@{TOP}": f"{np.mean([np.isin(people, found).mean() for people, found in pairs]):.3f}",
        "same order": f"{np.mean([people.tolist() == found for people, found in pairs]):.2f}",
        "p50, ms": f"{middle:,.1f}",
        "p95, ms": f"{high:,.1f}",
        # That of faiss is there: the exact scan has made it.
        "made, s": "–" if index == milvus.FAISS else f"{made:,.1f}",
        "opened again, s": f"{served['opened']:.1f}",
        "memory, GB": f"{served['memory']:.2f}",
    }


def _serve(path: Path) -> None:
    """Open the gallery with the index, answer the probes, and print people, times and memory."""
    opened = opening.open_gallery(NAME)
    seconds_open, search = times(lambda: Search(opened, registry.load_scorer()), 1)
    probes = np.load(path)
    search.rank(probes[:1], TOP)
    seconds, found = [], []
    for probe in probes:
        start = time.perf_counter()
        (ranked,) = search.rank(probe[None], TOP)
        seconds.append(time.perf_counter() - start)
        found.append(ranked.people.tolist())
    print(json.dumps({"people": found, "seconds": seconds, "opened": seconds_open, "memory": anonymous_gb()}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        _serve(Path(sys.argv[2]))
    else:
        main()
