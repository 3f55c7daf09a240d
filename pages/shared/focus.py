"""Keeping the keyboard's focus on the page when a run removes the element that had it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_TARGET = "focus-target"


def target() -> DeltaGenerator:
    """A container for what the page shows now. A lost focus goes to the first heading in it. One on each page."""
    return st.container(key=_TARGET)


def keep() -> None:
    """Watch the focus from now on. Called once in every run."""
    with st.container(key="focus"):
        _component()(key="focus keeper", data=_TARGET)
    st.html("<style>:has(> .st-key-focus) { display: none; }</style>")


@cache
def _component() -> Any:
    script = Path(__file__).with_name("focus.js")
    return st.components.v2.component("focus", js=script.read_text(encoding="utf-8"))
