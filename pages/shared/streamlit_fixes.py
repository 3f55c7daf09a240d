"""Every change to Streamlit's internals.

Each has a test that fails when Streamlit changes what is replaced; ``requirements.txt`` bounds the minor version.
"""

from __future__ import annotations

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import script_runner

from pipeline.photo import PhotoLimits


def apply() -> None:
    """Make the changes that hold for the whole process."""
    keep_uploads_in_memory()
    keep_keras_session()


def keep_uploads_in_memory() -> None:
    """Stop the web server from writing uploads above 1 MB to a temporary file: photos stay in memory."""
    MultiPartParser.spool_max_size = 2 * PhotoLimits().bytes_max


def keep_keras_session() -> None:
    """Stop Streamlit from clearing Keras' session after each run, which breaks models that load in another thread."""
    script_runner._clean_problem_modules = lambda: None


def require_router() -> None:
    """Start over with the router when Streamlit has run a file of ``pages/`` directly.

    It does so for the first visit to a page's URL, until the router has called ``st.navigation`` once.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
