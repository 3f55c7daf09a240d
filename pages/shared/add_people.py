"""Adding people: photos of files and the webcam, who is on them, and whether they are good enough."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.shared import map_refit, people_dialogs
from pages.shared.dropped_photos import DroppedPhoto
from pages.shared.text import escape, plural
from pipeline import names, photo
from pipeline.gallery import editing
from pipeline.gallery.editing import NewPhoto
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.screening import Rejection

PRIVACY = (
    "The photos that you add, their faces and names stay in the gallery's folder on this machine. They are sent "
    "nowhere. Removing somebody deletes them all."
)


def ask(opened: Gallery) -> list[UploadedFile]:
    """The uploader and the webcam. The demonstration offers a gallery of one's own instead."""
    if not people_dialogs.is_editable(opened):
        with st.container(border=True):
            st.markdown("##### :material/person_add: Add yourself")
            st.markdown(
                "The demonstration is the same for everybody. Start your own gallery, empty or as a copy of this "
                "one, to find yourself and your friends in it."
            )
            people_dialogs.draw_new_gallery_button("primary")
        return []
    with st.container(border=True):
        st.markdown("##### :material/person_add: Add people")
        files = st.file_uploader(
            "Photos of faces",
            [suffix[1:] for suffix in photo.SUFFIXES],
            accept_multiple_files=True,
            key=f"drop {_upload_number()} in {opened.name}",
            help="One or more. A file called Ann Lee_2.jpg suggests the name Ann Lee.",
        )
        shot = None
        if st.toggle("Use the webcam", key=f"webcam in {opened.name}"):
            key = f"shot {_upload_number()} in {opened.name}"
            shot = st.camera_input("A photo of your face", key=key, resolution="720p")
    st.caption(f":material/lock: {PRIVACY}")
    found = [*files, *([shot] if shot else [])]
    if not found:
        st.session_state.pop("looked_at", None)
    return found


def _upload_number() -> int:
    """The number of the current upload: a new one empties the uploader."""
    return int(st.session_state.get("dropped", 0))


def review(opened: Gallery, dropped: list[DroppedPhoto]) -> None:
    """Ask who is on the photos, say which are good enough, and add them."""
    usable = [each for each in dropped if not each.inspected.quality.flaw]
    several = _ask_names(dropped, usable)
    place = st.container()
    grid = st.grid("auto", min_column_width=150, border=True)
    cells: list[Any] = []
    for each in dropped:
        cells.append(grid.cell())
        with cells[-1]:
            each.draw()
            if several and each in usable:
                st.text_input(
                    f"Who is on {escape(each.file)}?",
                    each.suggested_name,
                    max_chars=80,
                    placeholder="Who is this?",
                    key=f"name of {each.key}",
                    label_visibility="collapsed",
                )
    # The names are read after their fields are drawn.
    photos = _with_names(dropped, several)
    rejections = editing.screen_photos(opened, photos)
    for cell, each, rejection in zip(cells, dropped, rejections, strict=True):
        with cell:
            _draw_verdict(each, rejection)
    good = [each for each, rejection in zip(photos, rejections, strict=True) if not rejection]
    with place:
        _draw_buttons(opened, dropped, good, several=several)


def _ask_names(dropped: list[DroppedPhoto], usable: list[DroppedPhoto]) -> bool:
    """Ask for the name if all photos show one person. Returns whether they show several people."""
    suggested = names.distinct(each.suggested_name for each in usable if each.suggested_name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        several = False
        if len(dropped) > 1:
            ways = {"one": "One person", "several": "Several people"}
            way = st.segmented_control(
                "The photos show",
                list(ways),
                format_func=ways.__getitem__,
                default="several" if len(suggested) > 1 else "one",
                required=True,
                key=f"way of {_upload_number()}",
            )
            several = way == "several"
        if not several:
            first = suggested[0] if suggested else ""
            st.text_input("Who is this?", first, max_chars=80, placeholder="Name", key="name of all")
    return several


def _with_names(dropped: list[DroppedPhoto], several: bool) -> list[NewPhoto]:
    """The photos with the names that are in the fields now."""
    typed = [st.session_state.get(f"name of {each.key if several else 'all'}", "") for each in dropped]
    return [NewPhoto(name, each.file, each.data, each.inspected) for name, each in zip(typed, dropped, strict=True)]


def _draw_verdict(dropped: DroppedPhoto, rejection: Rejection | None) -> None:
    if rejection:
        st.badge(rejection.kind.capitalize(), icon=":material/block:", color="orange")
        st.caption(escape(rejection.detail[:1].upper() + rejection.detail[1:] or dropped.file))
        return
    st.badge("Good", icon=":material/check:", color="green")
    st.caption(escape(dropped.file))
    if dropped.inspected.incomplete:
        st.caption(photo.INCOMPLETE)


def _draw_buttons(opened: Gallery, dropped: list[DroppedPhoto], good: list[NewPhoto], *, several: bool) -> None:
    """The button that adds the good photos, and what is still missing."""
    count = sum(bool(names.person(each.person)) for each in good)
    rejected = len(dropped) - len(good)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Add {plural(count, 'photo')}" if count else "Add",
            type="primary",
            icon=":material/person_add:",
            disabled=not count,
            on_click=people_dialogs.attempt,
            args=(lambda: _add(opened.name, dropped, several),),
        )
        st.button("Cancel", type="tertiary", on_click=_clear)
        if not good:
            st.caption("None of these photos can be used. Try photos of one face, large and from the front.")
        elif count < len(good):
            st.caption(f"{plural(len(good) - count, 'photo')} without a name")
        elif rejected:
            st.caption(f"{plural(rejected, 'photo')} will be left out")


def _add(gallery_name: str, dropped: list[DroppedPhoto], several: bool) -> str:
    """Add the photos. Raises GalleryError.

    The names are read again: the click on the button may be what ends the typing of the last one.
    """
    photos = [each for each in _with_names(dropped, several) if names.person(each.person)]
    rejections = editing.add_photos(gallery_name, photos)
    _clear()
    map_refit.begin(gallery_name)
    good = [each for each, rejection in zip(photos, rejections, strict=True) if not rejection]
    people = names.distinct(each.person for each in good) or ["nobody"]
    listed = " and ".join(filter(None, (", ".join(people[:-1]), people[-1])))
    return f"Added {escape(listed)}: {plural(len(good), 'photo')}. The finder knows them now."


def _clear() -> None:
    """Forget the dropped photos and their names."""
    st.session_state.dropped = _upload_number() + 1
    for key in [key for key in st.session_state if str(key).startswith(("name of ", "face of "))]:
        del st.session_state[key]
    st.session_state.pop("looked_at", None)
