"""Whether the server can answer, for load balancers and health checks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pages.shared import public
from pages.shared.turns import turns
from pipeline.errors import UserError


def ready(request: Request) -> JSONResponse:
    """200 once the first gallery is open and its networks are loaded, else 503 and why. The first call loads them."""
    missing = _missing()
    return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)


def _missing() -> str | None:
    # Imported here, because what they keep for all sessions needs Streamlit to run.
    from pages.shared import loading, session

    if turns().is_ending:
        return "The server is about to end."
    try:
        models = loading.models_of(session.open_gallery(public.default_name()))
        if models.done():
            models.result()
            return None
    except UserError as error:
        return str(error)
    return "The networks are being loaded."


ROUTES = [Route("/ready", ready)]
