"""The camera: a mirrored preview, as people know themselves, and a countdown."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_PLACE = "camera"
_STYLE = f"""<style>
.st-key-{_PLACE} video {{ transform: scaleX(-1); }}
.countdown-number {{ position: fixed; z-index: 1000000; translate: -50% -50%; font-size: 7rem; font-weight: 700;
  color: #ffffff; text-shadow: 0 0 12px #000000, 0 0 3px #000000; pointer-events: none; }}
</style>"""
_CSS = """
button { width: 100%; min-height: 2.5rem; font: inherit; font-family: var(--st-font); cursor: pointer;
  color: var(--st-text-color); background: var(--st-background-color); border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius); }
button:hover { border-color: var(--st-primary-color); }
button:disabled { cursor: default; }
button:focus-visible { outline: 3px solid var(--st-text-color); outline-offset: 2px; }
"""


def draw(key: str, on_shot: Callable[[str], None]) -> None:
    """The camera with this key for its widget. on_shot: gets the key when there is a picture or it was cleared.

    The picture is as the camera sees it: only the preview is mirrored.
    """
    with st.container(key=_PLACE):
        st.camera_input("Your face in the camera", key=key, on_change=on_shot, args=(key,), resolution="720p")
        _component()(key=f"countdown of {key}", data=_PLACE)
        st.html(_STYLE)


@cache
def _component() -> Any:
    script = Path(__file__).with_name("countdown.js")
    return st.components.v2.component("countdown", js=script.read_text(encoding="utf-8"), css=_CSS)
