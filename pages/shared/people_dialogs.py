"""The dialogs of the people page: what they share, a new gallery, and deleting one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import streamlit as st

from pages.shared import map_refit, public, session, undo, watching
from pages.shared.public import NotAllowedError
from pages.shared.text import escape, photos_of_people
from pipeline import names
from pipeline.errors import GalleryError, StorageError
from pipeline.gallery import layout, managing
from pipeline.gallery.gallery import Gallery

_NAME, _WAY = "new name", "new way"


def is_editable(opened: Gallery) -> bool:
    """Whether people may be added and removed: the demonstration stays the same for everybody."""
    return opened.name != layout.DEMONSTRATION


def size_of(opened: Gallery) -> str:
    """How many photos of how many people a gallery has."""
    return photos_of_people(len(opened), opened.people_count)


def show(*dialog: Any) -> None:
    """Open a dialog of the chosen gallery, given its name and arguments, or close the one that is open."""
    st.session_state.dialog = dialog
    st.session_state["dialog in"] = session.gallery_name()


def draw_open_dialog(opened: Gallery, dialogs: Mapping[str, Callable[..., None]]) -> None:
    """Draw the dialog that is open, if any. One of another gallery is closed: that gallery may be gone."""
    if dialog := st.session_state.get("dialog"):
        if st.session_state["dialog in"] == opened.name:
            dialogs[dialog[0]](opened, *dialog[1:])
        else:
            show()


def attempt(change: Callable[[], str], beside: str = "") -> None:
    """Change a gallery. The page then shows the message that ``change`` returns, or why it failed.

    beside: the key of what was typed, for ``draw_failure`` to say there why it failed.
    """
    try:
        public.refuse_visitors()
        st.session_state.said = change()
    except (GalleryError, NotAllowedError) as error:
        st.session_state.failed = beside, escape(str(error))
    except StorageError:
        text = "This cannot be saved: the disk is full or read-only. Nothing was changed."
        st.session_state.failed = beside, text
    else:
        show()


def draw_message() -> None:
    """Say on the page what the last change did, or why it failed."""
    if said := st.session_state.pop("said", None):
        st.success(said, icon=":material/check_circle:")
    if not st.session_state.get("dialog"):
        draw_failure()


def draw_failure(beside: str = "") -> None:
    """Say why the last change failed, if it was asked for here."""
    where, text = st.session_state.get("failed", ("", ""))
    if text and where == beside:
        del st.session_state.failed
        st.error(text, icon=":material/error:")


def open_dialog(title: str, draw: Callable[[], None], width: Literal["small", "medium"] = "small") -> None:
    """Draw a dialog until another one, or none, is asked for."""
    asked = st.session_state.dialog[:2]

    @st.dialog(title, width=width, on_dismiss=show)
    def dialog() -> None:
        if st.session_state.dialog[:2] != asked:
            st.rerun()
        draw()
        draw_failure()

    dialog()


def draw_new_gallery_button(kind: Literal["primary", "secondary"]) -> None:
    """The button for a new gallery, once on a page."""
    st.button(
        "New gallery",
        # It changes its place with the gallery, and would be on the page twice meanwhile.
        key=f"new gallery {kind}",
        icon=":material/add_photo_alternate:",
        type=kind,
        on_click=show,
        args=("new",),
    )


def _new_gallery(opened: Gallery) -> None:
    def draw() -> None:
        name = st.text_input("Name", "" if is_editable(opened) else "with-me", max_chars=100, key=_NAME, live=True)
        ways = {"copy": f"A copy of {escape(opened.name)}: {size_of(opened)}", "empty": "Nobody yet"}
        st.radio("Start with", list(ways), format_func=ways.__getitem__, key=_WAY)
        change = (lambda: _create(opened.name),)
        st.button("Create", type="primary", disabled=not names.clean(name or ""), on_click=attempt, args=change)

    open_dialog("New gallery", draw)


def _create(shown: str) -> str:
    """Create a gallery, empty or as a copy of the one that is shown, and choose it. Raises GalleryError.

    What was chosen is read again: the click on the button may be what ends the typing.
    """
    name = names.clean(st.session_state[_NAME] or "")
    if st.session_state[_WAY] == "copy":
        managing.copy_gallery(shown, name)
    else:
        managing.create_gallery(name)
    session.switch_to(name)
    return f"The gallery {escape(name)} is ready. Add photos of people to it."


def confirm(label: str, action: Callable[[], str], *back: str) -> None:
    """The buttons of a dialog: delete something, or show what was shown before, the arguments of ``show``."""
    with st.container(horizontal=True):
        icon = ":material/delete_forever:"
        st.button(label, type="primary", key="danger", icon=icon, on_click=attempt, args=(action,))
        st.button("Keep", on_click=show, args=back)


def _delete_gallery(opened: Gallery) -> None:
    def draw() -> None:
        st.markdown(
            f"**Delete {escape(opened.name)} with {size_of(opened)}?** Its faces and the photos that were added here "
            "are deleted from this machine. Files in your own folders stay."
        )
        confirm("Delete for good", lambda: _delete(opened.name))

    open_dialog("Delete gallery", draw)


def _delete(name: str) -> str:
    """Delete a gallery and choose the first one. Raises GalleryError."""
    map_refit.stop(name)
    managing.delete_gallery(name)
    undo.forget(name)
    watching.forget()
    session.switch_to(None)
    return f"The gallery {escape(name)} is deleted."


DIALOGS: dict[str, Callable[..., None]] = {"new": _new_gallery, "delete": _delete_gallery}
