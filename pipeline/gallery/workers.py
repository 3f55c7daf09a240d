"""Workers of a build in a Ray cluster: of this machine alone, or of several that share the data folder and photos.

Ray Data hands out tasks, which hold paths, to actors, which hold the networks. What an actor finds goes into a shard
on the disk. Neither photos nor embeddings pass through Ray's object store. A worker that dies is started again, and
its task repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import ray_cluster, runtime
from pipeline.embedding.base import Embedder
from pipeline.embedding.registry import entry_of
from pipeline.errors import GalleryError
from pipeline.faces.detector import Detector, load_detector
from pipeline.gallery import shards
from pipeline.gallery.shards import PartTask

Networks = tuple[Detector, Embedder]


@dataclass
class RayWorkers:
    """Workers at an address: ``local``, or that of a cluster, ``HOST:PORT``.

    load: loads the networks in each worker, given its number of threads. count: of workers, which have one thread
    each; one for each processor core by default. store_bytes: what was in the object store at most, known at the end.
    """

    address: str
    load: Callable[[int], Networks]
    count: int | None = None
    store_bytes: int = 0

    def perform(self, tasks: Sequence[PartTask]) -> Iterator[Path]:
        """Have tasks done, in any order. Yields the place of each shard once it is written.

        Raises UserError if Ray is missing, nobody answers at the address, or the workers fail.
        """
        if not tasks:
            return
        with ray_cluster.connected(self.address, self.count) as ray:
            yield from self._performed(ray, tasks)

    def _performed(self, ray: Any, tasks: Sequence[PartTask]) -> Iterator[Path]:
        count = min(self.count or int(ray.cluster_resources().get("CPU", 1)), len(tasks))
        # One task in each block, so that whoever is free takes the next.
        listed = ray.data.from_items([{"task": task} for task in tasks], override_num_blocks=len(tasks))
        done = listed.map_batches(
            _Worker,
            fn_constructor_args=(self.load,),
            compute=ray.data.ActorPoolStrategy(size=count),
            batch_size=1,
            num_cpus=1,
        )
        for row in done.iter_rows():
            self.store_bytes = max(self.store_bytes, ray_cluster.used_bytes(ray))
            yield Path(row["place"])


class _Worker:
    """An actor: loads the networks once, then screens part after part."""

    def __init__(self, load: Callable[[int], Networks]) -> None:
        self.detector, self.embedder = load(1)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[str]]:
        (task,) = batch["task"]
        shards.perform(task, self.detector, self.embedder)
        return {"place": [str(task.place)]}


@dataclass(frozen=True)
class LoadNetworks:
    """Loads the networks of a build in another process. detector: its name. embedding: the embedder's identity."""

    detector: str
    embedding: Mapping[str, Any]

    def __call__(self, threads: int) -> Networks:
        """Detector and embedder. Raises UserError."""
        runtime.use_threads(threads)
        entry = entry_of(dict(self.embedding))
        if entry is None:
            raise GalleryError(f"A worker does not have the face model {self.embedding.get('model')}.")
        return load_detector(self.detector), entry.load()
