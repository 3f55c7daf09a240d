"""The addresses of small pictures of faces, which the map fetches."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.shared import thumbnails


def thumbnail(request: Request) -> Response:
    """A face of a gallery as JPEG, or 404."""
    found = thumbnails.picture(**request.path_params)
    if found is None:
        return Response(status_code=404)
    return Response(found, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})


ROUTES = [Route(f"/{thumbnails.PATH}/{{secret}}/{{side_px:int}}/{{row:int}}.jpg", thumbnail)]
