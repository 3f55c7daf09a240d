"""Asking the services of Wikimedia politely, as their etiquette wants it.

Every request says who asks. At most two are under way at a time. Where a service asks for a pause, none is sent until
it is over, and after errors that may pass the client waits longer each time.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import urllib3

from pipeline import __version__, storage
from pipeline.errors import SourceError, UserError

# The etiquette asks for few requests at a time; a fast line gains little from more.
REQUESTS_MAX = 2
_RETRIED = frozenset({429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
# Errors in the answers of MediaWiki that pass by themselves.
_PASSING = frozenset({"maxlag", "ratelimited", "readonly", "internal_api_error_DBQueryError"})
_LONGEST_URL = 6000
_REDIRECTS_MAX = 5


class QueryTimeoutError(UserError):
    """A query takes longer than the service allows. Asking for less helps, asking again does not."""


@dataclass(frozen=True)
class ClientSettings:
    """How the client asks.

    query_url, commons_url: the addresses of Wikidata's query service and of the API of Wikimedia Commons.
    contact: how the operators reach whoever runs this, an address of mail or of a page.
    read_seconds: the services end a query after 60 seconds. pause_seconds: after the first error, doubled each time.
    """

    query_url: str = "https://query.wikidata.org/sparql"
    commons_url: str = "https://commons.wikimedia.org/w/api.php"
    contact: str = ""
    connect_seconds: float = 15.0
    read_seconds: float = 75.0
    attempts: int = 8
    pause_seconds: float = 2.0
    pause_seconds_max: float = 120.0

    @classmethod
    def of_environment(cls) -> ClientSettings:
        """The settings with what ``LOOKSLIKEWHO_WIKIDATA_URL``, ``_COMMONS_URL``, and ``_CONTACT`` say."""
        named = {
            "query_url": "LOOKSLIKEWHO_WIKIDATA_URL",
            "commons_url": "LOOKSLIKEWHO_COMMONS_URL",
            "contact": "LOOKSLIKEWHO_CONTACT",
        }
        given: dict[str, Any] = {field: os.environ[name] for field, name in named.items() if os.environ.get(name)}
        for field, name in {"read_seconds": "READ_SECONDS", "pause_seconds": "PAUSE_SECONDS"}.items():
            if text := os.environ.get(f"LOOKSLIKEWHO_WIKIMEDIA_{name}"):
                given[field] = _seconds(text, name)
        return cls(**given)

    @property
    def user_agent(self) -> str:
        """Who asks."""
        who = f"; {self.contact}" if self.contact else ""
        return f"LooksLikeWho/{__version__} (open-source look-alike finder{who}) urllib3/{version('urllib3')}"


def _seconds(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UserError(f"LOOKSLIKEWHO_WIKIMEDIA_{name} is {text}. It must be a number of seconds.") from error


class Client:
    """Sends requests, from several threads too."""

    def __init__(self, settings: ClientSettings, *, pause_path: Path | None = None) -> None:
        """pause_path: where a pause is noted, for the process that goes on when this one was killed."""
        self.settings = settings
        self._pool = urllib3.PoolManager(
            num_pools=4,
            maxsize=REQUESTS_MAX,
            headers={"User-Agent": settings.user_agent, "Accept-Encoding": "gzip"},
            timeout=urllib3.Timeout(connect=settings.connect_seconds, read=settings.read_seconds),
            # What is sent again waits its turn.
            retries=False,
        )
        self._turns = threading.BoundedSemaphore(REQUESTS_MAX)
        self._lock = threading.Lock()
        self._pause_path = pause_path
        noted = (storage.read_json(pause_path) if pause_path else None) or {}
        until = noted.get("until")
        left = until - time.time() if isinstance(until, float) else 0
        self._not_before = time.monotonic() + min(left, settings.pause_seconds_max)

    def query(self, sparql: str) -> list[dict[str, dict[str, str]]]:
        """The rows that answer a query. Raises QueryTimeoutError, and SourceError if the service cannot be used."""
        headers = {"Accept": "application/sparql-results+json"}

        def rows(data: bytes) -> list[dict[str, dict[str, str]]]:
            # The service sends 200 before it knows whether the query ends in time, and then cuts the answer.
            found: list[dict[str, dict[str, str]]] = _object(data)["results"]["bindings"]
            return found

        return self._send(self.settings.query_url, {"query": sparql}, rows, headers=headers) or []

    def commons(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """The answer of the API of Wikimedia Commons. Raises SourceError."""
        asked = {"format": "json", "formatversion": "2", **parameters}
        found = self._send(self.settings.commons_url, asked, _checked_answer)
        if found is None:
            raise SourceError(f"There is no API at {self.settings.commons_url}.")
        return found

    def file(self, url: str) -> bytes | None:
        """The bytes of a file; None if it is gone. Raises SourceError."""
        return self._send(url, {}, lambda data: data or _again("an empty file"))

    def _send(
        self, url: str, fields: Mapping[str, str], read: Callable[[bytes], Any], *, headers: Mapping[str, str] = {}
    ) -> Any:
        """What ``read`` makes of the answer; None if the address is gone. Repeated after errors that may pass."""
        problem = ""
        for attempt in range(self.settings.attempts):
            pause = min(self.settings.pause_seconds * 2**attempt, self.settings.pause_seconds_max)
            with self._turns:
                try:
                    response = self._request(url, fields, headers)
                    if response.status in _GONE:
                        return None
                    if response.status == 200:
                        return read(response.data)
                    problem = f"it answers {response.status}"
                    self._check(url, response)
                    pause = _asked_pause(response.headers.get("Retry-After")) or pause
                except _AgainError as error:
                    problem = str(error)
                except urllib3.exceptions.HTTPError as error:
                    problem = _reason(error)
                # Before the next request has its turn.
                self._pause(pause)
        host = urllib3.util.parse_url(url).host
        raise SourceError(f"{host} cannot be used: {problem}. Try again later: what is here already is kept.")

    def _request(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """The answer, wherever it has moved to. Each request waits until a pause is over."""
        named = {**self._pool.headers, **headers}
        method = "POST" if sum(map(len, fields.values())) > _LONGEST_URL else "GET"
        encoding: dict[str, Any] = {"encode_multipart": False} if method == "POST" else {}
        for _ in range(_REDIRECTS_MAX + 1):
            self._wait()
            response = self._pool.request(method, url, fields=dict(fields), headers=named, redirect=False, **encoding)
            moved_to = response.get_redirect_location()
            if not moved_to:
                return response
            method, url, fields, encoding = "GET", urljoin(url, moved_to), {}, {}
        return _again("it redirects in a circle")

    def _check(self, url: str, response: urllib3.BaseHTTPResponse) -> None:
        """Raise what asking again does not help with."""
        body = response.data[:20_000]
        if url == self.settings.query_url and (b"TimeoutException" in body or response.status == 504):
            raise QueryTimeoutError("The query takes too long.")
        if response.status not in _RETRIED:
            host = urllib3.util.parse_url(url).host
            raise SourceError(f"{host} refuses the request: it answers {response.status}.")

    def _wait(self) -> None:
        while (left := self._not_before - time.monotonic()) > 0:
            time.sleep(left)

    def _pause(self, seconds: float) -> None:
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)
            if self._pause_path:
                storage.write_json(self._pause_path, {"until": time.time() + self._not_before - time.monotonic()})


class _AgainError(Exception):
    """An answer that is no use, where the next one may be."""


def _again(problem: str) -> Any:
    raise _AgainError(problem)


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        if b"TimeoutException" in data:
            raise QueryTimeoutError("The query takes too long.") from None
        found = None
    return found if isinstance(found, dict) else _again("its answer is cut off")


def _checked_answer(data: bytes) -> dict[str, Any]:
    """An answer of MediaWiki, which reports errors in it. Raises SourceError."""
    found = _object(data)
    if error := found.get("error"):
        if error.get("code") in _PASSING:
            _again(f"it reports {error['code']}")
        raise SourceError(f"Wikimedia Commons refuses the request: {error.get('info', error.get('code'))}")
    return found


def _asked_pause(text: str | None) -> float | None:
    """The seconds that a header Retry-After asks to wait: a number, or a date."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "it cannot be reached"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "it does not answer in time"
    if isinstance(error, urllib3.exceptions.ProtocolError | urllib3.exceptions.DecodeError):
        return "its answer is cut off"
    return "it cannot be reached"
