"""Long lists: the first entries, and more of them with each click. Each has a name in the session."""

from __future__ import annotations

import streamlit as st


def shown(name: str, first: int) -> int:
    """How many entries to show: ``first``, until the visitor asks for more."""
    return int(st.session_state.get(name, first))


def draw_more(name: str, shown: int, step: int, *, of: int | None = None) -> None:
    """The button for ``step`` entries more. of: how many there are in all, where that is worth saying."""
    st.button(
        "Show more" if of is None else f"Show more of {of:,}",
        key=f"more {name}",
        icon=":material/expand_more:",
        on_click=st.session_state.update,
        args=({name: shown + step},),
    )
