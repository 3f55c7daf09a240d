"""What is selected on the map. The URL keeps it, so that a view can be shared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

# Instead of a row: the finder's face.
YOU = "you"


def choose(face: int | str | None, fly: bool = True) -> None:
    """Choose a face by its row, the finder's face, or none. The map flies there."""
    _put("other", None)
    _put("face", face)
    _fly(fly)


def compare(face: int | str | None, other: int | None, fly: bool = True) -> None:
    """Compare the chosen face with a second one, or stop comparing.

    Both are given: a click on what an earlier run left on the screen comes with an earlier URL.
    """
    _put("face", face)
    _put("other", other)
    _fly(fly)


def select(corners: Sequence[Sequence[float]] | None) -> None:
    """Select all faces within an area of the map."""
    forget()
    _put("area", " ".join(f"{x:g},{y:g}" for x, y in corners) if corners else None)


def forget(*names: str) -> None:
    """Clear the selection, or these parts of it."""
    for name in names or ("face", "other", "area"):
        _put(name, None)


def flights() -> int:
    """How many times the map was asked to fly to the chosen face."""
    return int(st.session_state.get("flights", 0))


def row(name: str, count: int) -> int | None:
    """The row under ``name`` in the URL, if a gallery of ``count`` faces has it."""
    text = st.query_params.get(name, "")
    return int(text) if text.isdecimal() and int(text) < count else None


def is_you() -> bool:
    """Whether the finder's face is chosen."""
    return st.query_params.get("face") == YOU


def area() -> np.ndarray | None:
    """The corners of the selected area, float64 (corners, 2), if any."""
    try:
        corners = [tuple(map(float, pair.split(","))) for pair in st.query_params.get("area", "").split()]
        found = np.array(corners, np.float64).reshape(len(corners), 2)
    except ValueError:
        return None
    return found if len(found) > 2 and np.isfinite(found).all() else None


def _fly(fly: bool) -> None:
    st.session_state.flights = flights() + fly


def _put(name: str, value: object) -> None:
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(value)
