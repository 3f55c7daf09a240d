"""Every change to Streamlit's internals.

Each has a test that fails when Streamlit changes what is replaced; ``requirements.txt`` bounds the minor version.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import socket
import sys
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx, script_runner
from streamlit.runtime.scriptrunner_utils.script_requests import _TRIGGER_PROTO_FIELDS, ScriptRequestType
from streamlit.runtime.state.session_state_proxy import get_session_state
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from pages.shared.limits import limits
from pipeline.photo import PhotoLimits

_ADD_FILE = MemoryUploadedFileManager.add_file
_REQUEST_RERUN = AppSession.request_rerun
# A picture's tool bar has only "Fullscreen", one more stop of the Tab key at every picture. A table's tool bar covers
# what is above the table.
_STYLE = """<style>
[data-testid="stFullScreenFrame"]:has([data-testid="stImage"]) [data-testid="stElementToolbar"] { display: none; }
[data-testid="stElementContainer"]:has([data-testid="stDataFrame"]) { margin-top: 1.75rem; }
</style>"""


def apply() -> None:
    """Make the changes that hold for the whole process, and those to the page of this visitor."""
    keep_uploads_in_memory()
    keep_uploads_small()
    keep_keras_session()
    keep_caches()
    keep_clicks_single()
    st.html(_STYLE)


def keep_uploads_in_memory() -> None:
    """Stop the web server from writing uploads above 1 MB to a temporary file: photos stay in memory."""
    MultiPartParser.spool_max_size = 2 * PhotoLimits().bytes_max


def keep_uploads_small() -> None:
    """Let a session keep only so many bytes of uploads: its oldest ones go first."""
    MemoryUploadedFileManager.add_file = _add_file  # type: ignore[method-assign]


def _add_file(self: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
    _ADD_FILE(self, session_id, file)
    kept = dict(self.file_storage[session_id])
    size = sum(len(each.data) for each in kept.values())
    for name, each in kept.items():
        if size > limits().megabytes_kept * 10**6 and name != file.file_id:
            self.remove_file(session_id, name)
            size -= len(each.data)


def answer_at_once(loop: asyncio.AbstractEventLoop) -> None:
    """Send the second part of an answer without waiting until the first has been acknowledged, which takes 40 ms.

    asyncio sees to that by itself, but not for a socket that does not say that it is TCP, as the one that Streamlit
    makes. Call it before the server listens.
    """
    create = loop.create_server

    async def create_server(*parts: Any, sock: socket.socket | None = None, **options: Any) -> Any:
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return await create(*parts, sock=sock, **options)

    loop.create_server = create_server  # type: ignore[method-assign]


def keep_keras_session() -> None:
    """Stop Streamlit from clearing Keras' session after each run, which breaks models that load in another thread."""
    script_runner._clean_problem_modules = lambda: None


def keep_caches() -> None:
    """Stop visitors from clearing what all sessions share, which any browser may ask Streamlit to do."""
    AppSession._handle_clear_cache_request = lambda self: None  # type: ignore[method-assign]


def keep_clicks_single() -> None:
    """Let the clock, which runs some fragments every second, neither repeat a click nor keep a dialog open.

    The browser sends a click a moment later, and a fragment whose time has come meanwhile sends it as well. And what
    ends a run, such as closing its dialog, is lost if the clock begins another one before the browser has been told.
    """
    AppSession.request_rerun = _request_rerun  # type: ignore[method-assign]


def _request_rerun(self: AppSession, client_state: ClientState | None) -> None:
    if client_state is not None and client_state.is_auto_rerun:
        runner = self._scriptrunner
        if runner is not None and runner._requests._state is ScriptRequestType.STOP:
            return  # It comes again in a second.
        widgets = client_state.widget_states.widgets
        kept = [each for each in widgets if each.WhichOneof("value") not in _TRIGGER_PROTO_FIELDS]
        del widgets[:]
        widgets.extend(kept)
    _REQUEST_RERUN(self, client_state)


def forget_left_sessions() -> None:
    """Drop what sessions held whose visitors have been away for two minutes, and give the memory back to the system.

    Streamlit would drop it only when the next visitor comes or goes.
    """
    left = Runtime.instance()._session_mgr._session_storage._cache.expire()  # type: ignore[attr-defined]
    for _, info in left:
        # The server keeps the last session until another visitor comes, but nothing in it.
        info.session.shutdown()
        info.session.session_state.clear()
        info.session._browser_queue.clear()
    if left:
        gc.collect()  # Sessions and what runs in them know each other.
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)


def is_held_by_widget(name: str) -> bool:
    """Whether a widget with ``bind="query-params"`` holds this parameter and ignores what the address says.

    It does so from its first run on, unless the visitor goes back or forward.
    """
    context = get_script_run_ctx()
    with get_session_state().query_params() as parameters:
        return parameters.is_bound(name) and not (context and context.is_history_navigation)


def set_parameter(name: str, values: list[str]) -> None:
    """Change or remove a parameter of the address. A widget bound to it then starts with the new values, too."""
    with get_session_state().query_params() as parameters:
        parameters._initial_query_params.pop(name, None)
        if values:
            parameters._initial_query_params[name] = values
            parameters._set_item_internal(name, values)
            parameters._send_query_param_msg()
        else:
            parameters.remove_param(name)
