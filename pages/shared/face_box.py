"""A box that the visitor draws around a face, where none was found or the wrong one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared.faces import inline
from pipeline.faces.face import Box

_KEY, _MARKING = "face box", "photo being marked"
# Where the box is at first, as shares of the picture: where most faces are.
_START = (0.35, 0.2, 0.3, 0.4)
_HERE = Path(__file__).parent


def begin(photo: str) -> None:
    """Mark a photo, given by its key, from the next run on."""
    st.session_state[_MARKING] = photo


def is_marking(photo: str) -> bool:
    """Whether the visitor is marking this photo, given by its key."""
    return bool(st.session_state.get(_MARKING) == photo)


def end() -> None:
    """Leave the photo as it is."""
    st.session_state.pop(_MARKING, None)


def draw(picture: NDArray[np.uint8], photo: str, on_taken: Callable[[Box], None]) -> None:
    """The picture with a box to draw, until it is taken or given up.

    picture: RGB, uint8 (height, width, 3). photo: its key. on_taken: gets the box in pixels of the picture.
    """

    def take() -> None:
        height, width = picture.shape[:2]
        left, top, across, down = st.session_state[_KEY].taken
        end()
        on_taken((left * width, top * height, across * width, down * height))

    data = {"key": photo, "picture": inline(picture), "box": _START}
    _component()(key=_KEY, data=data, on_taken_change=take, on_cancelled_change=end)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "face_box",
        js=(_HERE / "face_box.js").read_text(encoding="utf-8"),
        css=(_HERE / "face_box.css").read_text(encoding="utf-8"),
    )
