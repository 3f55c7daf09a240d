"""Programs that ask a server, each again as soon as it has its answer; run by locust in the peers' environment.

``python -m locust --locustfile benchmarks/load.py`` gets a file with the bytes of requests in ``LOAD_REQUESTS``.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

from locust import FastHttpUser, task

_GIVEN = json.loads(Path(os.environ["LOAD_REQUESTS"]).read_text(encoding="utf-8"))
_BODIES = [Path(name).read_bytes() for name in _GIVEN["bodies"]]
_NEXT = itertools.cycle(_BODIES)


class Program(FastHttpUser):
    """A program that sends one request after the other."""

    network_timeout = connection_timeout = 600.0

    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        """Send the next request."""
        headers = {"Content-Type": _GIVEN["type"]}
        self.client.post(_GIVEN["path"], data=next(_NEXT), headers=headers)
