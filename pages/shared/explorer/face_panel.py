"""The panel of a chosen face: who it is, whether to trust the map here, and the most similar faces."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.shared import about, navigation, photo_input, thumbnails
from pages.shared.explorer.view import MapView
from pages.shared.faces import inline
from pages.shared.text import escape, name_html
from pages.shared.url_state import choose, compare
from pipeline.map import queries

# Of a person, in the dialog.
_PHOTOS_MAX = 200


def draw(view: MapView) -> None:
    """The panel."""
    with st.container(border=True):
        _draw_person(view)
        _draw_trust(view)
        _draw_ways_on(view)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.toggle("Compare with the next click", key="comparing", help="Or hold Shift while you click.")
            st.space("stretch")
            draw_close()
    numbers = f"By the {view.dimensions} numbers of the embedding, not by the map."
    st.markdown("##### Most similar people", help=numbers)
    distances = queries.to_distance(view.cosines[view.neighbours])
    with st.container(gap="xsmall", key="people"):
        for row, distance in zip(view.neighbours, distances.tolist(), strict=True):
            _draw_neighbour(view, row, distance)


def _draw_ways_on(view: MapView) -> None:
    """From a face of the gallery to the finder, and to all photos of the person."""
    row = view.row
    if row is None:
        return
    with st.container(horizontal=True, gap="small"):
        find = st.button("Find look-alikes", icon=":material/search:", help="Look this face up in the finder")
        if find:
            photo_input.take_example(view.name(row), view.gallery.crop_path(row))
            st.switch_page(navigation.page("Finder"))
        rows = np.flatnonzero(view.gallery.person_of_row == view.gallery.person_of_row[row])
        label = f"{len(rows)} photos here" if view.prepared.is_sample else f"All {len(rows)} photos"
        if len(rows) > 1 and st.button(label, icon=":material/photo_library:"):
            st.dialog(escape(view.name(row)), width="large")(_draw_photos)(view, rows.tolist())


def _draw_photos(view: MapView, rows: list[int]) -> None:
    """The photos of a person, in a dialog."""
    grid = st.grid("auto", min_column_width=110)
    for row in rows[:_PHOTOS_MAX]:
        with grid.cell():
            thumbnails.draw(view.gallery, row, view.name(row))
            if st.button("Show on the map", key=f"photo {row}", type="tertiary"):
                choose(view.number(row))
                st.rerun()
    if len(rows) > _PHOTOS_MAX:
        st.caption(f"The first {_PHOTOS_MAX} of {len(rows):,}.")


def draw_close() -> None:
    """The button that closes a panel."""
    st.button("Close", icon=":material/close:", on_click=choose, args=(None, False), type="tertiary")


def _draw_person(view: MapView) -> None:
    row = view.row
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        st.image(inline(view.portrait(row)), width=112, alt=f"Photo of {view.name(row)}")
        with st.container(width="stretch", gap="xxsmall"):
            st.html(f"<strong style='font-size: 1.25rem'>{name_html(view.name(row))}</strong>")
            if row is None:
                st.caption("Placed among the most similar faces.")
            else:
                _draw_facts(view, row)
    if row is None:
        st.page_link(navigation.page("Finder"), label="Back to the finder", icon=":material/arrow_back:")
    else:
        licence = f"Licence: {view.gallery.row(row)['licence']}"
        st.caption(about.credit_line(view.gallery.credit(row)) or escape(licence))


def _draw_facts(view: MapView, row: int) -> None:
    person = int(view.gallery.person_of_row[row])
    if line := about.person_line(view.gallery.columns.of(person)):
        st.caption(line)
    st.caption(escape(view.gallery.row(row)["source"]))
    st.caption(f"Cluster {view.map.clusters[row] + 1} · quality {view.map.quality[row]:.0%}")


def _draw_trust(view: MapView) -> None:
    """Whether the map shows the closest match where it belongs, and how many of the people listed below."""
    if not len(view.checked):
        return
    near = sum(not view.is_far(row) for row in view.checked)
    count = f"{near} of the {len(view.checked)} most similar people {'is' if near == 1 else 'are'} near on the map."
    closest = "Your closest match" if view.row is None else "The closest match"
    if view.is_far(view.checked[0]):
        text = f"{closest} sits elsewhere on this map: follow the line. {count}"
        st.info(text, icon=":material/conversion_path:")
    else:
        st.success(f"{closest} is near on this map, too. {count}", icon=":material/verified:")


def _draw_neighbour(view: MapView, row: int, distance: float) -> None:
    name, number = view.name(row), view.number(row)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
        thumbnails.draw(view.gallery, row, name, width_px=56)
        with st.container(width="stretch", gap=None):
            title = f"**{escape(name)}**"
            st.button(title, key=f"go {row}", on_click=choose, args=(number,), type="tertiary", wrap=True)
            far = " · :orange[far on the map]" if view.is_far(row) else ""
            # A caption would be too pale for colours.
            st.markdown(f":small[{distance:.3f}{far}]")
        pair = (view.number(view.face), number)
        st.button("Compare", key=f"compare {row}", on_click=compare, args=pair, type="tertiary")
