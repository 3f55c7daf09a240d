"""Scrolling to a new result or failure on a phone, where it comes below the photo."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

# In pixels: wider screens show photo and result side by side. Streamlit stacks columns below it.
_PHONE_PX = 640


def to(target: str, *, result: str) -> None:
    """Scroll to the container with the key ``target`` when ``result`` is another one than before."""
    with st.container(key="scroll"):
        _component()(key="scroller", data={"target": target, "result": result, "width": _PHONE_PX})
    st.html(f"<style>.st-key-scroll {{ display: none; }} .st-key-{target} {{ scroll-margin-top: 4.5rem; }}</style>")


@cache
def _component() -> Any:
    script = Path(__file__).with_name("scroll.js")
    return st.components.v2.component("scroll", js=script.read_text(encoding="utf-8"))
