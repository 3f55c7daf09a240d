"""The pages that the router knows, and links between them by title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.shared import frame, url_state

_PAGES = "pages by title"


def run(menu: Mapping[str, Sequence[StreamlitPage]]) -> None:
    """Draw the frame, name the browser's tab after the visited page, and run that page.

    menu: pages by the section that they are in. The first page of the section "" is at the root.
    """
    pages = [page for section in menu.values() for page in section]
    shown = {name: [page for page in section if page.visibility == "visible"] for name, section in menu.items()}
    st.session_state[_PAGES] = {page.title: page for section in shown.values() for page in section}
    visited = st.navigation(pages, position="hidden")
    st.set_page_config(page_title=f"{visited.title} · {frame.NAME}")
    frame.draw(shown, visited)
    url_state.check_page(visited.title)
    visited.run()


def page(title: str) -> StreamlitPage:
    """The page with this title, for ``st.page_link`` and ``st.switch_page``."""
    found: StreamlitPage = st.session_state[_PAGES][title]
    return found
