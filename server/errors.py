"""What a visitor sees of a fault in the program, and what the log keeps of it."""

from __future__ import annotations

from uuid import uuid4

import streamlit as st

from server import logs


def report(error: Exception) -> bool:
    """Log a fault under a number and show the number. Streamlit shows nothing else."""
    number = uuid4().hex[:8]
    logs.fault(number, error)
    st.error(
        f"This is a fault of the app, not of your photo. Reload the page to go on. Whoever runs the app finds the "
        f"reason in its log, under the number {number}.",
        title="Something went wrong",
        icon=":material/bug_report:",
    )
    return True
