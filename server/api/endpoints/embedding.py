"""``POST /v1/embed``: a face as a unit row, by the networks of a gallery. Only where the server gives embeddings."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, File, Request, UploadFile

from server.api import looks, open_galleries
from server.api.answers import EmbeddingAnswer
from server.api.looks import PhotoLook
from server.api.parameters import FaceNumber, GalleryName
from server.api.problems import values_of_request

router = APIRouter()


@router.post("/embed", response_model=EmbeddingAnswer)
async def embed(
    request: Request,
    photo: Annotated[UploadFile, File(description="A photo of a face.")],
    gallery: GalleryName = None,
    face: FaceNumber = 1,
) -> dict[str, Any]:
    """The embedding of a face, float32, of length one: the product of two is the cosine of two faces."""
    photos = await looks.read(request, [photo])
    return await looks.look(request, partial(_embed, photos[0], gallery, face))


def _embed(data: bytes, gallery: str | None, face: int, look: PhotoLook) -> dict[str, Any]:
    lookalikes = open_galleries.lookalikes(gallery)
    pixels = look.load(data).pixels
    with look.turn(), looks.of_photo(1), values_of_request():
        faces, probe = lookalikes.look(pixels, face)
    return {
        "model": lookalikes.models.embedder.identity["model"],
        "faces": [asdict(each) for each in faces],
        "face": face,
        "embedding": probe.embedding.tolist(),
    }
