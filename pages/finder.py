"""The finder: a photo of a face in, the people of a gallery who look most alike out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import card, navigation, problems, session
from pages.shared.faces import for_screen, portrait, square, with_boxes
from pages.shared.streamlit_fixes import require_router
from pages.shared.text import NOTE, escape, name_html
from pipeline import photo
from pipeline.errors import GalleryError, NoFaceError, PhotoError, UserError, WeightsError
from pipeline.faces.face import Face
from pipeline.gallery import layout
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Lookalikes, Match, Models, Probe
from pipeline.search.ranking import Method
from pipeline.similarity.registry import DEFAULT_SCORER, SCORERS
from pipeline.sources import demonstration

METHODS: dict[Method, str] = {"min": "Most alike photo", "average": "Average of three"}
TOP_MIN, TOP_MAX, TOP = 2, 40, 9
PRIVACY = (
    "Your photo stays in the memory of this session. It is written nowhere, sent nowhere, and gone when you leave."
)
MEANING = (
    "0 to 100, larger is more alike. Take pairs of photos that are as alike as a 70, drawn so that half of all pairs "
    "show one person: 70 in 100 of them do. Among a thousand strangers somebody mostly reaches 70 too: it compares "
    "photos; it never says who somebody is."
)
_FOLLOWS = "0 to 1, smaller is more alike; the resemblance follows from it."
DISTANCES = {entry.name: f"{entry.distance}: {_FOLLOWS}" for entry in SCORERS.values()}


@dataclass(frozen=True)
class Given:
    """What the visitor gave. It lives in the session and nowhere else."""

    data: bytes
    widget: str = ""
    key: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class Looked:
    """What was found in a photo, kept for the session so that a moved slider detects nothing again.

    shown: the photo at the size of the screen. scale: its pixels for each pixel of the photo. times: the named
    stages with their seconds. error: why nothing can be done with the photo.
    """

    key: str
    shown: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 3), np.uint8))
    scale: float = 1.0
    faces: list[Face] = field(default_factory=list)
    probes: dict[int, Probe] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    error: UserError | None = None


class Working:
    """The working state: named stages, each with its time, in place of what a column showed before."""

    def __init__(self, column: DeltaGenerator) -> None:
        self.column, self.times = column, dict[str, float]()
        self.place = column.empty()
        self.box: DeltaGenerator | None = None
        self.rest: DeltaGenerator | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[], None]]:
        """One stage; calling what it gives brings the seconds on the screen up to date."""
        if self.box is None:
            self.box = self.place.status("Looking for look-alikes", expanded=True)
            self.rest = self.column.empty()
        line = self.box.empty()
        begun = time.perf_counter()

        def tell() -> None:
            line.markdown(f":material/hourglass_top: {name} · {time.perf_counter() - begun:.0f} s")

        tell()
        yield tell
        self.times[name] = time.perf_counter() - begun
        line.markdown(f":material/check: {name} · {self.times[name]:.1f} s")

    def done(self) -> DeltaGenerator:
        """Take the stages off the screen, and give the place for what came of them."""
        self.place.empty()
        # Without work nothing is emptied first, as that would blink and take the focus from a slider.
        return (self.rest or self.column).container()


def page() -> None:
    """The page from top to bottom."""
    st.title("Who does this face look like?", anchor=False)
    try:
        opened = session.open_chosen_gallery()
        loading = networks()
    except UserError as error:
        problems.show(error)
        return
    given: Given | None = st.session_state.get("given")
    looked = known(given) if given else None
    # What other pages know of the photo.
    st.session_state.probe = None
    left, right = st.columns([2, 5], gap="medium")
    with left:
        picture = st.container()
        ask(given, folded=given is not None and not (looked and looked.error))
        st.caption(f":material/lock: {PRIVACY}")
    working = Working(right)
    try:
        if given is None:
            with working.done():
                empty(opened)
        else:
            find(given, opened, loading, working, picture)
    except (GalleryError, WeightsError) as error:
        with working.done():
            problems.show(error)
    except UserError as error:
        with working.done():
            failed(error)


def networks() -> Future[Models]:
    """The networks, loading or loaded. Raises what went wrong with loading them."""
    loading = session.loading_models()
    if loading.done():
        loading.result()
    return loading


def known(given: Given) -> Looked | None:
    """What the session knows of the photo."""
    looked: Looked | None = st.session_state.get("looked")
    return looked if looked and looked.key == given.key else None


def ask(given: Given | None, *, folded: bool) -> None:
    """The ways to give a photo; beside a result they are folded away."""
    box: DeltaGenerator
    if folded and given:
        box = st.expander("Another photo", icon=":material/add_a_photo:", key=f"another {given.key}")
    else:
        box = st.container(border=True)
    with box:
        # A new number empties the uploader and the camera.
        number = st.session_state.get("emptied", 0)
        ways = {"Upload": ":material/upload: Upload", "Webcam": ":material/photo_camera: Webcam"}
        way = st.segmented_control(
            "Where the photo comes from",
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
            st.file_uploader("A photo with a face", kinds, key=key, on_change=take, args=(key,))
        else:
            key = f"camera {number}"
            st.camera_input("A photo with a face", key=key, on_change=take, args=(key,), resolution="720p")
        if folded:
            examples(3, "Or an example:")


def take(key: str) -> None:
    """Keep the photo that a widget was given, or let go of it where it was taken out again."""
    file = st.session_state[key]
    given: Given | None = st.session_state.get("given")
    if file is not None:
        st.session_state.given = Given(file.getvalue(), key)
    elif given and given.widget == key:
        st.session_state.given = None


def take_example(path: Path) -> None:
    """Take an example instead of what the uploader or the camera holds."""
    st.session_state.given = Given(path.read_bytes())
    st.session_state.emptied = st.session_state.get("emptied", 0) + 1


def examples(columns: int, words: str) -> None:
    """The example photos, one for each person, where the demonstration is set up."""
    if layout.DEMONSTRATION not in layout.names():
        return
    st.markdown(words)
    grid = st.grid(columns, min_column_width=88)
    for name, paths in demonstration.example_photos().items():
        with grid.cell():
            st.image(portrait(paths[0]), width="stretch", alt=f"Example photo of {name}")
            st.button(
                name, key=f"example {name}", on_click=take_example, args=(paths[0],), width="stretch", wrap=True
            )


def empty(opened: Gallery) -> None:
    """The state before a photo: what will happen, and examples to see it happen."""
    with st.container(border=True):
        examples(5, "**No photo at hand? Try one of these.**")
    steps = st.grid(3, min_column_width=180)
    for icon, title, text in (
        ("face", "Finds the faces", "Every face gets a box and a number. You choose which one counts."),
        (
            "fingerprint",
            "Measures one",
            "A neural network turns it into 128 numbers: similar faces get similar numbers.",
        ),
        (
            "format_list_numbered",
            "Ranks the gallery",
            f"{opened.people_count:,} people, the most alike first, each with a resemblance of 0 to 100.",
        ),
    ):
        steps.markdown(f":material/{icon}: **{title}**  \n{text}")
    st.caption(f":material/info: {NOTE}")


def failed(error: UserError) -> None:
    """The error state: what happened, what to do, and a way on."""
    title = "This file cannot be used" if isinstance(error, PhotoError) else "No face to compare"
    st.error(escape(str(error)), title=title, icon=":material/sentiment_dissatisfied:")
    with st.container(border=True):
        examples(5, "**See it work with one of these.**")
    st.caption(f":material/info: {NOTE}")


def find(given: Given, opened: Gallery, loading: Future[Models], working: Working, picture: DeltaGenerator) -> None:
    """From the photo to the ranked cards. Raises UserError."""
    looked = known(given)
    if looked and looked.error:
        if looked.shown.size:
            picture.image(looked.shown, width="stretch", alt="Your photo")
        raise looked.error
    # Only a new photo is put where it can be replaced, as emptying that place would blink.
    spot = picture if looked else picture.empty()
    looked = looked or look(given, loading, working, spot)
    chosen = int(st.session_state.get(face_key(looked)) or 1)
    numbered = with_boxes(looked.shown, looked.faces, scale=looked.scale, chosen=chosen)
    spot.image(numbered, width="stretch", alt="Your photo with a numbered box around each face")
    with picture:
        choose_face(looked)
    models = loading.result()
    if chosen not in looked.probes:
        with working.stage("Measuring the face"):
            looked.probes[chosen] = models.probe(photo.read(given.data), looked.faces[chosen - 1])
    lookalikes = session.lookalikes(opened, models, st.session_state.get("scorer", DEFAULT_SCORER))
    begun = time.perf_counter()
    st.session_state.probe = looked.probes[chosen]
    result = Result(lookalikes, looked.probes[chosen])
    looked.times |= working.times | {f"Ranking {opened.people_count:,} people": time.perf_counter() - begun}
    with working.done():
        result.draw(looked.times)


def look(given: Given, loading: Future[Models], working: Working, spot: DeltaGenerator) -> Looked:
    """The faces of the photo, or what is wrong with it, kept in the session."""
    looked = Looked(given.key)
    try:
        if loading.done():
            pixels = read(given, looked, working, spot)
        else:
            with working.stage("Loading the networks") as tell:
                pixels = read(given, looked, working, spot)
                while not loading.done():
                    wait([loading], timeout=0.25)
                    tell()
        with working.stage("Finding faces"):
            looked.faces = loading.result().faces(pixels)
        # While the photo is at hand in full. A face that cannot be measured is told of where it is looked up.
        with working.stage("Measuring the face"), suppress(NoFaceError):
            looked.probes[1] = loading.result().probe(pixels, looked.faces[0])
    except (PhotoError, NoFaceError) as error:
        looked.error = error
    st.session_state.looked = looked
    if looked.error:
        st.rerun()  # What was drawn above did not know of it.
    return looked


def read(given: Given, looked: Looked, working: Working, spot: DeltaGenerator) -> np.ndarray:
    """The photo in full, shown at once at the size of the screen."""
    with working.stage("Reading the photo"):
        pixels = photo.read(given.data)
        looked.shown = for_screen(pixels)
        looked.scale = looked.shown.shape[0] / pixels.shape[0]
    spot.image(looked.shown, width="stretch", alt="Your photo")
    return pixels


def face_key(looked: Looked) -> str:
    """Where the session keeps which face was chosen."""
    return f"face {looked.key}"


def choose_face(looked: Looked) -> None:
    """Ask which face counts, where there is a choice."""
    if len(looked.faces) > 1:
        st.segmented_control(
            "Which face?",
            list(range(1, len(looked.faces) + 1)),
            default=1,
            required=True,
            key=face_key(looked),
            persist_state="session",
            help="The numbers are those in the photo; 1 is the most prominent face.",
        )


class Result:
    """The result state."""

    def __init__(self, lookalikes: Lookalikes, probe: Probe) -> None:
        self.gallery, self.scorer, self.probe = lookalikes.gallery, lookalikes.scorer.name, probe
        self.candidates = lookalikes.settings.candidates
        self.top_max = min(TOP_MAX, self.gallery.people_count)
        # A gallery of another size gets a slider of its own, as the old value may lie beyond its end.
        self.top_key = f"top of {self.top_max}"
        self.top = st.session_state.get(self.top_key, min(TOP, self.top_max))
        method, exact = st.session_state.get("method", "min"), st.session_state.get("exact", False)
        (self.matches,) = lookalikes.rank([probe], self.top, method=method, exact=exact)

    def draw(self, times: dict[str, float]) -> None:
        """The best match large, the settings, then the rest as equal cards."""
        self._best()
        self._settings()
        grid = st.grid("auto", min_column_width=160, border=True)
        for match in self.matches[1:]:
            with grid.cell():
                _picture(match)
                st.html(f"{match.rank}. <strong>{name_html(match.name)}</strong>")
                st.progress(match.resemblance / 100, text=f"Resemblance {match.resemblance:.0f}")
                _copy(match)
                source = escape(match.source)
                st.caption(f"Distance {match.distance:.3f}  \n{source}", help=escape(match.licence))
        self._notes(times)

    def _best(self) -> None:
        match = self.matches[0]
        with st.container(border=True), st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            with st.container(width=440):
                yours, theirs = st.columns(2, wrap=False)
                yours.image(square(self.probe.portrait), width="stretch", alt="The face in your photo")
                with theirs:
                    _picture(match)
            with st.container(width="stretch", gap="xsmall"):
                st.html(f"<h3>1. {name_html(match.name)}</h3>")
                st.metric("Resemblance", f"{match.resemblance:.0f}", help=MEANING)
                st.caption(f"Distance {match.distance:.3f}", help=DISTANCES[self.scorer])
                _copy(match)
                st.caption(escape(f"{match.source}. Licence: {match.licence}"))
                st.download_button(
                    "Result card",
                    lambda: card.render(self.probe.portrait, self.matches, self.gallery.name),
                    "looks-like-who.png",
                    "image/png",
                    icon=":material/download:",
                    help="A picture of this result, to keep or to share",
                    on_click="ignore",
                )
                st.page_link(
                    navigation.page("Explorer"),
                    label="Show me on the map",
                    icon=":material/explore:",
                    query_params={"face": "you"},
                )

    def _settings(self) -> None:
        with st.container(horizontal=True, gap="medium"):
            st.segmented_control(
                "Rank people by",
                list(METHODS),
                format_func=METHODS.__getitem__,
                default="min",
                required=True,
                key="method",
                persist_state="session",
                help="By the one photo of a person that is most alike, or by the average of the three most alike.",
            )
            with st.container(width="content", gap="small"):
                self._scorer()
            if self.top_max > TOP_MIN:
                st.slider(
                    "How many", TOP_MIN, self.top_max, self.top, key=self.top_key, width=200, persist_state="session"
                )

    def _scorer(self) -> None:
        st.segmented_control(
            "Measure likeness by",
            list(SCORERS),
            format_func=lambda name: SCORERS[name].label,
            default=DEFAULT_SCORER,
            required=True,
            key="scorer",
            persist_state="session",
            help="By a network that learned from photos of people who looks alike, or by the plain angle between the "
            "numbers of two faces.",
        )
        if self.candidates < len(self.gallery):
            st.toggle(
                "Compare with every photo",
                key="exact",
                persist_state="session",
                disabled=self.scorer == "cosine",
                help=f"Otherwise the network compares the {self.candidates:,} photos that are nearest by cosine, and "
                "the other photos of the same people: it misses about one person in a hundred. Cosine misses nobody.",
            )

    def _notes(self, times: dict[str, float]) -> None:
        st.caption(f":material/info: {NOTE}")
        with st.expander("Sources, licences and times", type="compact"):
            for source, licence in dict.fromkeys((match.source, match.licence) for match in self.matches):
                st.caption(f"**{escape(source)}**: {escape(licence)}")
            st.caption("  \n".join(f"{name}: {seconds:.2f} s" for name, seconds in times.items()))


def _picture(match: Match) -> None:
    st.image(portrait(match.crop_path), width="stretch", alt=f"Photo of {match.name} in the gallery")


def _copy(match: Match) -> None:
    if match.copy:
        st.badge(
            "The same photo", icon=":material/content_copy:", color="grey", help="Or a copy of it in another size"
        )


if __name__ == "__main__":  # Streamlit ran this file without the router.
    require_router()
