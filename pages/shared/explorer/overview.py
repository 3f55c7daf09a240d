"""The panel next to the map before a choice: what to do, and how far to trust the map."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.shared import navigation
from pages.shared.explorer.view import MapView
from pages.shared.url_state import YOU, choose


def draw(view: MapView) -> None:
    """The panel."""
    with st.container(border=True):
        _draw_guide(view)
    with st.container(border=True):
        _draw_trust(view)
    with st.container(border=True):
        _draw_clusters(view)


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
    st.markdown(
        f"#### How far to trust {view.layout_name}",
        help=f"{view.dimensions} numbers don't fit on a plane: neighbours on the map may not be alike, and similar "
        "faces may be far apart.",
    )
    first, second = st.columns(2, wrap=False)
    first.metric(
        "People kept near",
        f"{view.layout.kept.mean():.0%}",
        help="Of the ten people most similar to each face, the share that is near it on the map.",
    )
    second.metric(
        "Trustworthiness",
        f"{view.layout.trustworthiness:.2f}",
        help="Whether neighbours on the map are really similar: 1 is perfect, 0.5 is chance.",
    )
    others = [
        f"{name}: {layout.kept.mean():.0%}" for name, layout in view.map.layouts.items() if layout is not view.layout
    ]
    if others:
        st.caption(f"People kept near by {', '.join(others)}")


def _draw_clusters(view: MapView) -> None:
    clusters = int(view.map.clusters.max()) + 1
    st.markdown(f"#### {clusters} clusters" if clusters > 1 else "#### No clusters")
    first, second = st.columns(2, wrap=False)
    first.metric(
        "Silhouette",
        _number(view.map.silhouette),
        help="How well separated the clusters are: 1 perfectly, 0 not at all. Faces of strangers rarely cluster.",
    )
    second.metric(
        "Purity",
        _number(view.map.purity),
        help="Of people with several photos, the share of photos in the person's main cluster.",
    )


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"
