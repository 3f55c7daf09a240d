"""The visitor's photo: asking for one, finding its faces, choosing one. It lives in the session and nowhere else."""

from __future__ import annotations

from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from pages.shared.faces import for_screen, portrait, with_boxes
from pages.shared.stages import Stages
from pipeline import photo
from pipeline.errors import NoFaceError, PhotoError, UserError
from pipeline.faces.face import Face
from pipeline.gallery import layout
from pipeline.lookalikes import Models, Probe
from pipeline.sources import demonstration


@dataclass(frozen=True)
class GivenPhoto:
    """A visitor's photo. widget: key of the widget that holds it, "" for an example."""

    data: bytes
    widget: str = ""
    key: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class PhotoFaces:
    """The faces of a photo, kept for the session so that they are found only once.

    shown: the photo for the screen. scale: its pixels per pixel of the photo. probes: by the number of the face.
    times: seconds by stage. error: why the photo cannot be used.
    """

    key: str
    shown: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0, 3), np.uint8))
    scale: float = 1.0
    faces: list[Face] = field(default_factory=list)
    probes: dict[int, Probe] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    error: UserError | None = None

    @property
    def face_key(self) -> str:
        """The session's key for the number of the chosen face."""
        return f"face {self.key}"


def given_photo() -> GivenPhoto | None:
    """The visitor's photo, if any."""
    given: GivenPhoto | None = st.session_state.get("given")
    return given


def known_faces(given: GivenPhoto) -> PhotoFaces | None:
    """The faces of the photo if they have been looked for."""
    known: PhotoFaces | None = st.session_state.get("looked")
    return known if known and known.key == given.key else None


# Asking for a photo -------------------------------------------------------------------------------------------------


def ask(given: GivenPhoto | None, *, folded: bool) -> None:
    """The ways to give a photo, folded away next to a result."""
    box: DeltaGenerator
    if folded and given:
        box = st.expander("Choose another photo", icon=":material/add_a_photo:", key=f"another {given.key}")
    else:
        box = st.container(border=True)
    with box:
        # A new number empties the uploader and the camera.
        number = st.session_state.get("emptied", 0)
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
        if way == "Upload":
            key, kinds = f"upload {number}", [suffix[1:] for suffix in photo.SUFFIXES]
            st.file_uploader("A photo of a face", kinds, key=key, on_change=_take, args=(key,))
        else:
            key = f"camera {number}"
            st.camera_input("A photo of a face", key=key, on_change=_take, args=(key,), resolution="720p")
        if folded:
            draw_examples(3, "Or an example:")


def _take(key: str) -> None:
    """Keep the photo of a widget, or forget it when it was removed there."""
    file = st.session_state[key]
    given = given_photo()
    if file is not None:
        st.session_state.given = GivenPhoto(file.getvalue(), key)
    elif given and given.widget == key:
        st.session_state.given = None


def _take_example(path: Path) -> None:
    """Take an example instead of what the uploader or the camera holds."""
    st.session_state.given = GivenPhoto(path.read_bytes())
    st.session_state.emptied = st.session_state.get("emptied", 0) + 1


def draw_examples(columns: int, title: str) -> None:
    """An example photo of each celebrity, if the demonstration is set up."""
    if layout.DEMONSTRATION not in layout.names():
        return
    st.markdown(title)
    grid = st.grid(columns, min_column_width=88)
    for name, paths in demonstration.example_photos().items():
        with grid.cell():
            st.image(portrait(paths[0]), width="stretch", alt=f"Example photo of {name}")
            args = (paths[0],)
            st.button(name, key=f"example {name}", on_click=_take_example, args=args, width="stretch", wrap=True)


# Its faces ----------------------------------------------------------------------------------------------------------


def find_faces(given: GivenPhoto, loading: Future[Models], stages: Stages, picture: DeltaGenerator) -> PhotoFaces:
    """The faces of a photo, shown in ``picture``. Raises UserError when the photo cannot be used."""
    known = known_faces(given)
    if known and known.error:
        if known.shown.size:
            picture.image(known.shown, width="stretch", alt="Your photo")
        raise known.error
    # Only a new photo gets a place that can be replaced: emptying that place would flicker.
    place = picture if known else picture.empty()
    found = known or _look_for_faces(given, loading, stages, place)
    boxes = with_boxes(found.shown, found.faces, scale=found.scale, chosen=chosen_face(found))
    place.image(boxes, width="stretch", alt="Your photo with a numbered box around each face")
    with picture:
        _choose_face(found)
    return found


def chosen_face(found: PhotoFaces) -> int:
    """The number of the chosen face, from 1."""
    return int(st.session_state.get(found.face_key) or 1)


def _look_for_faces(given: GivenPhoto, loading: Future[Models], stages: Stages, place: DeltaGenerator) -> PhotoFaces:
    found = PhotoFaces(given.key)
    try:
        if loading.done():
            pixels = _read(given, found, stages, place)
        else:
            with stages.stage("Loading the face model") as update:
                pixels = _read(given, found, stages, place)
                while not loading.done():
                    wait([loading], timeout=0.25)
                    update()
        with stages.stage("Finding faces"):
            found.faces = loading.result().faces(pixels)
        # While the photo is in memory in full. If this face cannot be measured, ranking says so.
        with stages.stage("Measuring the face"), suppress(NoFaceError):
            found.probes[1] = loading.result().probe(pixels, found.faces[0])
    except (PhotoError, NoFaceError) as error:
        found.error = error
    st.session_state.looked = found
    if found.error:
        st.rerun()  # What is already drawn did not know of it.
    return found


def _read(given: GivenPhoto, found: PhotoFaces, stages: Stages, place: DeltaGenerator) -> NDArray[np.uint8]:
    """The photo in full resolution; its small version is shown at once."""
    with stages.stage("Reading the photo"):
        pixels = photo.read(given.data)
        found.shown = for_screen(pixels)
        found.scale = found.shown.shape[0] / pixels.shape[0]
    place.image(found.shown, width="stretch", alt="Your photo")
    return pixels


def _choose_face(found: PhotoFaces) -> None:
    """Ask which face to look up, if there are several."""
    if len(found.faces) > 1:
        st.segmented_control(
            "Which face?",
            list(range(1, len(found.faces) + 1)),
            default=1,
            required=True,
            key=found.face_key,
            persist_state="session",
            help="The numbers are those in the photo; 1 is the most prominent face.",
        )
