"""More photos of the visitor's face: kept in the session beside the first one, and looked up with it as one.

A photo that shows several faces counts with the one nearest to the face that is chosen in the first photo. One that
seems to show somebody else is left out until the visitor says that it is the same face.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import given_photo, loading, scorers, session
from pages.shared.faces import inline, square
from pages.shared.given_photo import GivenPhoto, PhotoFaces
from pages.shared.limits import count_photo, limits
from pages.shared.stages import Stages
from pages.shared.text import escape
from pipeline.errors import UserError
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Models, Probe
from pipeline.similarity.base import Scorer
from pipeline.together import combined, same_face, seems_somebody_else

# With the first one.
PHOTOS_MAX = 6
_TILE_PX = 192
_MORE, _COMBINED = "more photos", "photos as one"


@dataclass(frozen=True)
class _Measured:
    """The face of another photo that is nearest to the first photo's. number: in that photo, from 1."""

    of: Probe
    number: int
    probe: Probe
    seems_other: bool


@dataclass
class _MorePhoto:
    """Another photo. is_sure: whether the visitor has said that it shows the same face."""

    given: GivenPhoto
    found: PhotoFaces
    measured: _Measured | None = None
    is_sure: bool = False

    @property
    def picture(self) -> NDArray[np.uint8]:
        """What shows it: its face, or the photo, or grey where that cannot be read."""
        if self.measured:
            return self.measured.probe.portrait
        return self.found.shown if self.found.shown.size else np.full((8, 8, 3), 128, np.uint8)

    @property
    def counts(self) -> bool:
        """Whether it is looked up with the others."""
        return self.measured is not None and (self.is_sure or not self.measured.seems_other)

    def is_known(self, of: Probe) -> bool:
        """Whether it has been looked at for the first photo's face."""
        return bool(self.found.error or (self.measured and self.measured.of is of))

    def measure(self, of: Probe, models: Models, scorer: Scorer) -> None:
        """Find and measure the face nearest to the first photo's."""
        try:
            pixels = given_photo.read(self.given, self.found)
            self.found.faces = self.found.faces or models.faces(pixels)
            number, probe = same_face(models, pixels, self.found.faces, of)
            self.found.probes[number] = probe
            self.measured = _Measured(of, number, probe, seems_somebody_else(of, probe, scorer))
        except UserError as error:
            self.found.error = error


def given() -> list[GivenPhoto]:
    """The photos besides the first one."""
    return [each.given for each in _more()]


def has_room() -> bool:
    """Whether there may be another one."""
    return len(_more()) + 1 < PHOTOS_MAX


def add(photos: Sequence[GivenPhoto]) -> None:
    """Add photos to the first one, but none twice, and not more than there may be."""
    first = given_photo.given_photo()
    for each in photos:
        if first and each.data in [first.data, *(known.data for known in given())]:
            st.toast("You have already given this photo.", icon=":material/content_copy:")
        elif first and sum(len(known.data) for known in [first, *given(), each]) > limits().megabytes_kept * 10**6:
            st.toast("Your photos are too large together. The others were left out.", icon=":material/photo_library:")
            return
        elif has_room():
            st.session_state[_MORE] = [*_more(), _MorePhoto(each, PhotoFaces(each.key))]
        else:
            st.toast(f"{PHOTOS_MAX} photos are enough. The others were left out.", icon=":material/photo_library:")
            return


def forget() -> None:
    """Forget all photos but the first one."""
    for key in (_MORE, _COMBINED):
        st.session_state.pop(key, None)


def _more() -> list[_MorePhoto]:
    more: list[_MorePhoto] = st.session_state.get(_MORE, [])
    return more


def with_more(probe: Probe, models: Models, scorer: Scorer, stages: Stages | None = None) -> Probe:
    """The probe of the first photo, or one of all photos that count. New ones are looked at.

    Raises BusyError when there were too many.
    """
    for number, each in enumerate(_more(), start=2):
        if each.is_known(probe):
            continue
        if each.measured is None:
            count_photo()
        with ExitStack() as during:
            if stages:
                during.enter_context(stages.turn())
                during.enter_context(stages.stage(f"Looking at photo {number}"))
            each.measure(probe, models, scorer)
    return _as_one([probe, *(each.measured.probe for each in _more() if each.measured and each.counts)])


def _as_one(probes: list[Probe]) -> Probe:
    """The probes combined, the same object for the same probes: what is kept of a result is kept for a probe."""
    before: tuple[list[Probe], Probe] | None = st.session_state.get(_COMBINED)
    if before and list(map(id, before[0])) == list(map(id, probes)):
        return before[1]
    one = combined(probes)
    st.session_state[_COMBINED] = (probes, one)
    return one


def probe_in(opened: Gallery) -> Probe | None:
    """The finder's face, measured as the faces of a gallery are. None without one, or if it cannot be measured so."""
    probe: Probe | None = st.session_state.get("probe")
    if probe is None or probe.identity == opened.manifest.get("embedding"):
        return probe
    first = given_photo.given_photo()
    found = given_photo.known_faces(first) if first else None
    if first is None or found is None:
        return None
    with suppress(UserError), st.spinner("Loading the face model"):
        models = loading.models_of(opened).result()
        own = given_photo.known_probe(found, models) or given_photo.measure(first, found, models)
        scorer = session.lookalikes(opened, models, scorers.chosen(opened)).scorer
        st.session_state.probe = with_more(own, models, scorer)
        return st.session_state.probe
    return None


# On the page --------------------------------------------------------------------------------------------------------


def draw(probe: Probe) -> None:
    """The faces of all photos, each with a button that removes it, if there are several. probe: the first photo's."""
    if not _more():
        return
    count = 1 + sum(each.counts for each in _more())
    st.markdown(f"**{count} photos of one face**" if count > 1 else "**Only the first photo is used**")
    grid = st.grid(3, min_column_width=88)
    pictures = [probe.portrait, *(each.picture for each in _more())]
    for number, picture in enumerate(pictures, start=1):
        with grid.cell():
            st.image(inline(square(picture, _TILE_PX)), width="stretch", alt=f"The face in photo {number}")
            label = f"Remove photo {number}"
            st.button(label, key=f"remove {number}", type="tertiary", wrap=True, on_click=_remove, args=(number,))
    for number, each in enumerate(_more(), start=2):
        if each.found.error:
            st.caption(f":material/hide_image: Photo {number} is not used. {escape(str(each.found.error))}")
        elif not each.counts:
            st.caption(f":material/help: Photo {number} seems to show somebody else and is left out. Use it anyway?")
            st.button(f"Use photo {number}", key=f"use {number}", on_click=_be_sure, args=(each,))


def _be_sure(each: _MorePhoto) -> None:
    each.is_sure = True


def _remove(number: int) -> None:
    """Remove a photo. Without the first one, the next that counts becomes the first."""
    more = _more()
    if number > 1:
        st.session_state[_MORE] = more[: number - 2] + more[number - 1 :]
        return
    first = next((each for each in more if each.counts), more[0])
    st.session_state[_MORE] = [each for each in more if each is not first]
    st.session_state.given, st.session_state.looked = first.given, first.found
    if first.measured:
        st.session_state[first.found.face_key] = first.measured.number
