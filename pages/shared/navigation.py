"""The pages that the router knows, and links between them by title."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

_PAGES = "pages by title"


def run(pages: Sequence[StreamlitPage]) -> None:
    """Draw the menu and run the visited page."""
    st.session_state[_PAGES] = {page.title: page for page in pages}
    st.navigation(pages, position="top").run()


def page(title: str) -> StreamlitPage:
    """The page with this title, for ``st.page_link`` and ``st.switch_page``."""
    found: StreamlitPage = st.session_state[_PAGES][title]
    return found
