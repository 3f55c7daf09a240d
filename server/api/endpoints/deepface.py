"""``/v1/deepface``: what programs ask deepface's own API, answered in its words by the networks of a gallery.

Which model or detector they ask for makes no difference.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile

from pipeline.faces.face import Face
from pipeline.together import FACES_MAX
from server.api import looks, open_galleries
from server.api.endpoints.comparing import compared
from server.api.looks import PhotoLook
from server.api.problems import ProblemError

_NOT_A_PHOTO = "Send the photo itself: as a file, or in JSON as a data URL or base 64. Nothing else is fetched."


def router(*, with_embeddings: bool) -> APIRouter:
    """``verify``, and ``represent`` where the server gives embeddings."""
    routes = APIRouter(prefix="/deepface")
    routes.add_api_route("/verify", verify, methods=["POST"], openapi_extra=_body("img1", "img2"))
    if with_embeddings:
        routes.add_api_route("/represent", represent, methods=["POST"], openapi_extra=_body("img"))
    return routes


async def represent(request: Request) -> dict[str, Any]:
    """The embeddings of all faces of a photo, in deepface's words."""
    photos = await _photos(request, "img")
    return {"results": await looks.look(request, partial(_represent, photos[0]))}


async def verify(request: Request) -> dict[str, Any]:
    """Two photos compared, in deepface's words. The distance and the threshold are those of /v1/compare."""
    begun = time.perf_counter()
    photos = await _photos(request, "img1", "img2")
    comparison, faces = await looks.look(request, partial(compared, photos, None))
    return {
        "verified": comparison.same,
        "distance": comparison.distance,
        "threshold": comparison.threshold,
        "similarity_metric": comparison.scorer,
        "facial_areas": {f"img{number}": _area(face) for number, face in enumerate(faces, start=1)},
        "time": round(time.perf_counter() - begun, 2),
    }


def _represent(data: bytes, look: PhotoLook) -> list[dict[str, Any]]:
    lookalikes = open_galleries.lookalikes(None)
    pixels = look.load(data).pixels
    with look.turn(), looks.of_photo(1):
        faces = lookalikes.models.faces(pixels)[:FACES_MAX]
        probes = [lookalikes.models.probe(pixels, face) for face in faces]
    return [
        {
            "embedding": probe.embedding.tolist(),
            "facial_area": _area(face),
            "face_confidence": face.confidence,
        }
        for face, probe in zip(faces, probes, strict=True)
    ]


def _area(face: Face) -> dict[str, Any]:
    """deepface's eyes are those of the person, not of the viewer."""
    x, y, width, height = (round(value) for value in face.box)
    right, left = ([round(value) for value in eye] for eye in face.landmarks[:2])
    return {"x": x, "y": y, "w": width, "h": height, "left_eye": left, "right_eye": right}


async def _photos(request: Request, *names: str) -> Sequence[bytes]:
    """The photos of these names, from a form or from JSON. Raises ProblemError and BusyError."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            given = await request.json()
        except ValueError:
            raise ProblemError("wrong-value", "This is not JSON.") from None
        return await looks.read(request, [_from_json(given, name) for name in names])
    async with request.form() as form:
        files = [form.get(name) for name in names]
        found = [file for file in files if isinstance(file, UploadFile)]
        if len(found) < len(names):
            raise ProblemError("wrong-value", _NOT_A_PHOTO)
        return await looks.read(request, found)


def _from_json(given: object, name: str) -> bytes:
    text = given.get(name) if isinstance(given, dict) else None
    try:
        if found := base64.b64decode(str(text or "").rpartition(",")[2], validate=True):
            return found
    except (binascii.Error, ValueError):
        pass
    raise ProblemError("wrong-value", _NOT_A_PHOTO)


def _body(*names: str) -> dict[str, Any]:
    """The description of a request with these photos."""

    def schema(**photo: str) -> dict[str, Any]:
        properties = {name: {"type": "string", **photo} for name in names}
        return {"schema": {"type": "object", "required": list(names), "properties": properties}}

    content = {
        "multipart/form-data": schema(contentMediaType="application/octet-stream"),
        "application/json": schema(description="A data URL, or base 64."),
    }
    return {"requestBody": {"required": True, "content": content}}
