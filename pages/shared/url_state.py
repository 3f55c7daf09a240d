"""What is selected on the map: it lives in the address of the page, so that a view can be shared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

# Instead of a row: the face that was looked up in the finder.
YOU = "you"


def choose(face: int | str | None, fly: bool = True) -> None:
    """Choose a face by its row, the probe, or nobody; the map flies there."""
    _put("other", None)
    _put("face", face)
    _fly(fly)


def compare(face: int | str | None, other: int | None, fly: bool = True) -> None:
    """Put a second face beside the chosen one, or take it away.

    Both are told, as a click on what an earlier run has left on the screen comes with an earlier address.
    """
    _put("face", face)
    _put("other", other)
    _fly(fly)


def select(corners: Sequence[Sequence[float]] | None) -> None:
    """Select all within an area of the map."""
    forget()
    _put("area", " ".join(f"{x:g},{y:g}" for x, y in corners) if corners else None)


def forget(*names: str) -> None:
    """Let go of all that is selected, or of these parts of it."""
    for name in names or ("face", "other", "area"):
        _put(name, None)


def flights() -> int:
    """How often the map was to fly somewhere."""
    return int(st.session_state.get("flights", 0))


def row(name: str, count: int) -> int | None:
    """The row that ``name`` stands for in a gallery of ``count``, if any."""
    text = st.query_params.get(name, "")
    return int(text) if text.isdecimal() and int(text) < count else None


def is_you() -> bool:
    """Whether the face of the finder is the chosen one."""
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
