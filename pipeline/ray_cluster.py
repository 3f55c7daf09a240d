"""Connecting to Ray: a cluster of this machine alone, which ends with the work, or one of several machines."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.errors import UserError, reason

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
        raise UserError("Work in a Ray cluster needs the package ray.", command=_INSTALL) from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    return ray


@cache
def _token() -> str:
    """What Ray's processes on this machine know each other by. Ray reads it once in each process."""
    return secrets.token_hex(32)


@contextmanager
def connected(address: str, count: int | None = None) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine alone, which ends with the block. Yields the package.

    Who is connected already stays so. Raises UserError, also where work fails in the block.
    """
    ray = load_ray(local=address == LOCAL)
    if ray.is_initialized():
        with _failures(ray):
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
        with _failures(ray):
            yield ray
    finally:
        ray.shutdown()
        if logs:
            shutil.rmtree(logs, ignore_errors=True)


@contextmanager
def _failures(ray: Any) -> Iterator[None]:
    """Say why workers have failed. Raises UserError."""
    try:
        yield
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        if isinstance(cause, UserError):
            raise cause from error
        raise UserError(f"The workers have failed ({reason(cause)}). Run the command again.") from error


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


def used_bytes(ray: Any) -> int:
    """What is in the object stores of the cluster."""
    every, free = ray.cluster_resources(), ray.available_resources()
    return int(every.get("object_store_memory", 0) - free.get("object_store_memory", 0))
