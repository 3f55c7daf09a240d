"""The faces of an area of the map or of the filters: a summary with a table, and a wall of portraits."""

from __future__ import annotations

import io

import numpy as np
import streamlit as st

from pages.shared.explorer.view import MapView
from pages.shared.text import escape
from pages.shared.url_state import choose, filter_by, select
from pipeline.csv_files import safe_table
from pipeline.map import queries

# Portraits at first, and with each click on "Show more".
WALL = 48


def draw(view: MapView) -> None:
    """The panel: how many, from where, and the table."""
    rows = view.selected
    # Safe for spreadsheets on the screen too, whose toolbar can download it.
    table = safe_table(queries.faces_table(view.gallery, view.map, view.layout, rows))

    def csv() -> bytes:
        import pyarrow.csv

        buffer = io.BytesIO()
        pyarrow.csv.write_csv(table, buffer)
        return buffer.getvalue()

    with st.container(border=True):
        people = len(np.unique(view.gallery.person_of_row[rows]))
        st.markdown(f"#### {len(rows):,} photos of {people:,} people")
        if len(rows):
            numbers, names = view.prepared.sources
            for number, photos in queries.most_common(numbers[rows], count=5):
                st.progress(photos / len(rows), text=escape(f"{names[number]}: {photos:,}"))
        with st.container(horizontal=True):
            st.download_button("CSV", csv, "faces.csv", "text/csv", icon=":material/download:", on_click="ignore")
            st.space("stretch")
            st.button("Close", icon=":material/close:", on_click=_close, type="tertiary")
    st.dataframe(table.select(["name", "source", "cluster", "quality"]), hide_index=True, height=330)


def _close() -> None:
    select(None)
    filter_by([])


def draw_wall(view: MapView) -> None:
    """The portraits."""
    shown = st.session_state.get("wall", WALL)
    grid = st.grid("auto", min_column_width=96)
    for row in view.selected[:shown].tolist():
        with grid.cell(), st.container(gap="xxsmall"):
            name = view.name(row)
            st.image(view.portrait(row, 160), width="stretch", alt=f"Photo of {name}")
            st.button(
                escape(name),
                key=f"wall {row}",
                on_click=choose,
                args=(row,),
                type="tertiary",
                width="stretch",
                wrap=True,
            )
    if len(view.selected) > shown:
        st.button(f"Show more of {len(view.selected):,}", icon=":material/expand_more:", on_click=_show_more)


def _show_more() -> None:
    st.session_state.wall = st.session_state.get("wall", WALL) + WALL
