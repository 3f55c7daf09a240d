"""The faces of an area of the map or of the filters: a summary with a table, and a wall of portraits."""

from __future__ import annotations

import io

import numpy as np
import streamlit as st

from pages.shared import long_list, map_refit, people_dialogs, public, session, thumbnails
from pages.shared.explorer.view import MapView
from pages.shared.text import escape
from pages.shared.url_state import choose, filter_by, select
from pipeline import names
from pipeline.csv_files import safe_table
from pipeline.gallery import managing
from pipeline.map import queries

# Portraits at first, and with each click on "Show more".
WALL = 48
_NAME = "selection name"


def draw(view: MapView) -> None:
    """The panel: how many, from where, and the table."""
    rows = view.selected
    # Safe for spreadsheets on the screen too, whose toolbar can download it.
    found = queries.faces_table(view.gallery, view.map, view.layout, rows, numbers=view.prepared.numbers)
    table = safe_table(found)

    def csv() -> bytes:
        import pyarrow.csv

        buffer = io.BytesIO()
        pyarrow.csv.write_csv(table, buffer)
        return buffer.getvalue()

    with st.container(border=True):
        people = len(np.unique(view.gallery.person_of_row[rows]))
        st.markdown(f"#### {len(rows):,} photos of {people:,} people")
        if len(rows):
            numbers, sources = view.prepared.sources
            for number, photos in queries.most_common(numbers[rows], count=5):
                st.progress(photos / len(rows), text=escape(f"{sources[number]}: {photos:,}"))
        with st.container(horizontal=True):
            if len(rows) and not public.is_public():
                _draw_new_gallery(view)
            st.download_button("CSV", csv, "faces.csv", "text/csv", icon=":material/download:", on_click="ignore")
            st.space("stretch")
            st.button("Close", icon=":material/close:", on_click=_close, type="tertiary")
    st.dataframe(table.select(["name", "source", "cluster", "quality"]), hide_index=True, height=330)


def _draw_new_gallery(view: MapView) -> None:
    """A gallery of its own for what is selected."""
    with st.popover("New gallery", icon=":material/library_add:", help="A gallery of these photos"):
        name = names.clean(st.text_input("Name", max_chars=100, key=_NAME, live=True) or "")
        change = (lambda: _create(view), _NAME)
        st.button("Create", type="primary", disabled=not name, on_click=people_dialogs.attempt, args=change)
        people_dialogs.draw_failure(_NAME)


def _create(view: MapView) -> str:
    """Make the gallery, and choose it. Raises GalleryError, StorageError.

    The name is read again: the click on the button may be what ends the typing.
    """
    name = names.clean(st.session_state[_NAME] or "")
    managing.copy_rows(view.gallery.name, name, view.prepared.numbers[view.selected])
    session.switch_to(name)
    map_refit.begin(name)
    return f"The gallery {escape(name)} is ready. Its map is being fitted."


def _close() -> None:
    select(None)
    filter_by([])


def draw_wall(view: MapView) -> None:
    """The portraits."""
    shown = long_list.shown("wall", WALL)
    grid = st.grid("auto", min_column_width=96)
    for row in view.selected[:shown].tolist():
        with grid.cell(), st.container(gap="xxsmall"):
            name = view.name(row)
            thumbnails.draw(view.gallery, row, name)
            st.button(
                escape(name),
                key=f"wall {row}",
                on_click=choose,
                args=(view.number(row),),
                type="tertiary",
                width="stretch",
                wrap=True,
            )
    if len(view.selected) > shown:
        long_list.draw_more("wall", shown, WALL, of=len(view.selected))
