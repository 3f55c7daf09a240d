"""The people of a gallery: who is in it, adding some by photos, and removing them again."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.shared import (
    add_people,
    dropped_photos,
    focus,
    loading,
    map_refit,
    navigation,
    people_dialogs,
    people_filter,
    person_dialogs,
    problems,
    review_list,
    session,
    thumbnails,
)
from pages.shared.people_dialogs import is_editable, size_of
from pages.shared.text import escape, plural
from pipeline.errors import GalleryError, UserError
from pipeline.gallery.gallery import Gallery

# What deletes is red, in both themes.
STYLE = """<style>
[class*="st-key-card"] button { min-height: 0; padding: 0; }
[class*="st-key-remove-"] button, [class*="st-key-danger"] button:not([kind="primary"]) {
    color: light-dark(#b3261e, #ffa299);
}
[class*="st-key-danger"] button[kind="primary"] { background: #b3261e; border-color: #b3261e; color: #fff; }
[class*="st-key-danger"] button[kind="primary"]:hover { background: #8c1d18; border-color: #8c1d18; }
</style>"""
PEOPLE_PER_PAGE = 48


def page() -> None:
    """The page from top to bottom."""
    try:
        opened = session.read_chosen_gallery()
    except UserError as error:
        st.title("People", anchor=False)
        problems.show(error)
        return
    with suppress(GalleryError):  # Its people can be seen all the same.
        loading.models_of(opened)
    if (row := st.session_state.pop("to_map", None)) is not None:
        st.switch_page(navigation.page("Explorer"), query_params={"face": str(row)})
    st.html(STYLE)
    _draw_head(opened)
    # Always there: a message that comes or goes would move what is below, and the browser would draw it twice.
    with focus.target():
        people_dialogs.draw_message()
    person_dialogs.draw_undo(opened)
    map_refit.draw(opened.name)
    left, right = st.columns([2, 5], gap="medium")
    with left:
        files = add_people.ask(opened)
    with right:
        _draw_right(opened, files)
    people_dialogs.draw_open_dialog(opened, person_dialogs.DIALOGS)


def _draw_head(opened: Gallery) -> None:
    """The gallery's name and size, and what can be done with it as a whole."""
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width="content", gap=None):
            st.title("People", anchor=False)
            st.caption(f"{escape(opened.name)} · {size_of(opened)}")
        with st.container(horizontal=True, width="content"):
            if is_editable(opened):
                people_dialogs.draw_new_gallery_button("secondary")
                icon, show = ":material/delete:", people_dialogs.show
                key = "danger gallery"
                st.button("Delete gallery", key=key, icon=icon, type="tertiary", on_click=show, args=("delete",))


def _draw_right(opened: Gallery, files: list[UploadedFile]) -> None:
    """Everybody in the gallery, or the photos to add. Each has a place, and the other one is emptied first."""
    if files:
        progress, _, place = st.empty(), st.empty(), st.container()
        dropped = dropped_photos.inspect(opened, files, progress)
        with place:
            add_people.review(opened, dropped)
        return
    _, place, _ = st.empty(), st.container(), st.empty()
    with place:
        if len(opened):
            _draw_people(opened)
        else:
            st.info("Nobody is in this gallery yet. Add the first photos.", icon=":material/group_add:")


def _draw_people(opened: Gallery) -> None:
    """Everybody whom the search and the filters leave."""
    if is_editable(opened):
        review_list.draw(opened)
    wanted = people_filter.ask(opened)
    found = wanted.search(opened)
    if not found:
        st.info(wanted.nobody, icon=":material/search_off:")
    pages = max(1, -(-len(found) // PEOPLE_PER_PAGE))
    page_key = f"page of {pages} of {wanted.key} in {opened.name}"
    number = min(st.session_state.get(page_key, 1), pages)
    counts = np.bincount(opened.person_of_row)
    grid = st.grid("auto", min_column_width=104)
    for row in found[(number - 1) * PEOPLE_PER_PAGE : number * PEOPLE_PER_PAGE]:
        with grid.cell():
            _draw_person(opened, row, photos=int(counts[opened.person_of_row[row]]))
    if pages > 1:
        st.pagination(pages, key=page_key)


def _draw_person(opened: Gallery, row: int, *, photos: int) -> None:
    person = opened.row(row)
    with st.container(gap="xxsmall", key=f"card {row}"):
        thumbnails.draw(opened, row, person["name"])
        st.button(
            escape(person["name"]),
            key=f"show {person['person']}",
            on_click=people_dialogs.show,
            args=("person", person["person"]),
            type="tertiary",
            width="stretch",
            wrap=True,
        )
        if photos > 1:
            st.caption(plural(photos, "photo"), text_alignment="center")
