"""The real server, asked over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from pages.shared import limits, public
from server import logs
from tests.browser import serving
from tests.browser.conftest import visit
from tests.browser.test_finder import best, give
from tests.conftest import HOME

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A public server whose log is JSON: its address, its process and its log."""
    place = tmp_path_factory.mktemp("served")
    (place / "temporary").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(public.VARIABLE, "demonstration")
        patch.setenv(logs.VARIABLE, "json")
        with serving.process(HOME, place / "temporary") as (address, process):
            yield address.removeprefix("http://"), process, place / "app.log"


def ask(served, path: str, method: str = "GET", body: bytes | None = None, **headers: str):
    """Ask the server: the answer's status, headers and text."""
    connection = http.client.HTTPConnection(served[0], timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


def test_every_answer_says_what_a_page_may_do(served):
    for path in ("/", "/explorer", "/ready", "/_stcore/health", "/nothing/there"):
        _, headers, _ = ask(served, path)
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["x-content-type-options"] == "nosniff"


def test_the_server_is_ready_when_its_networks_are_loaded(served):
    end = time.monotonic() + 120
    states = []
    while (state := ask(served, "/ready"))[0] != 200 and time.monotonic() < end:
        states.append(json.loads(state[2])["missing"])
        time.sleep(0.2)
    assert json.loads(state[2]) == {"ready": True, "missing": None}
    assert set(states) <= {"The networks are being loaded."}


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/openapi.json", "/_stcore/agent/mcp"])
def test_what_streamlit_tells_about_a_server_is_closed(served, path):
    assert ask(served, path)[0] == 404


def test_sites_that_call_this_machine_by_their_own_name_are_refused(served):
    assert ask(served, "/", Host="harm.example")[0] == 400
    assert ask(served, "/", Host="localhost:1")[0] == 200


def test_pages_of_other_sites_may_not_steer_the_app(served):
    assert json.loads(ask(served, "/_stcore/host-config")[2])["allowedOrigins"] == []


def test_an_upload_says_its_length_and_too_many_at_once_are_refused(served):
    path = "/_stcore/upload_file/session/file"
    assert ask(served, path, "PUT", iter([b"photo"]))[0] == 411  # type: ignore[arg-type]
    waiting = []
    for _ in range(4):
        connection = http.client.HTTPConnection(served[0], timeout=30)
        connection.putrequest("PUT", path)
        connection.putheader("Content-Length", str(40 * 2**20))
        connection.endheaders()
        connection.send(b"0")
        waiting.append(connection)
    # The session does not exist, so the first ones are refused for that, but they were let in.
    assert ask(served, path, "PUT", b"photo")[0] in (400, 403)
    for connection in waiting:
        connection.close()


def test_the_log_is_json_and_names_nobody(served):
    lines = [line for line in served[2].read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    first = json.loads(lines[0])
    assert (first["event"], first["public"], first["level"]) == ("begin", True, "info")


def test_limits_that_make_no_sense_end_the_server_with_a_sentence(tmp_path):
    command = (sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true")
    variables = {**os.environ, limits.VARIABLE: "photos=many"}
    done = subprocess.run(
        (*command, "--server.port=0"), cwd=serving.ROOT, env=variables, capture_output=True, text=True, timeout=60
    )
    assert done.returncode
    assert "has “photos=many”. It must list limits" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_signal_to_end_ends_an_idle_server_at_once(tmp_path, monkeypatch):
    monkeypatch.delenv(logs.VARIABLE, raising=False)
    (tmp_path / "temporary").mkdir()
    with serving.process(tmp_path / "home", tmp_path / "temporary") as (_, process):
        os.kill(process, signal.SIGTERM)
        begun = time.monotonic()
        while (tmp_path / "app.log").read_text(encoding="utf-8").count(" end") == 0:
            assert time.monotonic() < begun + 30
            time.sleep(0.05)


def test_what_a_visitor_gave_is_forgotten_although_nobody_else_comes(browser, tmp_path, examples, monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL", "1")
    monkeypatch.delenv(public.VARIABLE, raising=False)
    (tmp_path / "temporary").mkdir()
    with serving.app(HOME, tmp_path / "temporary") as address:

        def kept() -> float:
            metrics = ask([address.removeprefix("http://")], "/_stcore/metrics")[2]
            lines = [line for line in metrics.splitlines() if "UploadedFileManager" in line]
            return sum(float(line.split()[-1]) for line in lines)

        with visit(address, browser) as page:
            give(page, examples["Madonna"][1].read_bytes())
            best(page, "Madonna")
            assert kept() > 10_000
        end = time.monotonic() + 60
        while kept() > 0:
            assert time.monotonic() < end
            time.sleep(0.5)
