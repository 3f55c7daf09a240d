"""The dialogs of the people page: a person's photos, a new gallery, and deleting one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import streamlit as st

from pages.shared import session, url_state
from pages.shared.faces import portrait
from pages.shared.text import escape, photos_of_people, plural
from pipeline import names
from pipeline.errors import GalleryError, StorageError
from pipeline.gallery import layout, managing, removing
from pipeline.gallery.gallery import Gallery


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


def draw_open_dialog(opened: Gallery) -> None:
    """Draw the dialog that is open, if any. One of another gallery is closed: that gallery may be gone."""
    if dialog := st.session_state.get("dialog"):
        if st.session_state["dialog in"] == opened.name:
            _DIALOGS[dialog[0]](opened, *dialog[1:])
        else:
            show()


def attempt(change: Callable[[], str]) -> None:
    """Change a gallery. The page then shows the message that ``change`` returns, or why it failed."""
    try:
        st.session_state.said = change()
    except GalleryError as error:
        st.session_state.failed = escape(str(error))
    except StorageError:
        st.session_state.failed = "This cannot be saved: the disk is full or read-only. Nothing was changed."
    else:
        show()


def draw_message() -> None:
    """Say on the page what the last change did, or why it failed."""
    if said := st.session_state.pop("said", None):
        st.success(said, icon=":material/check_circle:")
    if not st.session_state.get("dialog"):
        _draw_failure()


def _draw_failure() -> None:
    if failed := st.session_state.pop("failed", None):
        st.error(failed, icon=":material/error:")


def _open(title: str, draw: Callable[[], None], width: Literal["small", "medium"] = "small") -> None:
    """Draw a dialog until another one, or none, is asked for."""
    asked = st.session_state.dialog[:2]

    @st.dialog(title, width=width, on_dismiss=show)
    def dialog() -> None:
        if st.session_state.dialog[:2] != asked:
            st.rerun()
        draw()
        _draw_failure()

    dialog()


# A person -----------------------------------------------------------------------------------------------------------


def _person(opened: Gallery, person: str, *_: str) -> None:
    """All photos of a person. A third argument asks to confirm a removal: a photo's hash, or "" for all."""
    keys = opened.faces["person"].to_pylist()
    if person not in keys:  # Somebody else has removed them.
        show()
        return
    rows = np.flatnonzero(opened.person_of_row == opened.person_of_row[keys.index(person)]).tolist()
    name = opened.row(rows[0])["name"]

    def draw() -> None:
        _draw_photos(opened, person, rows)
        for sha256 in st.session_state.dialog[2:]:
            _confirm_removal(opened, person, name, sha256=sha256, photos=len(rows))
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Show on the map", icon=":material/explore:", type="tertiary", on_click=_to_map, args=(rows[0],)
            )
            if is_editable(opened):
                st.space("stretch")
                label = f"Remove {escape(name)}"
                st.button(label, icon=":material/delete:", on_click=show, args=("person", person, ""), wrap=True)

    _open(escape(name), draw, "medium")


def _draw_photos(opened: Gallery, person: str, rows: list[int]) -> None:
    columns = [opened.row(row) for row in rows]
    grid = st.grid("auto", min_column_width=120)
    for row, values in zip(rows, columns, strict=True):
        with grid.cell(), st.container(gap="xxsmall"):
            st.image(portrait(opened.crop_path(row)), width="stretch", alt=f"Photo of {values['name']}")
            if is_editable(opened) and len(rows) > 1:
                st.button(
                    "Remove",
                    key=f"remove {values['sha256']}",
                    type="tertiary",
                    width="stretch",
                    on_click=show,
                    args=("person", person, values["sha256"]),
                )
    for source, licence in dict.fromkeys((values["source"], values["licence"]) for values in columns):
        st.caption(escape(f"{source}. Licence: {licence}"))


def _to_map(row: int) -> None:
    """Close the dialog and go to the map. After a link it would still be open when the visitor comes back."""
    show()
    st.session_state.to_map = row


def _confirm_removal(opened: Gallery, person: str, name: str, *, sha256: str, photos: int) -> None:
    what = f"this photo of {escape(name)}" if sha256 else f"{escape(name)} with {plural(photos, 'photo')}"
    with st.container(border=True):
        st.markdown(
            f"**Remove {what} from {escape(opened.name)}?** The app deletes its copies from this machine, which "
            "cannot be undone. Files in your own folders stay."
        )
        if sha256:
            row = opened.faces["sha256"].to_pylist().index(sha256)
            st.image(portrait(opened.crop_path(row)), width=96, alt=f"The photo of {name} to remove")
        _confirm("Remove for good", lambda: _remove(opened.name, person, name, sha256), "person", person)


def _remove(gallery_name: str, person: str, name: str, sha256: str) -> str:
    """Remove a person, or one photo. Raises GalleryError."""
    count = len(removing.remove_person(gallery_name, person, sha256 or None))
    session.forget_galleries()
    url_state.forget()
    return f"Removed {plural(count, 'photo')} of {escape(name)}."


# Galleries ----------------------------------------------------------------------------------------------------------


def _new_gallery(opened: Gallery) -> None:
    def draw() -> None:
        name = st.text_input("Name", "" if is_editable(opened) else "with-me", max_chars=100, key="new name")
        name = names.clean(name or "")
        ways = {"copy": f"A copy of {escape(opened.name)}: {size_of(opened)}", "empty": "Nobody yet"}
        way = st.radio("Start with", list(ways), format_func=ways.__getitem__, key="new way")
        source = opened.name if way == "copy" else None
        change = (lambda: _create(name, source),)
        st.button("Create", type="primary", disabled=not name, on_click=attempt, args=change)

    _open("New gallery", draw)


def _create(name: str, source: str | None) -> str:
    """Create a gallery, empty or as a copy, and choose it. Raises GalleryError."""
    if source:
        managing.copy_gallery(source, name)
    else:
        managing.create_gallery(name)
    session.switch_to(name)
    return f"The gallery {escape(name)} is ready. Add photos of people to it."


def _confirm(label: str, action: Callable[[], str], *back: str) -> None:
    """The buttons of a dialog: do what cannot be undone, or show what was shown before, the arguments of ``show``."""
    with st.container(horizontal=True):
        st.button(label, type="primary", icon=":material/delete_forever:", on_click=attempt, args=(action,))
        st.button("Keep", on_click=show, args=back)


def _delete_gallery(opened: Gallery) -> None:
    def draw() -> None:
        st.markdown(
            f"**Delete {escape(opened.name)} with {size_of(opened)}?** Its faces and the photos that were added here "
            "are deleted from this machine. Files in your own folders stay."
        )
        _confirm("Delete for good", lambda: _delete(opened.name))

    _open("Delete gallery", draw)


def _delete(name: str) -> str:
    """Delete a gallery and choose the first one. Raises GalleryError."""
    managing.delete_gallery(name)
    session.forget_galleries()
    session.switch_to(None)
    return f"The gallery {escape(name)} is deleted."


_DIALOGS: dict[str, Callable[..., None]] = {"person": _person, "new": _new_gallery, "delete": _delete_gallery}
