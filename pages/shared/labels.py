"""Roles, names and states of elements for screen readers, where Streamlit cannot be given them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

# By CSS selector.
ATTRIBUTES = {
    ".st-key-menu": {"role": "navigation", "aria-label": "Pages"},
}
# Buttons that show and hide something: the selector of what is there while it is shown.
EXPANDS = {
    ".st-key-choose-another button": ".st-key-asked-instead",
    ".st-key-add-another button": ".st-key-asked-more",
}
# Among these links, the one to the visited page is marked.
LINKS = ".st-key-frame a"


def keep() -> None:
    """Label what is on the page from now on. Called once in every run."""
    with st.container(key="labels"):
        _component()(key="labeller", data={"attributes": ATTRIBUTES, "expands": EXPANDS, "links": LINKS})
    st.html("<style>:has(> .st-key-labels) { display: none; }</style>")


@cache
def _component() -> Any:
    script = Path(__file__).with_name("labels.js")
    return st.components.v2.component("labels", js=script.read_text(encoding="utf-8"))
