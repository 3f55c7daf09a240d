"""The menu of what only some want: a second map, and saved views, each with a name and a note."""

from __future__ import annotations

import streamlit as st

from pages.shared import people_dialogs, public, url_state
from pages.shared.explorer.view import COLOURS, MapView
from pages.shared.text import escape
from pipeline.map import views
from pipeline.map.views import SavedView

_NAME, _NOTE = "view name", "view note"


def draw(view: MapView) -> None:
    """The button that opens the menu."""
    st.caption("More")
    with st.popover("Views", icon=":material/more_horiz:", key="more"):
        if view.maps_beside:
            _ask_for_second_map(view)
        # Visitors of a public server have their browser's bookmarks.
        if not public.is_public():
            _draw_views(view)


def _ask_for_second_map(view: MapView) -> None:
    """Ask which map is beside the map; the view gets it."""
    chosen = st.selectbox(
        "A second map beside it",
        view.maps_beside,
        index=None,
        key="beside",
        bind="query-params",
        placeholder="None",
        help="The same faces in another layout, or on the map of another gallery with the same photos, for example "
        "by another face model. What is chosen on one map is chosen on both.",
    )
    view.beside = chosen or ""


def _draw_views(view: MapView) -> None:
    st.markdown("**Saved views**")
    for saved in views.read(view.gallery.folder):
        _draw_view(view, saved)
    name = (st.text_input("Name of this view", max_chars=60, key=_NAME, live=True) or "").strip()
    st.text_area("Note", max_chars=500, key=_NOTE, height=68)
    action = (lambda: _save(view), _NAME)
    st.button("Save", type="primary", disabled=not name, on_click=people_dialogs.attempt, args=action)
    people_dialogs.draw_failure(_NAME)


def _draw_view(view: MapView, saved: SavedView) -> None:
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        address = saved.address
        if saved.digest != view.gallery.digest:
            address = {name: values for name, values in address.items() if name not in url_state.OF_ROWS}
        show = (address, {"layout": next(iter(view.map.layouts)), "colour": next(iter(COLOURS)), "beside": None})
        label, key = escape(saved.name), f"view {saved.name}"
        st.button(label, key=key, help=escape(saved.note), on_click=url_state.show_saved, args=show, width="stretch")
        action = (lambda: _delete(view, saved.name), _NAME)
        label, key = f"Delete {escape(saved.name)}", f"delete view {saved.name}"
        st.button(
            "",
            icon=":material/delete:",
            key=key,
            help=label,
            type="tertiary",
            on_click=people_dialogs.attempt,
            args=action,
        )
    if saved.note:
        st.caption(escape(saved.note))


def _save(view: MapView) -> str:
    """Save the view. Name and note are read again: the click on the button may be what ends the typing."""
    name, note = (st.session_state[key] or "" for key in (_NAME, _NOTE))
    held = {"layout": view.layout_name, "colour": view.colour, "beside": view.beside}
    views.save(view.gallery.folder, SavedView(name.strip(), note, url_state.to_save(held), view.gallery.digest))
    return f"Saved the view {escape(name)}."


def _delete(view: MapView, name: str) -> str:
    views.delete(view.gallery.folder, name)
    return f"Deleted the view {escape(name)}."
