"""Show what :mod:`pipeline.notices` tells as toasts."""

from __future__ import annotations

import logging
import sys

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared.text import escape
from pipeline import notices


class _Toasts(logging.Handler):
    """A toast for the visitor whose page is being drawn; in other threads, a line for the operator."""

    def emit(self, record: logging.LogRecord) -> None:
        if get_script_run_ctx(suppress_warning=True):
            st.toast(escape(record.getMessage()), icon=":material/info:", duration="long")
        else:
            print(record.getMessage(), file=sys.stderr)


def show() -> None:
    """Show the notices of this server from now on. It does no harm to call it again."""
    if not notices.LOGGER.handlers:
        notices.LOGGER.addHandler(_Toasts())
