"""The frame of all pages: the product's name, the menu and the gallery switch, in one row on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.shared import session

NAME = "LooksLikeWho"


def draw(menu: Mapping[str, Sequence[StreamlitPage]], visited: StreamlitPage) -> None:
    """Draw the row. menu: pages by the section that they are in; those in the section "" come first."""
    st.html(_style())
    with st.container(key="frame", horizontal=True, vertical_alignment="center", gap="medium"):
        home = menu[""][0]
        with st.container(key="home", width="content"):
            st.page_link(home, label=f"**{NAME}**", icon=":material/familiar_face_and_zone:")
        # Always there, even empty: a switch that comes or goes moves nothing.
        with st.container(key="switch", width=200):
            session.draw_gallery_switch()
        with st.container(key="menu", horizontal=True, vertical_alignment="center", width="content", gap="xsmall"):
            for page in menu[""]:
                st.page_link(page)
            for section in filter(None, menu):
                _draw_section(section, menu[section], visited)


def _draw_section(section: str, pages: Sequence[StreamlitPage], visited: StreamlitPage) -> None:
    """A menu that opens. A popover with links would do, but Tab does not lead into it."""
    chosen = st.menu_button(
        f"**{section}**" if visited in pages else section,
        list(pages),
        format_func=lambda page: f"{page.icon} {page.title}",
        type="tertiary",
        key=section,
    )
    if chosen:
        st.switch_page(chosen)


@cache
def _style() -> str:
    return f"<style>{Path(__file__).with_name('frame.css').read_text(encoding='utf-8')}</style>"
