"""``POST /v1/find``: from one or several photos of a face to the people of a gallery who look like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile

from pipeline import answers
from pipeline.gallery import editing
from pipeline.gallery.columns import Condition
from pipeline.lookalikes import Found, Lookalikes, Probe
from pipeline.together import combined, same_face, seems_somebody_else
from server.api import addresses, looks, open_galleries
from server.api.answers import FoundAnswer
from server.api.looks import PhotoLook
from server.api.parameters import FaceNumber, GalleryName, ShortText
from server.api.problems import values_of_request

PHOTOS_MAX, TOP_MAX, LIST_MAX = 6, 1000, 100
router = APIRouter()


@dataclass(frozen=True)
class _Wanted:
    """What is asked for besides the photos."""

    gallery: str | None
    face: int
    top: int
    method: Literal["min", "average"]
    where: Sequence[str]
    exclude: Sequence[str]


@router.post("/find", response_model=FoundAnswer)
async def find(
    request: Request,
    photo: Annotated[
        list[UploadFile],
        File(min_length=1, max_length=PHOTOS_MAX, description="A photo, or several of one person, looked up as one."),
    ],
    gallery: GalleryName = None,
    face: FaceNumber = 1,
    top: Annotated[int, Form(ge=1, le=TOP_MAX, description="How many people to list.")] = 10,
    method: Annotated[
        Literal["min", "average"],
        Form(description="Rank people by their most similar photo, or by the mean of their three most similar."),
    ] = "min",
    where: Annotated[
        list[ShortText],
        Form(max_length=LIST_MAX, description="Conditions that all must hold, such as occupation=actor."),
    ] = [],  # noqa: B006 - FastAPI copies it
    exclude: Annotated[
        list[ShortText], Form(max_length=LIST_MAX, description="People to leave out, by key or name.")
    ] = [],  # noqa: B006
) -> dict[str, Any]:
    """Rank the people of a gallery by resemblance to a face.

    Of several photos, `face` is that of the first one; in the others, the face nearest to it counts.
    """
    wanted = _Wanted(gallery, face, top, method, where, exclude)
    photos = await looks.read(request, photo)
    return await looks.look(request, partial(_find, photos, wanted))


def _find(photos: Sequence[bytes], wanted: _Wanted, look: PhotoLook) -> dict[str, Any]:
    lookalikes = open_galleries.lookalikes(wanted.gallery)
    opened = lookalikes.gallery
    with values_of_request():
        where = [Condition.parse(text) for text in wanted.where]
        if where:
            opened.columns.mask(where)
        excluded = editing.people_called(opened, wanted.exclude)
    first, *others = photos
    found, probe, about = _first(look, lookalikes, first, wanted.face)
    more = [_another(look, lookalikes, data, number, probe) for number, data in enumerate(others, start=2)]
    probe = combined([probe, *(other for other, _ in more)])
    (found.matches[:],) = lookalikes.rank([probe], wanted.top, method=wanted.method, exclude=excluded, where=where)
    values = answers.found_json(found)
    values["matches"] = [_with_address(opened.name, value) for value in values["matches"]]
    return {"gallery": opened.name, **values, "photos": [about, *(said for _, said in more)]}


def _first(look: PhotoLook, lookalikes: Lookalikes, data: bytes, face: int) -> tuple[Found, Probe, dict[str, Any]]:
    """The first photo: its faces, the one that is looked up, and what to say of the photo."""
    loaded = look.load(data)
    with look.turn(), looks.of_photo(1), values_of_request():
        faces, probe = lookalikes.look(loaded.pixels, face)
    about = {"face": face, "faces": len(faces), "incomplete": loaded.incomplete, "seems_somebody_else": False}
    return Found(faces, face, []), probe, about


def _another(
    look: PhotoLook, lookalikes: Lookalikes, data: bytes, number: int, probe: Probe
) -> tuple[Probe, dict[str, Any]]:
    """Another photo of the same face, and what to say of it."""
    loaded = look.load(data, number)
    with look.turn(), looks.of_photo(number):
        faces = lookalikes.models.faces(loaded.pixels)
        face, other = same_face(lookalikes.models, loaded.pixels, faces, probe)
    is_unlike = seems_somebody_else(probe, other, lookalikes.scorer)
    about = {"face": face, "faces": len(faces), "incomplete": loaded.incomplete, "seems_somebody_else": is_unlike}
    return other, about


def _with_address(gallery: str, match: dict[str, Any]) -> dict[str, Any]:
    """A match with the address of its photo instead of a path of the server."""
    path = match.pop("crop_path")
    return {**match, "crop": addresses.of_crop(gallery, int(path.stem))}
