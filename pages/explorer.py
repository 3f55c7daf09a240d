"""The explorer: the map of a gallery's faces, who is really similar, and where the map misleads."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from pages.shared import focus, loading, people_dialogs, problems, session, url_state
from pages.shared.explorer import area_panel, face_panel, family_panel, filters, more_menu, overview, pair_panel, plot
from pages.shared.explorer.prepared import prepared_map
from pages.shared.explorer.view import MapView
from pages.shared.text import NOTE, escape, photos_of_people
from pipeline.errors import GalleryError, UserError

TITLE = "Map of faces"
# Names that are buttons take no more room than other names.
STYLE = """<style>
div:has(> .st-key-stays) { position: sticky; top: 4rem; }
.st-key-people button { min-height: 0; padding: 0; }
/* Long names beside faces begin at the left on each line. */
:is([class*="st-key-double-"], [class*="st-key-go-"]) button * { text-align: left; }
/* What does not wrap need not be scrolled, either. */
[data-testid="stHorizontalBlock"][data-test-wrap="false"] { overflow: visible; }
@media (max-width: 640px) { .st-key-stays { flex-direction: column; } }
</style>"""


def page() -> None:
    """The page from top to bottom."""
    with st.container():
        people_dialogs.draw_message()
    try:
        opened = session.open_chosen_gallery()
        view = MapView(opened, prepared_map(opened))
    except UserError as error:
        st.title(TITLE, anchor=False)
        problems.show(error)
        return
    with suppress(GalleryError):  # Its map can be seen all the same.
        loading.models_of(opened)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width="content", gap=None):
            st.title(TITLE, anchor=False)
            sample = f" · an even sample of {len(view.gallery):,} is on the map" if view.prepared.is_sample else ""
            st.caption(f"{escape(opened.name)} · {photos_of_people(len(opened), opened.people_count)}{sample}")
        _choose_layout_and_colour(view)
    left, right = st.columns([8, 3], gap="medium")
    # The map stays in sight while the panel is scrolled.
    st.html(STYLE)
    with left, st.container(horizontal=True, gap="small", key="stays"):
        with st.container(gap=None):
            plot.draw(view)
        if view.second:
            with st.container(gap=None):
                plot.draw_beside(view, view.second)
    with right, focus.target():
        _draw_panel(view)
    if view.has_selection and view.face is None:
        area_panel.draw_wall(view)
    if view.prepared.warning:
        st.caption(f":material/warning: {escape(view.prepared.warning)}")
    st.caption(f":material/info: {NOTE}")


def _choose_layout_and_colour(view: MapView) -> None:
    """Ask for both; the view gets them."""
    colours = view.colours
    with st.container(horizontal=True, vertical_alignment="top", width="content"):
        if len(view.map.layouts) > 1:
            view.layout_name = st.segmented_control(
                "Layout",
                list(view.map.layouts),
                default=view.layout_name,
                required=True,
                key="layout",
                bind="query-params",
                on_change=url_state.forget,
                args=("area",),
                help=f"UMAP keeps neighbours together. PCA is a plain projection of the {view.dimensions} numbers. "
                "Codes are what the encoder of a trained network makes of these numbers.",
            )
        view.colour = st.selectbox(
            "Colour",
            list(colours),
            key="colour",
            bind="query-params",
            on_change=url_state.forget,
            args=("hidden",),
            width=150,
            help="  \n".join(f"**{name}**: {text}" for name, text in colours.items()),
        )
        with st.container(width="content", gap="xxsmall"):
            filters.draw(view)
        with st.container(width="content", gap="xxsmall"):
            more_menu.draw(view)


def _draw_panel(view: MapView) -> None:
    """What is chosen; on the right of the map, or below it on a phone."""
    if view.other is not None:
        pair_panel.draw(view, view.other)
    elif view.face is not None:
        face_panel.draw(view)
    elif view.family is not None:
        family_panel.draw(view)
    elif view.has_selection:
        area_panel.draw(view)
    else:
        overview.draw(view)
