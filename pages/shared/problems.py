"""What a page shows instead of its content when something is missing."""

from __future__ import annotations

import streamlit as st

from pages.shared import loading, navigation, public, repairs, session
from pages.shared.limits import BusyError
from pages.shared.session import GalleryGoneError
from pages.shared.text import escape
from pipeline.errors import EmptyGalleryError, MapError, UserError


def show(error: UserError) -> None:
    """What is missing, and a button that leads on."""
    with st.container(border=True, width=640):
        if isinstance(error, EmptyGalleryError):
            st.subheader(":material/group_add: Nobody is in this gallery yet", anchor=False)
            if not public.is_public():
                st.markdown("Add photos of people you know, and find them here.")
                st.page_link(navigation.page("People"), label="Add people", icon=":material/add_a_photo:")
            return
        st.subheader(_title(error), anchor=False)
        st.markdown(escape(str(error)))
        if isinstance(error, GalleryGoneError):
            name = public.default_name()
            icon = ":material/photo_library:"
            st.button(f"Go on with {escape(name)}", icon=icon, on_click=session.switch_to, args=(name,))
        if not repairs.offer(error):
            st.button("Check again", icon=":material/refresh:", on_click=loading.retry)


def _title(error: UserError) -> str:
    if isinstance(error, MapError):
        return ":material/map: The map is missing"
    if isinstance(error, GalleryGoneError):
        return ":material/photo_library: This gallery is not here any more"
    return ":material/hourglass_top: One moment" if isinstance(error, BusyError) else ":material/build: Almost there"
