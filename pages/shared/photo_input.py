"""The ways to give a photo: a file, the camera, the clipboard, an example. It replaces the one before or joins it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.shared import camera, dropping, face_box, more_photos
from pages.shared.faces import portrait
from pages.shared.given_photo import GivenPhoto
from pipeline import photo
from pipeline.gallery import layout
from pipeline.sources import demonstration

# What the visitor has asked for: another photo instead of the one before, or one more of the same face.
_ASKED = "asked for photos"
# The files that were taken, by Streamlit's numbers.
_TAKEN = "taken files"
_BOX, _UPLOADER, _MORE = "ways-to-give-a-photo", "photo-uploader", "more-photos-uploader"
_KINDS = [suffix[1:] for suffix in photo.SUFFIXES]


def ask(given: GivenPhoto | None, *, folded: bool) -> None:
    """The ways to give a photo. Next to a result they are folded away until a button asks for them."""
    # This container and the box are always there: an uploader that moves on the page loses what it is uploading.
    with st.container():
        if given:
            _draw_buttons(given, folded=folded)
    asked = _asked() if folded else "instead"
    with st.container(border=True, key=_BOX):
        ways = {"Upload": ":material/upload: Upload", "Webcam": ":material/photo_camera: Webcam"}
        way = st.segmented_control(
            "Source of the photo",
            list(ways),
            format_func=ways.__getitem__,
            default="Upload",
            required=True,
            key="way",
            label_visibility="collapsed",
            width="stretch",
        )
        _draw_uploaders(with_more=folded, shown="" if way == "Webcam" else _MORE if asked == "more" else _UPLOADER)
        if is_camera_on(folded=folded):
            key = f"camera {_number()} {st.session_state.get('retaken', 0)}"
            camera.draw(key, partial(_take, is_shot=True))
        if given and folded and asked == "instead":
            st.button("Wrong face? Mark yours", icon=":material/highlight_alt:", on_click=_mark, args=(given.key,))
        if folded and asked != "more":
            draw_examples(3, "Or an example:")
    if not asked:
        st.html(f"<style>.st-key-{_BOX} {{ display: none; }}</style>")
    dropping.accept(_UPLOADER)


def is_camera_on(*, folded: bool) -> bool:
    """Whether :func:`ask` will show the camera."""
    return st.session_state.get("way") == "Webcam" and bool(not folded or _asked())


def _asked() -> Literal["instead", "more"] | None:
    """What the visitor has asked for."""
    asked: Literal["instead", "more"] | None = st.session_state.get(_ASKED)
    return asked


def _draw_buttons(given: GivenPhoto, *, folded: bool) -> None:
    # Each in a place of its own, so that none is on the page twice while another one comes or goes.
    # The one that has opened the box has a key, so that a screen reader can be told.
    instead = st.container(key="asked-instead" if _asked() == "instead" else None)
    with st.container(horizontal=True, gap="medium"):
        more = st.container(width="content", key="asked-more" if _asked() == "more" else None)
        label = "Remove all photos" if more_photos.given() else "Remove this photo"
        st.button(label, icon=":material/close:", type="tertiary", key="remove", on_click=_forget)
    if not folded:
        return
    with instead:
        icon = ":material/add_a_photo:"
        st.button("Choose another photo", icon=icon, key="choose another", on_click=_toggle, width="stretch")
        if given.is_shot:
            st.button("Retake", icon=":material/photo_camera:", on_click=_retake, width="stretch")
    if more_photos.has_room():
        icon, text = ":material/library_add:", "Another photo of the same face makes the result steadier"
        more.button(
            "Add another photo",
            icon=icon,
            type="tertiary",
            key="add another",
            on_click=_toggle,
            args=("more",),
            help=text,
        )


def _draw_uploaders(*, with_more: bool, shown: str) -> None:
    """The uploader of the photo, and that of more photos. Hidden ones go on uploading."""
    # The first is always there, because it takes what is pasted or dropped, too.
    with st.container(key=_UPLOADER):
        # A new number empties the uploader and the camera.
        key = f"upload {_number()}"
        st.file_uploader("A photo of a face", _KINDS, key=key, on_change=_take, args=(key,))
        st.caption("You can also paste a photo, or drop it anywhere on this page.")
    with st.container(key=_MORE):
        if with_more:
            key = f"more {_number()} {st.session_state.get('more given', 0)}"
            label = "More photos of the same face"
            st.file_uploader(label, _KINDS, accept_multiple_files=True, key=key, on_change=_take_more, args=(key,))
    for key in (_UPLOADER, _MORE):
        if key != shown:
            st.html(f"<style>.st-key-{key} {{ display: none; }}</style>")


def _number() -> int:
    number: int = st.session_state.get("emptied", 0)
    return number


def _toggle(asked: Literal["instead", "more"] = "instead") -> None:
    """Show or hide the ways to give another photo."""
    st.session_state[_ASKED] = None if _asked() == asked else asked
    _restart_camera()


def _mark(photo_key: str) -> None:
    """Let the visitor mark the face in the photo."""
    face_box.begin(photo_key)
    st.session_state[_ASKED] = None


def _retake() -> None:
    """Start the camera again. The photo stays until there is another one."""
    st.session_state.way = "Webcam"
    _restart_camera()
    st.session_state[_ASKED] = "instead"


def _restart_camera() -> None:
    st.session_state.retaken = st.session_state.get("retaken", 0) + 1


def _take(key: str, is_shot: bool = False) -> None:
    """Take the photo of a widget, or add it if one more was asked for.

    A widget is empty while a new photo is on its way: the one before it stays until then.
    """
    file = st.session_state[key]
    if file is None or not _new([file]):
        return
    taken = GivenPhoto(file.getvalue(), is_shot=is_shot)
    if _asked() == "more":
        more_photos.add([taken])
    else:
        more_photos.forget()
        st.session_state.given = taken
    st.session_state[_ASKED] = None


def _take_more(key: str) -> None:
    """Add the photos of the uploader. It says so only when all are there."""
    if files := _new(st.session_state[key]):
        more_photos.add([GivenPhoto(file.getvalue()) for file in files])
        st.session_state["more given"] = st.session_state.get("more given", 0) + 1
        st.session_state[_ASKED] = None


def _new(files: Sequence[UploadedFile]) -> list[UploadedFile]:
    """Those that were not taken before.

    Streamlit tells of a file once more where the run that took it was ended by the visitor's next click, even if that
    click has removed the photo.
    """
    taken: set[str] = st.session_state.setdefault(_TAKEN, set())
    found = [file for file in files if file.file_id not in taken]
    taken.update(file.file_id for file in found)
    return found


def take_example(name: str, path: Path) -> None:
    """Take a photo of somebody in the gallery instead of what the uploader or the camera holds.

    name: of the person, who is left out of the matches.
    """
    _forget()
    st.session_state.given = GivenPhoto(path.read_bytes(), example=name)


def _forget() -> None:
    """Forget all photos and what was found in them, and empty the uploaders and the camera."""
    for key in ("given", "looked"):
        st.session_state.pop(key, None)
    more_photos.forget()
    st.session_state[_ASKED] = None
    st.session_state.emptied = _number() + 1


def draw_examples(columns: int, title: str) -> None:
    """An example photo of each celebrity, if the demonstration is set up."""
    if layout.DEMONSTRATION not in layout.names():
        return
    st.markdown(title)
    grid = st.grid(columns, min_column_width=88)
    for name, paths in demonstration.example_photos().items():
        with grid.cell():
            st.image(portrait(paths[0]), width="stretch", alt=f"Example photo of {name}")
            args = (name, paths[0])
            st.button(name, key=f"example {name}", on_click=take_example, args=args, width="stretch", wrap=True)
