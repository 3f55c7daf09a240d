"""Every change to Streamlit's internals.

Each has a test that fails when Streamlit changes what is replaced; ``requirements.txt`` bounds the minor version.
"""

from __future__ import annotations

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx, script_runner
from streamlit.runtime.state.session_state_proxy import get_session_state

from pipeline.photo import PhotoLimits

# A picture's tool bar has only "Fullscreen", one more stop of the Tab key at every picture. A table's tool bar covers
# what is above the table.
_STYLE = """<style>
[data-testid="stFullScreenFrame"]:has([data-testid="stImage"]) [data-testid="stElementToolbar"] { display: none; }
[data-testid="stElementContainer"]:has([data-testid="stDataFrame"]) { margin-top: 1.75rem; }
</style>"""


def apply() -> None:
    """Make the changes that hold for the whole process, and those to the page of this visitor."""
    keep_uploads_in_memory()
    keep_keras_session()
    keep_caches()
    st.html(_STYLE)


def keep_uploads_in_memory() -> None:
    """Stop the web server from writing uploads above 1 MB to a temporary file: photos stay in memory."""
    MultiPartParser.spool_max_size = 2 * PhotoLimits().bytes_max


def keep_keras_session() -> None:
    """Stop Streamlit from clearing Keras' session after each run, which breaks models that load in another thread."""
    script_runner._clean_problem_modules = lambda: None


def keep_caches() -> None:
    """Stop visitors from clearing what all sessions share, which any browser may ask Streamlit to do."""
    AppSession._handle_clear_cache_request = lambda self: None  # type: ignore[method-assign]


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


def require_router() -> None:
    """Start over with the router when Streamlit has run a file of ``pages/`` directly.

    It does so for the first visit to a page's URL, until the router has called ``st.navigation`` once.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
