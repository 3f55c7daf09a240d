"""Ray clusters of several nodes on loopback addresses, started and ended here."""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

from pipeline import ray_cluster
from tests import processes

_STARTED_SECONDS = 120
# Not the usual address of a machine for itself: Ray replaces that by its address in the network.
_HEAD = "127.0.0.2"


@contextmanager
def nodes(count: int, *, cores: int = 1) -> Iterator[str]:
    """A cluster of nodes with so many cores each, at 127.0.0.2, 127.0.0.3 and so on. Yields its address.

    Processes that are started meanwhile can connect.
    """
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32)))
        # Ray may have been told that there is no other machine.
        os.environ.pop("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", None)
        port = _free_port()
        address = f"{_HEAD}:{port}"
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True))
        for number in range(2, count + 2):
            head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
            command: list[str | Path] = [
                *(Path(sys.executable).with_name("ray"), "start", "--block", "--disable-usage-stats"),
                *(head if number == 2 else [f"--address={address}"]),
                *(f"--node-ip-address=127.0.0.{number}", f"--num-cpus={cores}"),
                f"--object-store-memory={ray_cluster.STORE_BYTES}",
            ]
            log = Path(folder) / f"node-{number}.log"
            with log.open("w") as words:
                node = subprocess.Popen(
                    command, stdout=words, stderr=words, env=dict(os.environ), start_new_session=True
                )
            stack.callback(_end, node)
            _wait_for(log, node)
        yield address


def _end(node: subprocess.Popen[bytes]) -> None:
    """End a node. Some of its processes would take a minute to find out."""
    node.terminate()
    with suppress(subprocess.TimeoutExpired):
        node.wait(20)
    for process in processes.of_session(node.pid):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    node.wait()


def _free_port() -> int:
    """A port that nobody has, below those that the system gives to Ray's other processes."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as tried, suppress(OSError):
            tried.bind((_HEAD, port))
            return port
    raise RuntimeError("There is no free port.")


def _wait_for(log: Path, node: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTED_SECONDS
    while "Ray runtime started" not in log.read_text():
        if node.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"A node of Ray has not started:\n{log.read_text()}")
        time.sleep(0.1)
