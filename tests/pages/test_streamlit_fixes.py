"""Each change to Streamlit's internals still changes what it is meant to change."""

from __future__ import annotations

import asyncio
import inspect
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime import app_session, caching
from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette import starlette_routes, starlette_server

from pages.shared import streamlit_fixes
from tests.pages.visitor import visit

MEGABYTE = 2**20


def is_spooled(size: int) -> bool:
    """Whether an upload of this size is written to a temporary file."""
    head = b'--line\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n\r\n'

    async def stream():
        yield head + bytes(size) + b"\r\n--line--\r\n"

    headers = Headers({"content-type": "multipart/form-data; boundary=line"})
    # Playwright's event loop runs in this thread once a browser test has run.
    with ThreadPoolExecutor(1) as thread:
        form = thread.submit(asyncio.run, MultiPartParser(headers, stream()).parse()).result()
    file = form["file"]
    assert isinstance(file, UploadFile)
    return bool(vars(file.file)["_rolled"])


def test_uploads_above_a_megabyte_stay_in_memory(monkeypatch):
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MEGABYTE)
    assert is_spooled(2 * MEGABYTE)
    streamlit_fixes.keep_uploads_in_memory()
    assert not is_spooled(2 * MEGABYTE)


def test_streamlit_receives_uploads_through_the_parser_that_is_changed():
    assert "request.form()" in inspect.getsource(starlette_routes)


def test_a_visitor_can_no_longer_clear_the_caches(monkeypatch):
    cleared = []
    monkeypatch.setattr(caching.cache_resource, "clear", lambda: cleared.append(True))
    monkeypatch.setattr(caching.cache_data, "clear", lambda: cleared.append(True))
    session = SimpleNamespace(_session_state={})
    assert "self._handle_clear_cache_request()" in inspect.getsource(app_session.AppSession.handle_backmsg)
    streamlit_fixes.keep_caches()
    app_session.AppSession._handle_clear_cache_request(session)  # type: ignore[arg-type]
    assert cleared == []


def test_the_clock_sends_no_click_and_begins_no_run_before_the_last_one_has_ended(monkeypatch):
    asked: list[ClientState] = []
    monkeypatch.setattr(streamlit_fixes, "_REQUEST_RERUN", lambda _, state: asked.append(state))
    assert "self._requests = ScriptRequests()" in inspect.getsource(script_runner.ScriptRunner.__init__)
    requests = ScriptRequests()
    session: Any = SimpleNamespace(_scriptrunner=SimpleNamespace(_requests=requests))
    for by_clock in (True, False):
        state = ClientState(fragment_id="map", is_auto_rerun=by_clock)
        state.widget_states.widgets.add(id="remove", trigger_value=True)
        state.widget_states.widgets.add(id="name", string_value="Ann")
        streamlit_fixes._request_rerun(session, state)
        requests.request_stop()
        streamlit_fixes._request_rerun(session, state)
        requests = session._scriptrunner._requests = ScriptRequests()
    sent = [[widget.id for widget in state.widget_states.widgets] for state in asked]
    assert sent == [["name"], ["remove", "name"], ["remove", "name"]]


def test_a_run_no_longer_clears_the_session_of_keras(monkeypatch):
    cleared = []
    keras = ModuleType("keras")
    keras.backend = SimpleNamespace(clear_session=lambda: cleared.append(True))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keras", keras)
    app = AppTest.from_string("")
    source = inspect.getsource(script_runner)
    namespace = dict(vars(script_runner))
    function = source[source.index("def _clean_problem_modules") :].partition("\n\n\n")[0]
    exec(function, namespace)
    monkeypatch.setattr(script_runner, "_clean_problem_modules", namespace["_clean_problem_modules"])
    app.run()
    assert cleared
    cleared.clear()
    streamlit_fixes.keep_keras_session()
    app.run()
    assert not cleared


def test_a_parameter_is_changed_for_the_widget_that_is_bound_to_it_and_left_to_the_widget_then():
    def script() -> None:
        import streamlit as st

        from pages.shared import streamlit_fixes

        st.write(streamlit_fixes.is_held_by_widget("number"))
        if st.query_params.get("number") == "99":
            streamlit_fixes.set_parameter("number", ["4"])
        if st.query_params.get("number") == "98":
            streamlit_fixes.set_parameter("number", [])
        st.slider("Number", 0, 10, 1, key="number", bind="query-params")

    for wrong, value, kept in (("99", 4, {"number": "4"}), ("98", 1, {})):
        app = AppTest.from_function(script)
        app.query_params["number"] = wrong
        app.run()
        assert app.markdown[0].value == "`False`"
        assert app.slider[0].value == value
        assert app.query_params == kept
        assert app.run().markdown[0].value == "`True`"


@pytest.mark.parametrize("name", ["explorer", "people", "training", "systems"])
def test_a_url_opened_first_goes_through_the_router(name, empty_home):
    page = visit(name)
    assert not page.exception
    assert page.title


async def sends_at_once(*, fixed: bool) -> bool:
    """Whether a connection to the socket that Streamlit makes sends what it has without waiting."""
    loop = asyncio.get_running_loop()
    if fixed:
        streamlit_fixes.answer_at_once(loop)
    found: asyncio.Future[int] = loop.create_future()

    class Visitor(asyncio.Protocol):
        def connection_made(self, transport):
            accepted = transport.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    listening = starlette_server._bind_socket("127.0.0.1", 0, 5)
    async with await loop.create_server(Visitor, sock=listening):
        _, writer = await asyncio.open_connection(*listening.getsockname())
        option = await found
        writer.close()
    return bool(option)


def test_the_second_part_of_an_answer_does_not_wait_for_the_first():
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, sends_at_once(fixed=True)).result()
        assert not thread.submit(asyncio.run, sends_at_once(fixed=False)).result()
