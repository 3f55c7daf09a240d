"""``POST /v1/compare``: how alike the faces in two photos are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, File, Request, UploadFile

from pipeline import answers
from pipeline.comparison import Comparison, compare_probes
from pipeline.faces.face import Face
from server.api import looks, open_galleries
from server.api.answers import ComparisonAnswer
from server.api.looks import PhotoLook
from server.api.parameters import GalleryName

router = APIRouter()


@router.post("/compare", response_model=ComparisonAnswer)
async def compare(
    request: Request,
    photo: Annotated[UploadFile, File(description="The first photo.")],
    other: Annotated[UploadFile, File(description="The second photo.")],
    gallery: GalleryName = None,
) -> dict[str, Any]:
    """Compare the most prominent faces of two photos, by the networks of a gallery."""
    photos = await looks.read(request, [photo, other])
    comparison, _ = await looks.look(request, partial(compared, photos, gallery))
    return answers.comparison_json(comparison)


def compared(photos: Sequence[bytes], gallery: str | None, look: PhotoLook) -> tuple[Comparison, list[Face]]:
    """Two photos compared, and the face of each that was. Raises ProblemError and UserError."""
    lookalikes = open_galleries.lookalikes(gallery)
    faces, probes = [], []
    for number, data in enumerate(photos, start=1):
        pixels = look.load(data, number).pixels
        with look.turn(), looks.of_photo(number):
            found, probe = lookalikes.look(pixels)
        faces.append(found[0])
        probes.append(probe)
    first, second = probes
    return compare_probes(first, second, lookalikes.scorer), faces
