"""``make benchmark-scale``: one probe in galleries of up to ten million faces, compared with a flat faiss index.

Each gallery is written and opened like any other. Probes are LFW photos of people who are not in the gallery, and new
photos of people who are; a separate process answers them, and its memory is measured. ``SIZES=1000000 make
benchmark-scale`` measures other sizes; ten million faces need 14 GB in the temporary folder and twenty minutes.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import Line, exponent, report, times
from benchmarks.crowd import PER_PERSON, Crowd, name_of
from pipeline.embedding.registry import default_identity
from pipeline.gallery import gallery, layout, opening, writing
from pipeline.gallery.building import BuildSettings
from pipeline.gallery.details import Details
from pipeline.gallery.rows import ROW
from pipeline.search import cache, index
from pipeline.search.search import Search, SearchSettings
from pipeline.similarity import registry

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "100000,1000000,10000000").split(","))
PROBES, TOP = 100, 10
# Targets by number of faces: most milliseconds, least recall; and most gigabytes.
AIMS, MEMORY_GB_MAX = {1_000_000: (10, 0.99), 10_000_000: (25, 0.97)}, {10_000_000: 4}
NAME = "crowd"


def main() -> None:
    """Measure each size."""
    crowd = Crowd()
    rows = [_measured(crowd, size) for size in SIZES]
    lines = [line for size, row in zip(SIZES, rows, strict=True) for line in _lines(size, row)]
    if len(rows) > 1:
        columns = [name for name in rows[0] if name.endswith((", ms", ", GB"))]
        grown = {name: exponent(SIZES, [row[name] for row in rows]) for name in columns}
        rows.append({name: grown.get(name, "") for name in rows[0]} | {"faces": "grows with faces to the power"})
    report("scale", {f"One probe, the {TOP} most similar people, two cores": rows}, lines)


def _lines(size: int, row: dict[str, Any]) -> Iterator[Line]:
    if size in AIMS:
        limit, least = AIMS[size]
        recall = min(value for name, value in row.items() if name.startswith("recall"))
        yield Line(
            f"one probe among {size:,} faces, p50",
            f"{row['p50, ms']:.1f} ms, recall@{TOP} {recall:.3f}",
            f"faiss flat: {row['faiss flat, ms']:,.0f} ms",
            row["times faster than flat"],
            f"p50 below {limit} ms, recall@{TOP} {least}",
            row["p50, ms"] < limit and recall >= least,
        )
    if size in MEMORY_GB_MAX:
        yield Line(
            f"memory with {size:,} faces",
            f"{row['memory, GB']:.2f} GB",
            f"faiss flat: {row['faiss flat, GB']:.1f} GB",
            float("nan"),
            f"below {MEMORY_GB_MAX[size]} GB",
            row["memory, GB"] < MEMORY_GB_MAX[size],
        )


def _measured(crowd: Crowd, size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        os.environ["LOOKSLIKEWHO_HOME"] = place
        written, _ = times(lambda: write(crowd, size), 1)
        opened, network = opening.open_gallery(NAME), registry.load_scorer()
        made, _ = times(lambda: index.open_index(opened), 1)
        computed, _ = times(lambda: cache.prepared_rows(opened, network), 1)
        probes = crowd.probes(opened.embeddings, PROBES)
        np.save(Path(place) / "probes.npy", probes)
        command = [sys.executable, "-m", "benchmarks.scale", "--serve", str(Path(place) / "probes.npy")]
        served = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)

        search = Search(opened, network)
        every, _ = times(lambda: search.rank(probes[-1:], TOP, exact=True), 5)
        hits = [
            np.isin(search.rank(probe[None], TOP, exact=True)[0].people, people).mean()
            for probe, people in zip(probes, served["people"], strict=True)
        ]
        slow, held = _flat(opened, probes[-1:])
        middle, high = (float(np.percentile(served["seconds"], share)) for share in (50, 95))
        return {
            "faces": f"{size:,}",
            f"recall@{TOP}, strangers": float(np.mean(hits[:PROBES])),
            f"recall@{TOP}, members": float(np.mean(hits[PROBES:])),
            "p50, ms": 1000 * middle,
            "p95, ms": 1000 * high,
            "every photo scored, ms": 1000 * every,
            "faiss flat, ms": 1000 * slow,
            "times faster than flat": slow / middle,
            "written, s": written,
            "index made, s": made,
            "prepared, s": computed,
            "opened again, s": served["opened"],
            "memory, GB": served["memory"],
            "with mapped files, GB": served["mapped"],
            "faiss flat, GB": held,
        }


def _flat(opened: gallery.Gallery, probe: np.ndarray) -> tuple[float, float]:
    """Seconds of a flat faiss index for as many candidates, and its memory in GB."""
    import faiss

    before = anonymous_gb()
    flat = faiss.IndexFlatIP(opened.embeddings.shape[1])
    flat.add(np.ascontiguousarray(opened.embeddings))
    held = anonymous_gb() - before
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    count = index.candidates_among(SearchSettings().candidates, len(opened))
    return times(lambda: flat.search(probe, count), 5)[0], held


def _serve(path: Path) -> None:
    """Open the gallery, answer the probes, and print matches, times and peak memory."""
    samples, ready = [anonymous_gb()], threading.Event()

    def watch() -> None:
        while not ready.wait(0.01):
            samples.append(anonymous_gb())

    watching = threading.Thread(target=watch)
    watching.start()
    start = time.perf_counter()
    opened = opening.open_gallery(NAME, default_identity())
    search = Search(opened, registry.load_scorer())
    seconds_open = time.perf_counter() - start
    ready.set()
    watching.join()
    seconds, found = [], []
    for probe in np.load(path):
        start = time.perf_counter()
        (ranked,) = search.rank(probe[None], TOP)
        for row in ranked.best_rows.tolist():
            opened.row(row)
            opened.crop_path(row)
        seconds.append(time.perf_counter() - start)
        found.append(ranked.people.tolist())
        samples.append(anonymous_gb())
    mapped = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        json.dumps(
            {"people": found, "seconds": seconds, "opened": seconds_open, "memory": max(samples), "mapped": mapped}
        )
    )


def anonymous_gb() -> float:
    """Memory of the process without memory-mapped files, whose pages can be dropped at any time."""
    if sys.platform != "linux":
        return float("nan")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1e6


def write(crowd: Crowd, size: int, columns: pa.Table | None = None) -> None:
    """Write the gallery ``NAME``. columns: about its people, by their keys (:func:`key_of`)."""
    folder = layout.folder_of(NAME)
    folder.mkdir(parents=True)
    about = crowd.about() | {"build": asdict(BuildSettings())}
    pieces = _pieces(crowd, size)
    writing.commit(folder, pieces, generation=1, faces=size, about=about, details=Details(people=columns))


def key_of(person: int) -> str:
    """The key of a person, given the number."""
    return f"Photos/{name_of(person)} {person}"


def _pieces(crowd: Crowd, size: int) -> Iterator[tuple[pa.Table, np.ndarray]]:
    random, start = np.random.default_rng(2), 0
    for block in crowd.blocks(size):
        yield _table(range(start, start + len(block)), random), block
        start += len(block)


def _table(numbers: range, random: np.random.Generator) -> pa.Table:
    """Rows like those of a build from folders."""
    count = len(numbers)
    people = [number // PER_PERSON for number in numbers]
    called = {person: name_of(person) for person in set(people)}
    keys = {person: key_of(person) for person in called}
    folders = [keys[person] for person in people]
    hashes = random.bytes(32 * count).hex()
    side = random.normal(130, 50, count).clip(32, 400)
    columns: dict[str, Any] = {
        "person": folders,
        "name": [called[person] for person in people],
        "source": ["Photos"] * count,
        "licence": ["not stated"] * count,
        "original": [f"/home/ann/{folder}/{number}.jpg" for folder, number in zip(folders, numbers, strict=True)],
        "sha256": [hashes[start : start + 64] for start in range(0, 64 * count, 64)],
        "confidence": (1 - random.exponential(0.01, count)).clip(0.8).astype(np.float32),
        "face_side_px": side.astype(np.float32),
        "short_side_px": (side * 2).astype(np.int32),
        "round": np.zeros(count, np.int8),
        "crop": list(numbers),
    }
    return pa.table(columns, schema=ROW)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        _serve(Path(sys.argv[2]))
    else:
        main()
