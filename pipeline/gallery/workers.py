"""Workers of a build in a Ray cluster: of this machine alone, or of several that share the data folder and photos.

Ray Data hands out tasks, which hold paths, to actors, which hold the networks. What an actor finds goes into a shard
on the disk. Neither photos nor embeddings pass through Ray's object store. A worker that dies is started again, and
its task repeated; Ray's own processes end with the build.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline import runtime, storage
from pipeline.embedding.base import Embedder
from pipeline.embedding.registry import entry_of
from pipeline.errors import GalleryError, UserError, reason
from pipeline.faces.detector import Detector, load_detector
from pipeline.gallery import shards
from pipeline.gallery.shards import PartTask

LOCAL = "local"
# Ray's smallest object store that it takes without complaint. Tasks of a million photos take a tenth of a gigabyte.
STORE_BYTES = 200_000_000
_TRIES = 3
_INSTALL = 'pip install "lookslikewho[ray]"'
# Ray reports to a statistics service unless told not to before it is imported, and logs what it repeats.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_USAGE_DISABLED": "1", "RAY_BACKEND_LOG_LEVEL": "fatal"}
# Otherwise Ray listens on all networks, and does what anybody there asks. It is for all systems, whatever its name.
_LOOPBACK_ONLY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
_LOOPBACK = "127.0.0.1"
# Where Ray keeps what the nodes of a cluster know each other by.
_TOKEN = Path.home() / ".ray" / "auth_token"

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
        with connected(self.address, self.count) as ray:
            try:
                yield from self._performed(ray, tasks)
            except ray.exceptions.RayError as error:
                cause = getattr(error, "cause", None) or error
                if isinstance(cause, UserError):
                    raise cause from error
                raise GalleryError(f"The workers have failed ({reason(cause)}). Run the command again.") from error

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
            self.store_bytes = max(self.store_bytes, _used_bytes(ray))
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


def load_ray(*, local: bool) -> Any:
    """The package, told to report nothing; if ``local``, to listen on this machine only. Raises UserError."""
    os.environ.update(_QUIET | (_LOOPBACK_ONLY if local else {}))
    if local:
        # Otherwise Ray keeps one in the user's folder.
        os.environ.setdefault("RAY_AUTH_TOKEN", _token())
    if "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ or _TOKEN.exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise UserError("Building with several workers needs the package ray.", command=_INSTALL) from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    return ray


@cache
def _token() -> str:
    """What Ray's processes on this machine know each other by. Ray reads it once in each process."""
    return secrets.token_hex(32)


@contextmanager
def connected(address: str, count: int | None = None) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine alone, which ends with the block. Yields the package.

    Who is connected already stays so. Raises UserError.
    """
    ray = load_ray(local=address == LOCAL)
    if ray.is_initialized():
        yield ray
        return
    # Workers find the weights where this process does.
    variables = {**_QUIET, "LOOKSLIKEWHO_HOME": str(storage.home())}
    options: dict[str, Any] = {
        "address": address,
        "runtime_env": {"env_vars": variables},
        "log_to_driver": False,
        "logging_level": "CRITICAL",
    }
    logs = None
    if address == LOCAL:
        # In a folder with a short name: the paths of sockets are limited.
        logs = tempfile.mkdtemp(prefix="ray-")
        variables["HOME"] = str(Path.home())
        options |= {
            "num_cpus": max(count or 0, os.cpu_count() or 1),
            "object_store_memory": STORE_BYTES,
            "include_dashboard": False,
            "_node_ip_address": _LOOPBACK,
            "_temp_dir": logs,
        }
    try:
        try:
            with _settings_at_home(logs):
                _start(ray, options, tries=_TRIES if address == LOCAL else 1)
        except Exception as error:  # Ray raises many kinds, also the base of all.
            raise _not_connected(address, error) from error
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        yield ray
    finally:
        ray.shutdown()
        if logs:
            shutil.rmtree(logs, ignore_errors=True)


def _not_connected(address: str, error: Exception) -> UserError:
    if address == LOCAL:
        return UserError(f"Ray does not start on this machine ({reason(error)}). Build without it.")
    text = f"There is no Ray cluster at {address} ({reason(error)}). Start one, or use {LOCAL}."
    return UserError(text, command="ray start --head")


@contextmanager
def _settings_at_home(folder: str | None) -> Iterator[None]:
    """With a folder, the home of Ray's processes, with settings of a cluster that say nothing.

    Without settings at home, a process of Ray asks the services of clouds whose machine this is, also where usage
    statistics are off.
    """
    if folder is None:
        yield
        return
    (Path(folder) / "ray_bootstrap_config.yaml").write_text("{}\n", encoding="utf-8")
    home = os.environ.get("HOME")
    os.environ["HOME"] = folder
    try:
        yield
    finally:
        if home is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = home


def _start(ray: Any, options: Mapping[str, Any], *, tries: int) -> None:
    """Connect to Ray. Where others use all cores, it gives up after 30 seconds, and starts faster the next time."""
    for left in reversed(range(tries)):
        try:
            ray.init(**options)
            return
        except Exception:
            ray.shutdown()
            if not left:
                raise


def _used_bytes(ray: Any) -> int:
    """What is in the object stores of the cluster."""
    every, free = ray.cluster_resources(), ray.available_resources()
    return int(every.get("object_store_memory", 0) - free.get("object_store_memory", 0))
