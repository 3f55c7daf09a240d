"""The finder: a photo of a face in, the people of a gallery who look most alike out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages import drawing
from pipeline import gallery, photo, store
from pipeline.errors import NoFaceError, UserError
from pipeline.faces import Face
from pipeline.lookalikes import Lookalikes, Match, Models, Probe
from pipeline.sources import demonstration

METHODS = {"min": "Most alike photo", "average": "Average of three"}
PRIVACY = "The photo stays in the memory of this session: it is not stored, not sent on, and gone when you leave."


@dataclass(frozen=True)
class Given:
    """What the visitor gave. It lives in the session and nowhere else."""

    data: bytes
    widget: str = ""
    key: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class Looked:
    """What was found in a photo, kept for the session so that moving a slider detects nothing again."""

    key: str
    shown: np.ndarray
    scale: float
    faces: list[Face]
    probes: dict[int, Probe] = field(default_factory=dict)
    times: list[tuple[str, float]] = field(default_factory=list)


class Working:
    """The working state: named stages, each with its time."""

    def __init__(self, place: DeltaGenerator) -> None:
        self.place, self.times = place, list[tuple[str, float]]()
        self.box: DeltaGenerator | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[], None]]:
        """One stage; call what it gives to show how long it has run."""
        if self.box is None:
            self.box = self.place.status("Looking for look-alikes", expanded=True)
        line = self.box.empty()
        begun = time.perf_counter()

        def tell() -> None:
            line.markdown(f":material/hourglass_top: {name} · {time.perf_counter() - begun:.0f} s")

        tell()
        yield tell
        seconds = time.perf_counter() - begun
        self.times.append((name, seconds))
        line.markdown(f":material/check: {name} · {seconds:.1f} s")

    def done(self) -> None:
        """Take the stages away."""
        self.place.empty()


def page() -> None:
    """Draw the page from top to bottom."""
    drawing.keep_uploads_in_memory()
    loading = drawing.networks()
    st.title("Who does this face look like?", anchor=False)
    names = gallery.names()
    if not names:
        return missing("There is no gallery yet.")
    name = choose_gallery(names)
    given: Given | None = st.session_state.get("given")
    left, right = st.columns([2, 5], gap="medium")
    with left:
        picture = st.container()
        ask(given)
        st.caption(f":material/lock: {PRIVACY}")
    with right:
        if given is None:
            empty()
            return None
        try:
            find(given, name, loading, picture)
        except UserError as error:
            failed(error)
    return None


def missing(what: str) -> None:
    """The state before set-up: what to run."""
    with st.container(border=True):
        st.subheader(f":material/download: {what}", anchor=False)
        st.code("python -m pipeline setup", language="bash")
        st.button("Check again", icon=":material/refresh:")


def choose_gallery(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    with st.sidebar:
        return str(st.selectbox("Gallery", names, key="gallery"))


def take(key: str) -> None:
    """Keep what a widget was given; taking it out of the widget takes it back."""
    file = st.session_state[key]
    given: Given | None = st.session_state.get("given")
    if file is not None:
        st.session_state.given = Given(file.getvalue(), key)
    elif given and given.widget == key:
        st.session_state.given = None


def take_example(path: Path) -> None:
    st.session_state.given = Given(path.read_bytes())
    # A new key empties the uploader and the camera, which show another photo.
    st.session_state.round = st.session_state.get("round", 0) + 1


def ask(given: Given | None) -> None:
    number = st.session_state.get("round", 0)
    box = (
        st.container(border=True)
        if given is None
        else st.expander("Another photo", icon=":material/add_a_photo:", expanded=False)
    )
    with box:
        way = st.segmented_control(
            "Photo from",
            ["Upload", "Webcam"],
            default="Upload",
            required=True,
            key="way",
            label_visibility="collapsed",
        )
        if way == "Upload":
            key = f"upload-{number}"
            types = [suffix[1:] for suffix in photo.SUFFIXES]
            st.file_uploader("A photo of a face", types, key=key, on_change=take, args=(key,))
        else:
            key = f"camera-{number}"
            st.camera_input("A photo of a face", key=key, on_change=take, args=(key,), resolution="720p")
        if given is not None:
            examples(3)


def examples(columns: int) -> None:
    grid = st.grid(columns, min_column_width=90)
    for name, paths in demonstration.examples().items():
        with grid.cell():
            st.image(drawing.square(paths[0]), width="stretch", alt=f"Example photo: {name}")
            st.button(name, key=f"example-{name}", on_click=take_example, args=(paths[0],), width="stretch")


def empty() -> None:
    st.subheader("Your look-alikes appear here", anchor=False)
    st.write("No photo at hand? Try one of these.")
    examples(5)


def failed(error: UserError) -> None:
    title = "No face to compare" if isinstance(error, NoFaceError) else "This photo cannot be used"
    st.error(drawing.literal(str(error)), title=title, icon=":material/error:")
    examples(5)


def find(given: Given, name: str, loading: Future[Models], picture: DeltaGenerator) -> None:
    working = Working(st.empty())
    looked = st.session_state.get("looked")
    if not looked or looked.key != given.key:
        with working.stage("Reading the photo"):
            pixels = photo.read(given.data)
            shown = drawing.reduced(pixels)
        models = load(loading, working)
        with working.stage("Finding faces"):
            looked = Looked(given.key, shown, shown.shape[0] / pixels.shape[0], models.faces(pixels))
        st.session_state.looked = looked
    models = load(loading, working)
    chosen = draw_photo(looked, picture)
    if chosen not in looked.probes:
        with working.stage("Measuring the face"):
            looked.probes[chosen] = models.probe(photo.read(given.data), looked.faces[chosen - 1])
    lookalikes = drawing.lookalikes(name, models)
    working.done()
    result(lookalikes, looked.probes[chosen])


def load(loading: Future[Models], working: Working) -> Models:
    if not loading.done():
        with working.stage("Loading the networks") as tell:
            while not loading.done():
                wait([loading], timeout=0.25)
                tell()
    return loading.result()


def draw_photo(looked: Looked, place: DeltaGenerator) -> int:
    with place:
        spot = st.empty()
        chosen = 1
        if len(looked.faces) > 1:
            numbers = list(range(1, len(looked.faces) + 1))
            chosen = int(
                st.segmented_control("Face", numbers, default=1, required=True, key=f"face-{looked.key}") or 1
            )
        spot.image(drawing.boxed(looked.shown, looked.faces, looked.scale, chosen), width="stretch", alt="Your photo")
    return chosen


def result(lookalikes: Lookalikes, probe: Probe) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = st.segmented_control(
            "Ranked by", list(METHODS), default="min", required=True, format_func=METHODS.__getitem__, key="method"
        )
        top = st.slider("How many", 2, 30, 9, key="top")
    matches = lookalikes.rank(probe, top, method)
    st.download_button(
        "Result card", lambda: drawing.card(probe.portrait, matches), "lookalikes.png", "image/png", on_click="ignore"
    )
    grid = st.grid("auto", min_column_width=160, border=True)
    for match in matches:
        with grid.cell(column_span=2 if match.rank == 1 else 1):
            draw_match(match, probe)


def draw_match(match: Match, probe: Probe) -> None:
    if match.rank == 1:
        one, two = st.columns(2, wrap=False)
        one.image(drawing.square(probe.portrait), width="stretch", alt="The face in your photo")
        two.image(drawing.square(match.crop_path), width="stretch", alt=f"Photo of {match.name} in the gallery")
    else:
        st.image(drawing.square(match.crop_path), width="stretch", alt=f"Photo of {match.name} in the gallery")
    st.html(f"{match.rank}. {drawing.person(match.name)}")
    st.progress(match.resemblance / 100, text=f"Resemblance {match.resemblance:.0f}")
    st.caption(drawing.literal(match.source), help=drawing.literal(match.licence))


page()
