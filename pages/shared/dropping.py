"""Photos dropped anywhere on the page, or pasted from the clipboard: they go into the page's uploader."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_STYLE = """<style>
.drop-hint {
  position: fixed; inset: 0.75rem; z-index: 1000000; display: grid; place-items: center; pointer-events: none;
  border: 3px dashed currentColor; border-radius: 1rem; font-size: 1.75rem; font-weight: 600;
  color: #ffffff; background: #0d1614cc;
}
.st-key-dropping { display: none; }
</style>"""


def accept(uploader: str) -> None:
    """Hand what is dropped or pasted to the uploader in the container with this key. Called in every run."""
    with st.container(key="dropping"):
        _component()(key="photo taker", data=uploader)
        st.html(_STYLE)


@cache
def _component() -> Any:
    script = Path(__file__).with_name("dropping.js")
    return st.components.v2.component("dropping", js=script.read_text(encoding="utf-8"))
