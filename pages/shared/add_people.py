"""Adding people: dropped photos, the faces in them, their names, and whether they are good enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.shared import loading, people_dialogs, problems
from pages.shared.faces import square
from pages.shared.text import escape, plural
from pipeline import names, photo
from pipeline.errors import PhotoError, UserError
from pipeline.gallery import editing, inspection
from pipeline.gallery.editing import NewPhoto
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.screening import Rejection
from pipeline.lookalikes import Models
from pipeline.sources import folder

PRIVACY = (
    "The photos that you add, their faces and names stay in the gallery's folder on this machine. They are sent "
    "nowhere. Removing somebody deletes them all."
)


@dataclass(frozen=True)
class DroppedPhoto:
    """A photo to add, kept in the session until then. thumbnail: a square of its face, RGB uint8."""

    key: str
    file: str
    data: bytes
    inspected: InspectedPhoto
    thumbnail: NDArray[np.uint8]

    @property
    def suggested_name(self) -> str:
        """The person's name as suggested by the file's name, or ""."""
        name = folder.name_from_file(self.file)
        return "" if names.is_camera_name(name) else name


def ask(opened: Gallery) -> list[UploadedFile]:
    """The uploader. The demonstration offers a gallery of one's own instead."""
    if not people_dialogs.is_editable(opened):
        with st.container(border=True):
            st.markdown("##### :material/person_add: Add yourself")
            st.markdown(
                "The demonstration is the same for everybody. Start your own gallery, empty or as a copy of this "
                "one, to find yourself and your friends in it."
            )
            st.button("Start your own", type="primary", on_click=people_dialogs.show, args=("new",))
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
    st.caption(f":material/lock: {PRIVACY}")
    if not files:
        st.session_state.pop("looked_at", None)
    return list(files)


def _upload_number() -> int:
    """The number of the current upload: a new one empties the uploader."""
    return int(st.session_state.get("dropped", 0))


def inspect(opened: Gallery, files: list[UploadedFile], place: DeltaGenerator) -> list[DroppedPhoto]:
    """The dropped photos with their faces, kept in the session so that each is inspected once by the gallery's model.

    place: shows the progress, and is empty afterwards.
    """
    known: dict[str, DroppedPhoto] = st.session_state.get("looked_at", {})
    contents = {file.file_id: file for file in files}
    embedders = (None, opened.manifest["embedding"])
    known = {key: each for key, each in known.items() if each.inspected.identity in embedders}
    new = {key: file for key, file in contents.items() if key not in known}
    if new:
        models = _models(opened, place)
        with place.status("Finding faces") as status:
            for number, (key, file) in enumerate(new.items(), start=1):
                status.update(label=f"Finding faces in photo {number} of {len(new)}")
                data = file.getvalue()
                (inspected,) = inspection.inspect_photos([data], models.detector, models.embedder)
                known[key] = DroppedPhoto(key, file.name, data, inspected, _thumbnail(data, inspected))
        place.empty()
    st.session_state.looked_at = {key: known[key] for key in contents}
    return list(st.session_state.looked_at.values())


def _models(opened: Gallery, place: DeltaGenerator) -> Models:
    """The gallery's models once they are loaded. If they cannot be, the page says why and ends."""
    try:
        with place.status("Loading the face model"):
            return loading.models_of(opened).result()
    except UserError as error:
        with place.container():
            problems.show(error)
        st.stop()


def _thumbnail(data: bytes, inspected: InspectedPhoto) -> NDArray[np.uint8]:
    """The face of a photo, or the photo itself, as a square; grey when it cannot be read."""
    try:
        return square(photo.read(inspected.portrait or data))
    except PhotoError:
        return np.full((256, 256, 3), 128, np.uint8)


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
            st.image(each.thumbnail, width="stretch", alt=f"The face in {each.file}")
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
    if dropped.inspected.faces > 1:
        st.caption(f"The most prominent of {dropped.inspected.faces} faces")
    else:
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
    good = [each for each, rejection in zip(photos, rejections, strict=True) if not rejection]
    people = names.distinct(each.person for each in good) or ["nobody"]
    listed = " and ".join(filter(None, (", ".join(people[:-1]), people[-1])))
    return f"Added {escape(listed)}: {plural(len(good), 'photo')}. The finder knows them now."


def _clear() -> None:
    """Forget the dropped photos and their names."""
    st.session_state.dropped = _upload_number() + 1
    for key in [key for key in st.session_state if str(key).startswith("name of ")]:
        del st.session_state[key]
    st.session_state.pop("looked_at", None)
