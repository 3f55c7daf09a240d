"""The API as an application: its routes, its guard, its description."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

import pipeline
from pages.shared import streamlit_fixes
from pipeline.answers import NOTE
from server.api import problems
from server.api.addresses import PATH
from server.api.answers import ProblemAnswer
from server.api.api_settings import ApiSettings, api_settings
from server.api.endpoints import comparing, deepface, embedding, finding, people, state
from server.api.guard import OPEN, Guard
from server.api.metrics import Metrics

_PROBLEM = {"$ref": "#/components/schemas/ProblemAnswer"}
_ANY_PROBLEM = {"description": "A problem", "content": {problems.MEDIA_TYPE: {"schema": _PROBLEM}}}


def application() -> ASGIApp:
    """The API of this server. Raises UserError when its settings or its keys cannot be read."""
    settings, metrics = api_settings(), Metrics()
    # Before the first page does so: a photo must not be written into a temporary file.
    streamlit_fixes.keep_uploads_in_memory()
    app = FastAPI(
        title="LooksLikeWho",
        description=NOTE,
        version=pipeline.__version__,
        # Their pages load scripts from elsewhere; see state.py.
        docs_url=None,
        redoc_url=None,
        responses={"default": _ANY_PROBLEM},
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.metrics = metrics
    for module in (finding, comparing, people, state):
        app.include_router(module.router)
    if settings.gives_embeddings:
        app.include_router(embedding.router)
    app.include_router(deepface.router(with_embeddings=settings.gives_embeddings))
    problems.handle(app)
    app.openapi = lambda: _description(app, settings)  # type: ignore[method-assign]
    return Guard(app, settings, metrics)


def _description(app: FastAPI, settings: ApiSettings) -> dict[str, Any]:
    """The description of the API as OpenAPI, with its problems and its keys."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        found["servers"] = [{"url": PATH}]
        parts = found.setdefault("components", {})
        parts.setdefault("schemas", {})["ProblemAnswer"] = ProblemAnswer.model_json_schema()
        if settings.keys:
            parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"key": []}]
            for path in set(OPEN) & set(found["paths"]):
                for operation in found["paths"][path].values():
                    operation["security"] = []
        app.openapi_schema = found
    return app.openapi_schema
