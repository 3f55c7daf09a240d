"""What the server says of itself: health, readiness, figures, and a page about the API."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from server import health
from server.api import described, metrics
from server.api.answers import HealthAnswer, ReadyAnswer

router = APIRouter()


@router.get("/health")
async def alive() -> HealthAnswer:
    """That the server runs."""
    return HealthAnswer()


@router.get("/ready", response_model=ReadyAnswer, responses={503: {"model": ReadyAnswer}})
def ready(request: Request) -> JSONResponse:
    """200 once the first gallery is open and its networks are loaded, else 503 and why."""
    return health.ready(request)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def figures(request: Request) -> Response:
    """Figures for Prometheus: with a key that reads them, or on the server's own machine where nobody needs one."""
    return Response(request.app.state.metrics.text(), media_type=metrics.CONTENT_TYPE)


@router.get("/docs", include_in_schema=False, response_class=HTMLResponse)
def docs(request: Request) -> str:
    """The description of the API as a page without scripts."""
    return described.page(request.app.openapi())
