"""Photos that wait to be added to a gallery: their faces, and which one of a group counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.shared import loading, problems
from pages.shared.faces import for_screen, inline, square, with_boxes
from pages.shared.text import escape
from pipeline import isolated_photo, names
from pipeline.errors import PhotoError, UserError
from pipeline.faces.face import Face
from pipeline.gallery import group_photos, inspection
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.lookalikes import Models
from pipeline.sources import folder

# The longer side of a group photo in its cell.
_GROUP_SIDE_PX = 600


@dataclass(frozen=True)
class GroupFaces:
    """The faces of a photo that shows several. shown: the photo for the screen. scale: its pixels per pixel."""

    whole: bytes
    faces: Sequence[Face]
    shown: NDArray[np.uint8]
    scale: float


@dataclass(frozen=True)
class DroppedPhoto:
    """A photo to add, kept in the session until then.

    data: the file, or the cut-out of the chosen face. thumbnail: a square of its face, RGB uint8. group: if it shows
    several faces. face: the number of the one that counts, from 1.
    """

    key: str
    file: str
    data: bytes
    inspected: InspectedPhoto
    thumbnail: NDArray[np.uint8]
    group: GroupFaces | None = None
    face: int = 1

    @property
    def suggested_name(self) -> str:
        """The person's name as suggested by the file's name, or ""."""
        name = folder.name_from_file(self.file)
        return "" if self.group or names.is_camera_name(name) else name

    @property
    def _face_key(self) -> str:
        return f"face of {self.key}"

    def draw(self) -> None:
        """The face, or the group with a box around each face and a choice of them."""
        if self.group is None:
            st.image(inline(self.thumbnail), width="stretch", alt=f"The face in {self.file}")
            return
        boxes = with_boxes(self.group.shown, self.group.faces, scale=self.group.scale, chosen=self.face)
        st.image(inline(boxes), width="stretch", alt=f"The face in {self.file} that counts, and the others, numbered")
        st.segmented_control(
            f"Which face of {escape(self.file)}?",
            list(range(1, len(self.group.faces) + 1)),
            default=1,
            required=True,
            key=self._face_key,
            label_visibility="collapsed",
        )

    def with_chosen_face(self, models: Models) -> DroppedPhoto:
        """The photo with the face that is chosen now."""
        chosen = int(st.session_state.get(self._face_key) or 1)
        if self.group is None or chosen == self.face:
            return self
        if chosen == 1:
            return replace(_look_at(self.key, self.file, self.group.whole, models), group=self.group)
        data, inspected = group_photos.cut_out(self.group.whole, chosen, models.detector, models.embedder)
        thumbnail = _thumbnail(data, inspected)
        return replace(self, data=data, inspected=inspected, thumbnail=thumbnail, face=chosen)


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
                known[key] = _look_at(key, file.name, file.getvalue(), models)
        place.empty()
    if any(known[key].group for key in contents):
        models = _models(opened, place)
        known |= {key: known[key].with_chosen_face(models) for key in contents}
        place.empty()
    st.session_state.looked_at = {key: known[key] for key in contents}
    return list(st.session_state.looked_at.values())


def _look_at(key: str, file: str, data: bytes, models: Models) -> DroppedPhoto:
    """A photo with its most prominent face."""
    (inspected,) = inspection.inspect_photos([data], models.detector, models.embedder)
    group = _group(data, models) if inspected.faces > 1 else None
    return DroppedPhoto(key, file, data, inspected, _thumbnail(data, inspected), group)


def _group(data: bytes, models: Models) -> GroupFaces:
    pixels, faces = group_photos.find_faces(data, models.detector)
    shown = for_screen(pixels, _GROUP_SIDE_PX)
    return GroupFaces(data, faces, shown, shown.shape[0] / pixels.shape[0])


def _models(opened: Gallery, place: DeltaGenerator) -> Models:
    """The gallery's models once they are loaded. If they cannot be, the page says why and ends."""
    try:
        loaded = loading.models_of(opened)
        if loaded.done():
            return loaded.result()
        with place.status("Loading the face model"):
            return loaded.result()
    except UserError as error:
        with place.container():
            problems.show(error)
        st.stop()


def _thumbnail(data: bytes, inspected: InspectedPhoto) -> NDArray[np.uint8]:
    """The face of a photo, or the photo itself, as a square; grey when it cannot be read."""
    try:
        return square(isolated_photo.read(inspected.portrait or data))
    except PhotoError:
        return np.full((256, 256, 3), 128, np.uint8)
