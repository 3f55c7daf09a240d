"""The dialogs about a person: the photos, renaming and merging, moving a photo, and removing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from pages.shared import about, map_refit, people_dialogs, undo, url_state, watching
from pages.shared.faces import portrait
from pages.shared.people_dialogs import attempt, confirm, is_editable, open_dialog, show
from pages.shared.text import escape, plural
from pages.shared.undo import Removal
from pipeline import names
from pipeline.gallery import editing, reassigning, removing
from pipeline.gallery.gallery import Gallery


def _rows_of(opened: Gallery, person: str) -> list[int]:
    """The rows of a person. If somebody else has removed them, none, and the dialog is closed."""
    keys = opened.faces["person"].to_pylist()
    if person not in keys:
        show()
        return []
    return list(np.flatnonzero(opened.person_of_row == opened.person_of_row[keys.index(person)]).tolist())


def changed(gallery_name: str) -> None:
    """What follows every change of a gallery: pages read it anew, and its map is fitted to it."""
    watching.forget()
    url_state.forget()
    map_refit.begin(gallery_name)


def _person(opened: Gallery, person: str, *_: str) -> None:
    """All photos of a person. A third argument asks to confirm a removal: a photo's hash, or "" for all."""
    rows = _rows_of(opened, person)
    if not rows:
        return
    name = opened.row(rows[0])["name"]

    def draw() -> None:
        _draw_photos(opened, person, rows)
        for sha256 in st.session_state.dialog[2:]:
            _confirm_removal(opened, person, name, sha256=sha256, photos=len(rows))
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            icon = ":material/explore:"
            st.button("Show on the map", icon=icon, type="tertiary", on_click=_to_map, args=(rows[0],))
            if is_editable(opened):
                icon = ":material/edit:"
                st.button("Rename or merge", icon=icon, type="tertiary", on_click=show, args=("rename", person))
                st.space("stretch")
                label, icon = f"Remove {escape(name)}", ":material/delete:"
                args = ("person", person, "")
                st.button(label, key="danger all", icon=icon, on_click=show, args=args, wrap=True)

    open_dialog(escape(name), draw, "medium")


def _draw_photos(opened: Gallery, person: str, rows: list[int]) -> None:
    columns = [opened.row(row) for row in rows]
    grid = st.grid("auto", min_column_width=120)
    for row, values in zip(rows, columns, strict=True):
        with grid.cell(), st.container(gap="xxsmall"):
            st.image(portrait(opened.crop_path(row)), width="stretch", alt=f"Photo of {values['name']}")
            if is_editable(opened):
                _draw_photo_buttons(person, values["sha256"], several=len(rows) > 1)
    if line := about.person_line(opened.columns.of(int(opened.person_of_row[rows[0]]))):
        st.caption(line)
    credits_known = [about.credit_line(opened.credit(row)) for row in rows]
    for values, credit in zip(columns, credits_known, strict=True):
        values["credit"] = credit or escape(f"{values['source']}. Licence: {values['licence']}")
    for text in dict.fromkeys(values["credit"] for values in columns):
        st.caption(text)


def _draw_photo_buttons(person: str, sha256: str, *, several: bool) -> None:
    """What can be done with one of several photos. The only one goes with the person."""
    if several:
        args: tuple[Any, ...] = ("move", person, sha256)
        st.button("Move", key=f"move {sha256}", type="tertiary", width="stretch", on_click=show, args=args)
        args = ("person", person, sha256)
        st.button("Remove", key=f"remove {sha256}", type="tertiary", width="stretch", on_click=show, args=args)


def _to_map(row: int) -> None:
    """Close the dialog and go to the map. After a link it would still be open when the visitor comes back."""
    show()
    st.session_state.to_map = row


# Removing -----------------------------------------------------------------------------------------------------------


def _confirm_removal(opened: Gallery, person: str, name: str, *, sha256: str, photos: int) -> None:
    what = f"this photo of {escape(name)}" if sha256 else f"{escape(name)} with {plural(photos, 'photo')}"
    with st.container(border=True):
        st.markdown(f"**Remove {what} from {escape(opened.name)}?** {undo.HOW_LONG}")
        if sha256:
            row = opened.faces["sha256"].to_pylist().index(sha256)
            st.image(portrait(opened.crop_path(row)), width=96, alt=f"The photo of {name} to remove")
        confirm("Yes, remove", lambda: _remove(opened.name, person, name, sha256), "person", person)


def _remove(gallery_name: str, person: str, name: str, sha256: str) -> str:
    """Remove a person, or one photo. Raises GalleryError."""
    removed = removing.remove_person(gallery_name, person, sha256 or None)
    undo.keep(Removal(gallery_name, name, removed))
    changed(gallery_name)
    said = f"Removed {plural(len(removed), 'photo')} of {escape(name)}."
    return f"{said} Updates of this gallery will leave {escape(name)} out." if removed.left_out else said


def draw_undo(opened: Gallery) -> None:
    """What can be undone: the last removal from this gallery."""
    # Always there: what comes and goes would move what is below.
    with st.container(key="undo", horizontal=True, vertical_alignment="center"):
        if removal := undo.last(opened.name):
            label = f"Undo removing {escape(removal.person)}"
            action = (lambda: _undo(opened.name),)
            st.button(label, key="undo last", icon=":material/undo:", on_click=attempt, args=action, wrap=True)
            text = "Delete for good now"
            st.button(text, key="danger undo", type="tertiary", on_click=undo.forget, args=(opened.name,))


def _undo(gallery_name: str) -> str:
    """Undo the last removal. Raises GalleryError."""
    said = undo.restore_last(gallery_name)
    changed(gallery_name)
    return said


# Renaming, merging, moving ------------------------------------------------------------------------------------------


def _rename(opened: Gallery, person: str) -> None:
    rows = _rows_of(opened, person)
    if not rows:
        return
    name = opened.row(rows[0])["name"]
    key = f"new name of {person}"

    def draw() -> None:
        typed = st.text_input("Name", name, max_chars=80, key=key)
        others = [each for each in editing.find_people(opened, typed or "") if each != person]
        if others:
            st.markdown(f"{escape(names.person(typed))} is in the gallery already. Is it the same person?")
        with st.container(horizontal=True):
            label = f"Merge with {escape(names.person(typed))}" if others else "Save"
            # The name is read again: the click on the button may be what ends the typing.
            action: Callable[[], str] = lambda: _save(opened.name, person, name, key, others)  # noqa: E731
            st.button(label, type="primary", key="save name", on_click=attempt, args=(action,), wrap=True)
            st.button("Cancel", on_click=show, args=("person", person))

    open_dialog(f"Rename {escape(name)}", draw)


def _save(gallery_name: str, person: str, name: str, key: str, others: list[str]) -> str:
    """Rename a person, or merge with the first of the others, as the button has said. Raises GalleryError."""
    typed = st.session_state[key]
    if others:
        reassigning.merge_people(gallery_name, person, others[0])
        said = f"{escape(name)} and {escape(names.person(typed))} are one person now."
    else:
        said = f"{escape(name)} is called {escape(reassigning.rename_person(gallery_name, person, typed))} now."
    changed(gallery_name)
    return said


def _move(opened: Gallery, person: str, sha256: str) -> None:
    rows = [row for row in _rows_of(opened, person) if opened.row(row)["sha256"] == sha256]
    if not rows:
        show()
        return
    name = opened.row(rows[0])["name"]
    key = f"new person of {sha256}"

    def draw() -> None:
        st.image(portrait(opened.crop_path(rows[0])), width=120, alt=f"The photo of {name} to move")
        st.text_input("Who is this?", max_chars=80, key=key, placeholder="Name of somebody in the gallery, or new")
        with st.container(horizontal=True):
            action = (lambda: _save_move(opened.name, person, sha256, key),)
            st.button("Move photo", type="primary", key="save move", on_click=attempt, args=action)
            st.button("Cancel", on_click=show, args=("person", person))

    open_dialog(f"Move a photo of {escape(name)}", draw)


def _save_move(gallery_name: str, person: str, sha256: str, key: str) -> str:
    """Move a photo to the person whose name was typed. Raises GalleryError."""
    shown = reassigning.move_photo(gallery_name, person, sha256, st.session_state[key] or "")
    changed(gallery_name)
    return f"The photo is {escape(shown)}'s now."


DIALOGS: dict[str, Callable[..., None]] = {
    **people_dialogs.DIALOGS,
    "person": _person,
    "rename": _rename,
    "move": _move,
}
