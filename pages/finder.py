"""The finder: from a photo of a face to the people of a gallery who look most similar."""

from __future__ import annotations

import time
from concurrent.futures import Future

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import (
    face_box,
    face_buttons,
    focus,
    given_photo,
    groups,
    loading,
    more_photos,
    photo_input,
    problems,
    public,
    scorers,
    scrolling,
    session,
)
from pages.shared.exclusions import Exclusions
from pages.shared.given_photo import GivenPhoto
from pages.shared.result import Result
from pages.shared.stages import Stages
from pages.shared.text import NOTE, escape
from pipeline.errors import NoFaceError, PhotoError, UserError
from pipeline.gallery import layout
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Models

PRIVACY = "Your photo stays in the memory of this session: never stored, never sent, gone when you leave."


def page() -> None:
    """The page from top to bottom."""
    st.title("Who do I look like?", anchor=False)
    try:
        opened = session.open_chosen_gallery()
        models = loading.models_of(opened)
        if models.done():
            models.result()
    except UserError as error:
        problems.show(error)
        return
    groups.check(opened)
    given = given_photo.given_photo()
    known = given_photo.known_faces(given) if given else None
    # The explorer shows this probe.
    st.session_state.probe = None
    folded = given is not None and not (known and known.error)
    is_camera_large = not folded and photo_input.is_camera_on(folded=False)
    left, right = st.columns([1, 1] if is_camera_large else [2, 5], gap="medium")
    with left:
        picture, others = st.container(key=face_buttons.PLACE), st.container()
        photo_input.ask(given, folded=folded)
        st.caption(f":material/lock: {PRIVACY}")
    stages = Stages(right)
    try:
        if given is None:
            with stages.done():
                _draw_welcome(opened)
        else:
            _find(given, opened, models, stages, (picture, others))
    except (NoFaceError, PhotoError) as error:
        with stages.done():
            _draw_failure(error, given)
    except UserError as error:
        with stages.done():
            problems.show(error)


def _find(
    given: GivenPhoto,
    opened: Gallery,
    loaded: Future[Models],
    stages: Stages,
    places: tuple[DeltaGenerator, DeltaGenerator],
) -> None:
    """From the photo to the ranked people. places: of the photo, and of more photos of the face. Raises UserError."""
    picture, others = places
    found = given_photo.find_faces(given, loaded, stages, picture)
    models = loaded.result()
    own = given_photo.known_probe(found, models)
    if own is None:
        with stages.turn(), stages.stage("Measuring the face"):
            own = given_photo.measure(given, found, models)
    lookalikes = session.lookalikes(opened, models, scorers.chosen(opened))
    probe = more_photos.with_more(own, models, lookalikes.scorer, stages)
    with others:
        more_photos.draw(own)
    begun = time.perf_counter()
    st.session_state.probe = probe
    result = Result(lookalikes, probe, Exclusions(given, opened))
    found.times |= stages.times | {f"Ranking {opened.people_count:,} people": time.perf_counter() - begun}
    with stages.done():
        result.draw(found.times)


def _draw_welcome(opened: Gallery) -> None:
    """Before a photo: examples to try, and what will happen."""
    with st.container(border=True):
        photo_input.draw_examples(5, "**No photo at hand? Try one of these.**")
    st.caption(f":material/groups: {groups.who(opened)}")
    steps = st.grid(3, min_column_width=180)
    ranking = f"{opened.people_count:,} people, most similar first, each with a resemblance of 0 to 100."
    for icon, title, text in (
        ("face", "Finds the faces", "Every face gets a box and a number. You choose which one counts."),
        (
            "fingerprint",
            "Measures one",
            f"Neural networks turn it into {opened.embeddings.shape[1]} numbers; similar faces get similar ones.",
        ),
        ("format_list_numbered", "Ranks the gallery", ranking),
    ):
        steps.markdown(f":material/{icon}: **{title}**  \n{text}")
    if opened.name == layout.DEMONSTRATION and not public.is_public():
        _draw_other_galleries()
    st.caption(f":material/info: {NOTE}")


def _draw_other_galleries() -> None:
    """How to get more people than the demonstration has."""
    with st.expander("How to compare with celebrities", type="compact"):
        st.markdown(
            "Whoever runs this app can add 5,000 well-known people with freely licensed photos from Wikimedia "
            "Commons, or, for research, the 5,749 people of Labeled Faces in the Wild. Run one of these where the "
            "app is installed, then choose the gallery on top of the page."
        )
        st.code("make celebrities\n.venv/bin/python -m pipeline build --source lfw", language="shell")


def _draw_failure(error: UserError, given: GivenPhoto | None) -> None:
    """Why the photo cannot be used, a way to mark the face in it, and examples to try instead."""
    title = "We can't use this file" if isinstance(error, PhotoError) else "We couldn't find a face to compare"
    with st.container(key="failure"), focus.target():
        st.error(escape(str(error)), title=title, icon=":material/sentiment_dissatisfied:")
    is_marking = given is not None and face_box.is_marking(given.key)
    if given:
        scrolling.to(face_buttons.PLACE if is_marking else "failure", result=f"{given.key} {is_marking}")
    if given and isinstance(error, NoFaceError) and not is_marking:
        icon = ":material/highlight_alt:"
        st.button("Mark the face yourself", icon=icon, key="mark", on_click=face_box.begin, args=(given.key,))
    with st.container(border=True):
        photo_input.draw_examples(5, "**Or try one of these.**")
    st.caption(f":material/info: {NOTE}")
