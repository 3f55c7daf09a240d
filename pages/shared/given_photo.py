"""The visitor's photo: finding its faces, choosing one. It lives in the session and nowhere else."""

from __future__ import annotations

from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from pages.shared import face_box, face_buttons
from pages.shared.faces import for_screen, inline, with_boxes
from pages.shared.limits import count_photo
from pages.shared.stages import Stages
from pipeline import isolated_photo, photo
from pipeline.errors import NoFaceError, PhotoError, UserError
from pipeline.faces.face import Box, Face
from pipeline.lookalikes import Models, Probe


@dataclass(frozen=True)
class GivenPhoto:
    """A visitor's photo.

    example: the name of the person whom it shows, if it is one of the examples. is_shot: whether the camera took it.
    """

    data: bytes
    key: str = field(default_factory=lambda: uuid4().hex)
    example: str = ""
    is_shot: bool = False


@dataclass
class PhotoFaces:
    """The faces of a photo, kept for the session so that they are found only once.

    shown: the photo for the screen. scale: its pixels per pixel of the photo. probes: by the number of the face.
    times: seconds by stage. incomplete: whether part of the photo is missing. error: why the photo cannot be used.
    drawn: a box around another face, in pixels of the photo, which the visitor has drawn and nobody has looked at.
    """

    key: str
    shown: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0, 3), np.uint8))
    scale: float = 1.0
    faces: list[Face] = field(default_factory=list)
    probes: dict[int, Probe] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    incomplete: bool = False
    error: UserError | None = None
    drawn: Box | None = None

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


# Its faces ----------------------------------------------------------------------------------------------------------


def find_faces(given: GivenPhoto, loaded: Future[Models], stages: Stages, picture: DeltaGenerator) -> PhotoFaces:
    """The faces of a photo, shown in ``picture``. Raises UserError when the photo cannot be used, or not now."""
    known = known_faces(given)
    is_marking = known is not None and face_box.is_marking(known.key)
    if known and is_marking:
        with picture:
            face_box.draw(known.shown, known.key, partial(_keep_drawn, known))
    if known and known.error:
        if known.shown.size and not is_marking:
            picture.image(inline(known.shown), width="stretch", alt="Your photo")
        _draw_incomplete(known, picture)
        raise known.error
    if known and known.drawn:
        _look_at_drawn(given, known, loaded.result(), stages)
    if known and is_marking:
        return known
    # Only a new photo gets a place that can be replaced: emptying that place would flicker.
    place = picture if known else picture.empty()
    if known is None:
        count_photo()
    found = known or _look_for_faces(given, loaded, stages, place)
    boxes = with_boxes(found.shown, found.faces, scale=found.scale, chosen=chosen_face(found))
    place.image(inline(boxes), width="stretch", alt="Your photo with a numbered box around each face")
    _draw_incomplete(found, picture)
    with picture:
        _choose_face(found)
    return found


def _keep_drawn(found: PhotoFaces, box: Box) -> None:
    """Keep a box that was drawn on the photo as it is shown, until the next run looks at it."""
    x, y, width, height = (value / found.scale for value in box)
    found.drawn, found.error = (x, y, width, height), None


def _look_at_drawn(given: GivenPhoto, found: PhotoFaces, models: Models, stages: Stages) -> None:
    """Add the face in the box that was drawn, and choose it."""
    assert found.drawn
    with stages.turn(), stages.stage("Looking at the face"):
        found.faces = [*found.faces, models.detector.face_in(read(given, found), found.drawn)]
    found.drawn = None
    st.session_state[found.face_key] = len(found.faces)


def chosen_face(found: PhotoFaces) -> int:
    """The number of the chosen face, from 1."""
    return int(st.session_state.get(found.face_key) or 1)


def known_probe(found: PhotoFaces, models: Models) -> Probe | None:
    """The chosen face as these models have measured it."""
    probe = found.probes.get(chosen_face(found))
    return probe if probe and probe.identity == models.embedder.identity else None


def measure(given: GivenPhoto, found: PhotoFaces, models: Models) -> Probe:
    """Measure the chosen face, and keep it for the session. Raises NoFaceError."""
    number = chosen_face(found)
    found.probes[number] = models.probe(isolated_photo.read(given.data), found.faces[number - 1])
    return found.probes[number]


def read(given: GivenPhoto, found: PhotoFaces) -> NDArray[np.uint8]:
    """The photo in full resolution, RGB uint8 (height, width, 3). Keeps its small version. Raises PhotoError."""
    loaded = isolated_photo.load(given.data)
    found.shown, found.incomplete = for_screen(loaded.pixels), loaded.incomplete
    found.scale = found.shown.shape[0] / loaded.pixels.shape[0]
    return loaded.pixels


def _look_for_faces(given: GivenPhoto, loaded: Future[Models], stages: Stages, place: DeltaGenerator) -> PhotoFaces:
    found = PhotoFaces(given.key)
    try:
        if loaded.done():
            pixels = _read(given, found, stages, place)
        else:
            with stages.stage("Loading the face model") as update:
                pixels = _read(given, found, stages, place)
                while not loaded.done():
                    wait([loaded], timeout=0.25)
                    update()
        with stages.turn():
            with stages.stage("Finding faces"):
                found.faces = loaded.result().faces(pixels)
            # While the photo is in memory in full. If this face cannot be measured, ranking says so.
            with stages.stage("Measuring the face"), suppress(NoFaceError):
                found.probes[1] = loaded.result().probe(pixels, found.faces[0])
    except (PhotoError, NoFaceError) as error:
        found.error = error
    st.session_state.looked = found
    if found.error:
        st.rerun()  # What is already drawn did not know of it.
    return found


def _read(given: GivenPhoto, found: PhotoFaces, stages: Stages, place: DeltaGenerator) -> NDArray[np.uint8]:
    """The photo in full resolution; its small version is shown at once."""
    with stages.stage("Reading the photo"):
        pixels = read(given, found)
    place.image(inline(found.shown), width="stretch", alt="Your photo")
    return pixels


def _draw_incomplete(found: PhotoFaces, picture: DeltaGenerator) -> None:
    """Say that part of the photo is missing, if it is."""
    if found.incomplete:
        picture.caption(f":material/broken_image: {photo.INCOMPLETE}")


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
        height, width = (side / found.scale for side in found.shown.shape[:2])

        def choose(number: int) -> None:
            st.session_state[found.face_key] = number

        face_buttons.draw(found.faces, (width, height), choose)
