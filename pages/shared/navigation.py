"""The pages that the router knows, and links between them by title."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.shared import url_state

_PAGES = "pages by title"


def run(pages: Sequence[StreamlitPage]) -> None:
    """Draw the menu, name the browser's tab after the visited page, and run that page."""
    st.session_state[_PAGES] = {page.title: page for page in pages}
    visited = st.navigation(pages, position="top")
    st.set_page_config(page_title=f"{visited.title} · LooksLikeWho")
    url_state.check_page(visited.title)
    visited.run()


def page(title: str) -> StreamlitPage:
    """The page with this title, for ``st.page_link`` and ``st.switch_page``."""
    found: StreamlitPage = st.session_state[_PAGES][title]
    return found
