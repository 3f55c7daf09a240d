"""The real app, asked as other programs ask it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from pages.shared import limits, public
from pipeline import storage
from pipeline.gallery import layout
from server import logs
from server.api import api_settings, keys
from tests.browser import serving


@dataclass
class Served:
    """A server with its own data folder. log: the file with its log. keys: those of its programs, by name."""

    client: httpx.Client
    home: Path
    log: Path
    keys: dict[str, str] = field(default_factory=dict)

    def find(self, *photos: bytes | Path, **wanted: Any) -> httpx.Response:
        """Ask ``/v1/find`` with the program's key, if there is one."""
        return self.client.post("/v1/find", files=files(photo=photos), data=wanted, headers=self.headers("phone"))

    def headers(self, name: str) -> dict[str, str]:
        """The header with a key."""
        return {"Authorization": f"Bearer {self.keys[name]}"} if name in self.keys else {}


def files(**photos: Any) -> list[tuple[str, tuple[str, bytes]]]:
    """Photos for a form by their names, each a path or bytes, or several of them."""
    several = [
        (name, each) for name, given in photos.items() for each in (given if isinstance(given, tuple) else (given,))
    ]
    return [(name, ("me.jpg", each.read_bytes() if isinstance(each, Path) else each)) for name, each in several]


def problem(answer: httpx.Response, status: int, kind: str) -> str:
    """The sentence of a problem of this kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["type"], said["status"]) == (f"urn:lookslikewho:{kind}", status)
    assert said["request_id"] == answer.headers["x-request-id"]
    assert not re.search(r"Traceback|\.py|galleries/|/home|/tmp", answer.text), answer.text
    return str(said["detail"])


@contextmanager
def server(place: Path, **variables: str) -> Iterator[Served]:
    """A server with these variables of the environment and a copy of the demonstration."""
    home = place / "home"
    (home / "galleries").mkdir(parents=True)
    for part in ("models", "photos"):
        (home / part).symlink_to(storage.home() / part)
    shutil.copytree(layout.folder_of(layout.DEMONSTRATION), home / "galleries" / layout.DEMONSTRATION)
    (place / "temporary").mkdir()
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            ours = (public.VARIABLE, limits.VARIABLE, api_settings.VARIABLE, api_settings.KEYS_VARIABLE)
            for name in ours:
                patch.delenv(name, raising=False)
            for name, value in {logs.VARIABLE: "json", **variables}.items():
                patch.setenv(name, value)
            address = stack.enter_context(serving.app(home, place / "temporary"))
        client = stack.enter_context(httpx.Client(base_url=address, timeout=120))
        yield Served(client, home, place / "app.log")


@pytest.fixture(scope="package")
def served(tmp_path_factory):
    """A server for its own machine, which tells embeddings."""
    with server(tmp_path_factory.mktemp("api"), **{api_settings.VARIABLE: "on,embeddings"}) as started:
        yield started


@pytest.fixture(scope="package")
def public_served(tmp_path_factory):
    """A public server whose programs need keys, and may send four photos a minute."""
    place = tmp_path_factory.mktemp("public-api")
    made = {
        "phone": keys.add(place / "keys", "phone"),
        "busy": keys.add(place / "keys", "busy"),
        "watch": keys.add(place / "keys", "watch", reads_metrics=True),
    }
    variables = {
        public.VARIABLE: layout.DEMONSTRATION,
        api_settings.KEYS_VARIABLE: str(place / "keys"),
        limits.VARIABLE: "photos_a_minute_with_a_key=4,looks_at_once=1",
    }
    with server(place, **variables) as started:
        started.keys.update(made)
        yield started
