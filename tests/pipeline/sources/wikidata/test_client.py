"""The client against a real server that fails in every way it can."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline.errors import SourceError, UserError
from pipeline.sources.wikidata.client import Client, ClientSettings, QueryTimeoutError

OK = b'{"results": {"bindings": [{"a": {"type": "literal", "value": "1"}}]}}'
Reply = Callable[[BaseHTTPRequestHandler], None]


def send(status: int, body: bytes, length: int | None = None, **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = length is not None

    return reply


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)
    handler.close_connection = True


@contextmanager
def server(*replies: Reply) -> Iterator[tuple[Client, list[tuple[str, str, float, str]]]]:
    """A client of a server that gives these replies, the last one again and again, and what it was asked."""
    asked: list[tuple[str, str, float, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            asked.append((self.command, self.path, time.monotonic(), self.headers["User-Agent"]))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            replies[min(len(asked), len(replies)) - 1](self)

        do_POST = do_GET  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        address = f"http://127.0.0.1:{listening.server_address[1]}"
        settings = ClientSettings(
            f"{address}/sparql", f"{address}/w/api.php", "me@example.org", 1, 0.3, attempts=4, pause_seconds=0.05
        )
        try:
            yield Client(settings), asked
        finally:
            listening.shutdown()


@pytest.mark.parametrize(
    "failure",
    [
        send(500, b"error"),
        send(503, b""),
        send(429, b"", Retry_After="0"),
        send(200, OK[:30]),
        send(200, OK, length=1000),
        hang,
        send(302, b"", Location="/elsewhere"),
    ],
    ids=["500", "503", "429", "cut JSON", "cut body", "time-out", "redirect"],
)
def test_what_passes_is_asked_again(failure):
    with server(failure, send(200, OK)) as (client, asked):
        assert client.query("SELECT") == [{"a": {"type": "literal", "value": "1"}}]
    assert len(asked) == 2
    assert {agent for *_, agent in asked} == {client.settings.user_agent}
    assert client.settings.user_agent.startswith("LooksLikeWho/")
    assert "me@example.org" in client.settings.user_agent


def test_the_pause_that_a_service_asks_for_is_kept_by_all_threads():
    for header, seconds in (("1", 1.0), ("a date", 0.9)):
        if header == "a date":
            header = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        with server(send(429, b"", Retry_After=header), send(200, OK)) as (client, asked):
            threads = [threading.Thread(target=client.query, args=(f"SELECT {number}",)) for number in range(3)]
            threads[0].start()
            time.sleep(0.2)
            for thread in threads[1:]:
                thread.start()
            for thread in threads:
                thread.join()
        first, *others = [when for _, _, when, _ in asked]
        assert len(others) == 3
        assert all(when - first >= seconds for when in others)


def test_what_has_moved_is_not_asked_for_during_a_pause():
    clients: list[Client] = []

    def move_while_another_thread_is_asked_to_wait(handler: BaseHTTPRequestHandler) -> None:
        clients[0]._pause(0.8)
        send(302, b"", Location="/elsewhere")(handler)

    with server(move_while_another_thread_is_asked_to_wait, send(200, b"photo")) as (client, asked):
        clients.append(client)
        assert client.file(client.settings.commons_url) == b"photo"
    assert asked[1][2] - asked[0][2] >= 0.8
    with (
        server(send(302, b"", Location="/elsewhere")) as (client, asked),
        pytest.raises(SourceError, match="it redirects in a circle"),
    ):
        client.file(client.settings.commons_url)


def test_no_more_than_two_requests_are_under_way_at_a_time():
    at_once, most, lock = 0, 0, threading.Lock()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02)
        with lock:
            at_once -= 1
        send(200, OK)(handler)

    with server(slow) as (client, asked):
        threads = [threading.Thread(target=client.query, args=(f"SELECT {number}",)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(asked) == 12
    assert most == 2


@pytest.mark.parametrize(
    "answer",
    [
        send(500, b"java.util.concurrent.TimeoutException: Query deadline is expired."),
        send(504, b"gateway"),
        send(200, b'{"results": {"bindings": [ java.util.concurrent.TimeoutException'),
    ],
)
def test_a_query_that_takes_too_long_is_not_asked_again(answer):
    with server(answer) as (client, asked), pytest.raises(QueryTimeoutError):
        client.query("SELECT")
    assert len(asked) == 1


def test_a_service_that_stays_away_is_explained():
    with server(send(500, b"")) as (client, asked), pytest.raises(SourceError) as raised:
        client.query("SELECT")
    assert len(asked) == 4
    assert str(raised.value) == (
        "127.0.0.1 cannot be used: it answers 500. Try again later: what is here already is kept."
    )
    with server(send(403, b"")) as (client, asked), pytest.raises(SourceError, match="refuses the request"):
        client.query("SELECT")
    assert len(asked) == 1
    away = Client(ClientSettings("http://127.0.0.1:9/", attempts=2, pause_seconds=0.01))
    with pytest.raises(SourceError, match="it cannot be reached"):
        away.query("SELECT")


def test_files_that_are_gone_are_none_and_long_queries_are_posted():
    with server(send(404, b"")) as (client, _):
        assert client.file(client.settings.query_url) is None
    with server(send(200, b""), send(200, b"photo")) as (client, _):
        assert client.file(client.settings.query_url) == b"photo"
    with server(send(200, OK)) as (client, asked):
        client.query("SELECT" + " wd:Q1" * 2000)
        client.query("SELECT")
    assert [method for method, *_ in asked] == ["POST", "GET"]


def test_errors_of_mediawiki_are_explained_or_asked_again():
    lag, bad = b'{"error": {"code": "maxlag", "info": "lag"}}', b'{"error": {"code": "badvalue", "info": "Bad."}}'
    with server(send(200, lag), send(200, b'{"query": {}}')) as (client, asked):
        assert client.commons({"action": "query"}) == {"query": {}}
    assert len(asked) == 2
    assert "formatversion=2" in asked[0][1]
    with server(send(200, bad)) as (client, _), pytest.raises(SourceError, match=r"refuses the request: Bad\."):
        client.commons({})


def test_the_addresses_are_settings(monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_WIKIDATA_URL", "http://localhost/sparql")
    monkeypatch.setenv("LOOKSLIKEWHO_COMMONS_URL", "http://localhost/api")
    monkeypatch.setenv("LOOKSLIKEWHO_WIKIMEDIA_PAUSE_SECONDS", "0.5")
    settings = ClientSettings.of_environment()
    assert (settings.query_url, settings.commons_url) == ("http://localhost/sparql", "http://localhost/api")
    assert settings.pause_seconds == 0.5
    monkeypatch.setenv("LOOKSLIKEWHO_WIKIMEDIA_PAUSE_SECONDS", "soon")
    with pytest.raises(UserError, match="It must be a number of seconds"):
        ClientSettings.of_environment()


def test_the_process_that_goes_on_keeps_to_a_pause(tmp_path):
    settings = ClientSettings("http://127.0.0.1:9/", attempts=1, pause_seconds=1.0)
    waited = []
    for _ in range(2):
        start = time.monotonic()
        with pytest.raises(SourceError):
            Client(settings, pause_path=tmp_path / "pause.json").file("http://127.0.0.1:9/photo.jpg")
        waited.append(time.monotonic() - start)
    assert waited[1] > 0.8
