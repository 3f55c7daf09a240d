"""``make benchmark-ray``: a gallery built with workers in Ray, compared with one process.

The first photos of LFW are built by one process, by two workers on this machine, and by a cluster of two nodes with a
worker each, on loopback addresses. How it grows is simulated: workers wait a known time for each photo, so that the
cores of this machine do not matter. ``PHOTOS=200 make benchmark-ray`` takes other numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import data_folder, report
from pipeline import ray_cluster, storage
from pipeline.gallery import building, opening
from pipeline.gallery.building import BuildProgress, BuildSettings
from pipeline.gallery.workers import LoadNetworks, Networks, RayWorkers
from pipeline.lookalikes import Models
from pipeline.sources import lfw
from pipeline.sources.base import SourcePeople, SourcePerson, source_people
from tests import ray_nodes, toys
from train.datasets.lfw import lfw_folder

PHOTOS = int(os.environ.get("PHOTOS", "2000"))
# Of the simulation: what a photo costs, in seconds, and how many there are.
COST_SECONDS, SIMULATED_PHOTOS, SIMULATED_WORKERS = 0.05, 512, (1, 2, 4)
# Small parts, so that the last one to be done is hardly waited for.
PARTS = BuildSettings(people_per_part=1)
WAYS = PLAIN, _, NODES = "one process", "two workers", "two nodes"


def main() -> None:
    """Measure the builds, then the simulation."""
    report(
        "ray",
        {
            f"The first {PHOTOS:,} photos of LFW": _builds(),
            f"A simulated cost of {1000 * COST_SECONDS:.0f} ms a photo": _simulated(),
        },
    )


class _Clock:
    """When how many photos were done, without the start."""

    def __init__(self) -> None:
        self.begun, self.first, self.last = time.perf_counter(), (0.0, 0), (0.0, 0)

    def __call__(self, done: BuildProgress) -> None:
        now = (time.perf_counter() - self.begun, done.photos)
        if done.photos and not self.first[1]:
            self.first = now
        if done.photos > self.last[1]:
            self.last = now

    @property
    def rate(self) -> float:
        """Photos a second, from the first ones that were done to the last."""
        return (self.last[1] - self.first[1]) / (self.last[0] - self.first[0])


def _builds() -> list[dict[str, Any]]:
    """What each way takes, in a process of its own: Ray keeps settings of the first cluster that it connects to."""
    rows, plain = list[dict[str, Any]](), None
    for way in WAYS:
        with tempfile.TemporaryDirectory() as place:
            command = [sys.executable, "-m", "benchmarks.ray_build", way, place]
            took = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
            with data_folder(Path(place)):
                embeddings = np.array(opening.open_gallery("lfw").embeddings)
        plain = plain or (took["rate"], embeddings)
        rows.append(
            {
                "way": way,
                "photos a second": f"{took['rate']:.1f}",
                "share": f"{took['rate'] / plain[0]:.2f}",
                "with Ray's start": f"{took['photos'] / took['seconds']:.1f}",
                "largest difference": f"{np.abs(embeddings - plain[1]).max():.0e}",
                "object store, MB at most": f"{took['store_bytes'] / 1e6:.1f}" if way in WAYS[1:] else "–",
            }
        )
        print(rows[-1], flush=True)
    return rows


def _build(way: str, place: Path) -> None:
    """Build in a data folder; print photos, seconds, photos a second once it works, and what Ray's store held."""
    (place / "models").symlink_to(storage.home() / "models")
    with data_folder(place), ray_nodes.nodes(2) if way == NODES else nullcontext(ray_cluster.LOCAL) as address:
        models = Models.load()
        load = LoadNetworks(models.detector.name, models.embedder.identity)
        ray = RayWorkers(address, load, None if way == NODES else 2)
        clock = _Clock()
        workers = None if way == PLAIN else ray
        building.build("lfw", _people(), models.detector, models.embedder, progress=clock, workers=workers)
        seconds, photos = time.perf_counter() - clock.begun, clock.last[1]
    print(json.dumps({"photos": photos, "seconds": seconds, "rate": clock.rate, "store_bytes": ray.store_bytes}))


def _people() -> SourcePeople:
    """The people of the first photos of LFW."""
    found, photos = list[SourcePerson](), 0
    for person in lfw.lfw_people(lfw_folder()).people:
        if photos >= PHOTOS:
            break
        found.append(person)
        photos += min(len(person.photos), BuildSettings.photos_per_person)
    return source_people(found)


def _simulated() -> list[dict[str, Any]]:
    rows = list[dict[str, Any]]()
    for count in SIMULATED_WORKERS:
        with tempfile.TemporaryDirectory() as place, data_folder(Path(place)):
            people = toys.crowd(Path(place) / "photos", SIMULATED_PHOTOS)
            clock, ray = _Clock(), RayWorkers(ray_cluster.LOCAL, load_waiting, count)
            networks = toys.load_networks(1)
            building.build("toys", people, *networks, settings=PARTS, progress=clock, workers=ray)
            speed = clock.rate / float(rows[0]["photos a second"]) if rows else 1.0
            rows.append(
                {
                    "workers": str(count),
                    "photos a second": f"{clock.rate:.1f}",
                    "times faster": f"{speed:.2f}",
                    "share of ideal": f"{speed / count:.2f}",
                    "object store, MB at most": f"{ray.store_bytes / 1e6:.1f}",
                }
            )
            print(rows[-1], flush=True)
    return rows


def load_waiting(threads: int) -> Networks:
    """The toys' networks, of which one waits for each photo, as if it computed on a core of its own."""
    detector, embedder = toys.load_networks(threads)
    find = detector.network

    def find_later(photos: np.ndarray) -> Any:
        time.sleep(COST_SECONDS * len(photos))
        return find(photos)

    detector.network = find_later
    return detector, embedder


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        _build(sys.argv[1], Path(sys.argv[2]))
