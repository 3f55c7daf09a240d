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

from pages.shared import dropping, face_buttons, loading
from pages.shared.faces import for_screen, inline, portrait, with_boxes
from pages.shared.stages import Stages
from pipeline import isolated_photo, photo
from pipeline.errors import NoFaceError, PhotoError, UserError
from pipeline.faces.face import Face
from pipeline.gallery import layout
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Models, Probe
from pipeline.sources import demonstration

_ASKING = "asking for another photo"
_BOX, _UPLOADER = "ways-to-give-a-photo", "photo-uploader"


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
    """

    key: str
    shown: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0, 3), np.uint8))
    scale: float = 1.0
    faces: list[Face] = field(default_factory=list)
    probes: dict[int, Probe] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    incomplete: bool = False
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
    """The ways to give a photo. Next to a result they are folded away until a button asks for them."""
    # This container and the box are always there: an uploader that moves on the page loses what it is uploading.
    with st.container():
        if folded:
            icon = ":material/add_a_photo:"
            st.button("Choose another photo", icon=icon, key="choose another", on_click=_toggle, width="stretch")
        if folded and given and given.is_shot:
            st.button("Retake", icon=":material/photo_camera:", on_click=_retake, width="stretch")
        if given:
            st.button("Remove this photo", icon=":material/close:", type="tertiary", key="remove", on_click=_forget)
    hidden = folded and not st.session_state.get(_ASKING)
    with st.container(border=True, key=_BOX):
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
        # The uploader is always there, because it takes what is pasted or dropped, too.
        with st.container(key=_UPLOADER):
            key, kinds = f"upload {number}", [suffix[1:] for suffix in photo.SUFFIXES]
            st.file_uploader("A photo of a face", kinds, key=key, on_change=_take, args=(key,))
            st.caption("You can also paste a photo, or drop it anywhere on this page.")
        if way == "Webcam":
            st.html(f"<style>.st-key-{_UPLOADER} {{ display: none; }}</style>")
        if way == "Webcam" and not hidden:
            key = f"camera {number} {st.session_state.get('retaken', 0)}"
            st.camera_input("Your face in the camera", key=key, on_change=_take, args=(key, True), resolution="720p")
        if folded:
            draw_examples(3, "Or an example:")
    if hidden:
        st.html(f"<style>.st-key-{_BOX} {{ display: none; }}</style>")
    dropping.accept(_UPLOADER)


def _toggle() -> None:
    """Show or hide the ways to give another photo."""
    st.session_state[_ASKING] = not st.session_state.get(_ASKING)


def _retake() -> None:
    """Start the camera again. The photo stays until there is another one."""
    st.session_state.way = "Webcam"
    st.session_state.retaken = st.session_state.get("retaken", 0) + 1
    st.session_state[_ASKING] = True


def _take(key: str, is_shot: bool = False) -> None:
    """Take the photo of a widget.

    A widget is empty while a new photo is on its way: the one before it stays until then.
    """
    file = st.session_state[key]
    if file is not None:
        st.session_state.given = GivenPhoto(file.getvalue(), is_shot=is_shot)
        st.session_state[_ASKING] = False


def _take_example(name: str, path: Path) -> None:
    """Take an example instead of what the uploader or the camera holds."""
    _forget()
    st.session_state.given = GivenPhoto(path.read_bytes(), example=name)


def _forget() -> None:
    """Forget the photo and what was found in it, and empty the uploader and the camera."""
    for key in ("given", "looked"):
        st.session_state.pop(key, None)
    st.session_state[_ASKING] = False
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
            args = (name, paths[0])
            st.button(name, key=f"example {name}", on_click=_take_example, args=args, width="stretch", wrap=True)


# Its faces ----------------------------------------------------------------------------------------------------------


def find_faces(given: GivenPhoto, loaded: Future[Models], stages: Stages, picture: DeltaGenerator) -> PhotoFaces:
    """The faces of a photo, shown in ``picture``. Raises UserError when the photo cannot be used."""
    known = known_faces(given)
    if known and known.error:
        if known.shown.size:
            picture.image(inline(known.shown), width="stretch", alt="Your photo")
        _draw_incomplete(known, picture)
        raise known.error
    # Only a new photo gets a place that can be replaced: emptying that place would flicker.
    place = picture if known else picture.empty()
    found = known or _look_for_faces(given, loaded, stages, place)
    boxes = with_boxes(found.shown, found.faces, scale=found.scale, chosen=chosen_face(found))
    place.image(inline(boxes), width="stretch", alt="Your photo with a numbered box around each face")
    _draw_incomplete(found, picture)
    with picture:
        _choose_face(found)
    return found


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


def probe_in(opened: Gallery) -> Probe | None:
    """The finder's face, measured as the faces of a gallery are. None without one, or if it cannot be measured so."""
    probe: Probe | None = st.session_state.get("probe")
    given = given_photo()
    if probe is None or probe.identity == opened.manifest.get("embedding"):
        return probe
    found = known_faces(given) if given else None
    if given is None or found is None:
        return None
    with suppress(UserError), st.spinner("Loading the face model"):
        models = loading.models_of(opened).result()
        st.session_state.probe = known_probe(found, models) or measure(given, found, models)
        return st.session_state.probe
    return None


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
        loaded = isolated_photo.load(given.data)
        pixels, found.incomplete = loaded.pixels, loaded.incomplete
        found.shown = for_screen(pixels)
        found.scale = found.shown.shape[0] / pixels.shape[0]
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
