"""Saved views of the map: a name and a note for what the address says, to come back to or to show others."""

from __future__ import annotations

import streamlit as st

from pages.shared import people_dialogs, public, url_state
from pages.shared.explorer.view import COLOURS, MapView
from pages.shared.text import escape
from pipeline.map import views
from pipeline.map.views import SavedView


def draw(view: MapView) -> None:
    """The button that opens the saved views. Visitors of a public server have their browser's bookmarks."""
    if public.is_public():
        return
    st.caption("Views")
    button = st.popover("Saved", icon=":material/bookmark:", key="views", on_change="rerun")
    if not button.open:
        return
    with button:
        for saved in views.read(view.gallery.folder):
            _draw_view(view, saved)
        st.markdown("**Save this view**")
        name = (st.text_input("Name", max_chars=60, key="view name") or "").strip()
        note = st.text_area("Note", max_chars=500, key="view note", height=68)
        action = (lambda: _save(view, name, note or ""),)
        st.button("Save", type="primary", disabled=not name, on_click=people_dialogs.attempt, args=action)


def _draw_view(view: MapView, saved: SavedView) -> None:
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        show = (saved.address, {"layout": next(iter(view.map.layouts)), "colour": next(iter(COLOURS))})
        label, key = escape(saved.name), f"view {saved.name}"
        st.button(label, key=key, help=escape(saved.note), on_click=url_state.show_saved, args=show, width="stretch")
        action = (lambda: _delete(view, saved.name),)
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


def _save(view: MapView, name: str, note: str) -> str:
    views.save(view.gallery.folder, SavedView(name, note, url_state.to_save()))
    return f"Saved the view {escape(name)}."


def _delete(view: MapView, name: str) -> str:
    views.delete(view.gallery.folder, name)
    return f"Deleted the view {escape(name)}."
