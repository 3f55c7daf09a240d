"""The panel of a chosen family: who is in it, and the families next to it. The wall below the map shows the faces."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.shared import thumbnails
from pages.shared.explorer.look_alikes import draw_grid
from pages.shared.explorer.view import MapView
from pages.shared.text import escape
from pages.shared.url_state import choose_family

_NEAR_MAX = 6


def draw(view: MapView) -> None:
    """The panel."""
    found, number = view.map.families, view.family
    assert found
    assert number is not None
    row, people = view.prepared.families[number]
    with st.container(border=True):
        st.markdown(f"#### {people:,} look-alikes")
        with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
            thumbnails.draw(view.gallery, row, view.name(row), width_px=112)
            st.caption(f"**{escape(view.name(row))}** has the most typical face of them.")
        st.button("Close", icon=":material/close:", on_click=choose_family, args=(None,), type="tertiary")
    near = np.flatnonzero(found.branches == found.branches[number])
    if len(near) > 1:
        st.markdown("##### Families that resemble this one")
        draw_grid(view, [each for each in near.tolist() if each != number][:_NEAR_MAX])
