"""The panel next to the map before a choice: what to do, and how far to trust the map."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.shared import navigation
from pages.shared.explorer import look_alikes
from pages.shared.explorer.view import MapView
from pages.shared.url_state import YOU, choose


def draw(view: MapView) -> None:
    """The panel."""
    with st.container(border=True):
        _draw_guide(view)
    if view.gallery.people_count > 1:
        with st.container(border=True):
            look_alikes.draw(view)
    with st.container(border=True):
        _draw_trust(view)


def _draw_guide(view: MapView) -> None:
    st.markdown("#### Every point is a face")
    st.markdown(
        ":material/ads_click: **Click** a point to see the most similar people.  \n"
        ":material/search: **Search** a name, and the map flies there.  \n"
        ":material/lasso_select: **Draw** around several to list them.  \n"
        ":material/face: **Look yourself up** in the finder, then see your place here."
    )
    if view.probe:
        st.button("My face", icon=":material/person_pin_circle:", on_click=choose, args=(YOU,))
    else:
        st.page_link(navigation.page("Finder"), label="Go to the finder", icon=":material/arrow_back:")


def _draw_trust(view: MapView) -> None:
    kept = view.layout.kept.mean()
    st.markdown("#### Can I trust the map?")
    st.markdown(
        f"About {10 * kept:.0f} of the ten people most similar to a face are near it on this map. "
        "Choose a face, and lines lead to those who are elsewhere."
    )
    with st.expander("In numbers", type="compact"):
        _draw_numbers(view)


def _draw_numbers(view: MapView) -> None:
    others = [
        f"{name}: {layout.kept.mean():.0%}" for name, layout in view.map.layouts.items() if layout is not view.layout
    ]
    grid = st.grid(2, min_column_width=120)
    for title, value, text in (
        (
            "People kept near",
            f"{view.layout.kept.mean():.0%}",
            "Of the ten people most similar to each face, the share that is near it on the map."
            + (f" {', '.join(others)}." if others else ""),
        ),
        (
            "Trustworthiness",
            f"{view.layout.trustworthiness:.2f}",
            "Whether neighbours on the map are really similar: 1 is perfect, 0.5 is chance.",
        ),
        (
            "Silhouette",
            _number(view.map.silhouette),
            "How well separated the clusters are: 1 perfectly, 0 not at all. Faces of strangers rarely cluster.",
        ),
        (
            "Purity",
            _number(view.map.purity),
            "Of people with several photos, the share of photos in the person's main cluster.",
        ),
    ):
        with grid.cell():
            st.metric(title, value, help=text)


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"
