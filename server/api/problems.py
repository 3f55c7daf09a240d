"""What goes wrong, as ``application/problem+json`` (RFC 9457): a kind, a status, and one plain sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from pages.shared.limits import BusyError
from pipeline.errors import EmptyGalleryError, GalleryError, NoFaceError, PhotoError, UserError
from server import logs

MEDIA_TYPE = "application/problem+json"
# The status and the title of each kind. The kind of a problem is what programs tell it by.
KINDS: dict[str, tuple[int, str]] = {
    "incomplete-request": (400, "The request is not complete"),
    "key-needed": (401, "A key is needed"),
    "other-site": (403, "Pages of other sites may not ask"),
    "not-found": (404, "Not found"),
    "unknown-gallery": (404, "There is no such gallery"),
    "wrong-method": (405, "This address takes another method"),
    "empty-gallery": (409, "Nobody is in the gallery"),
    "length-needed": (411, "The length is needed"),
    "too-large": (413, "Too large"),
    "wrong-content": (415, "The content is of another type"),
    "unreadable-photo": (422, "The photo cannot be used"),
    "no-face": (422, "No face can be compared"),
    "wrong-value": (422, "A value cannot be used"),
    "too-many": (429, "Too much within a minute"),
    "fault": (500, "A fault in the program"),
    "not-ready": (503, "Not ready"),
    "busy": (503, "Busy"),
}
# Kinds of answers that the framework gives by itself.
_BY_STATUS = {400: "incomplete-request", 404: "not-found", 405: "wrong-method", 413: "too-large"}


@dataclass
class ProblemError(Exception):
    """A problem of a known kind. more: members beside those that every problem has."""

    kind: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


def response(problem: ProblemError, request_id: str) -> JSONResponse:
    """A problem as the answer to a request."""
    status, title = KINDS[problem.kind]
    known = {"type": f"urn:lookslikewho:{problem.kind}", "title": title, "status": status, "detail": problem.detail}
    values = {**known, "request_id": request_id, **problem.more}
    return JSONResponse(values, status, headers=dict(problem.headers), media_type=MEDIA_TYPE)


def of_error(error: UserError) -> ProblemError:
    """The problem that an error of the program is."""
    detail = str(error)
    if isinstance(error, BusyError):
        return ProblemError("too-many", detail, {"Retry-After": str(error.seconds)})
    if isinstance(error, PhotoError):
        return ProblemError("unreadable-photo", detail)
    if isinstance(error, NoFaceError):
        return ProblemError("no-face", detail)
    if isinstance(error, EmptyGalleryError):
        return ProblemError("empty-gallery", "Nobody is in this gallery yet.")
    return ProblemError("not-ready", detail, {"Retry-After": "10"})


@contextmanager
def values_of_request() -> Iterator[None]:
    """What cannot be done inside is due to a value of the request."""
    try:
        yield
    except UserError as error:
        # The base class itself says of a value what is wrong with it; its subclasses have kinds of their own.
        if type(error) in (UserError, GalleryError):
            raise ProblemError("wrong-value", str(error)) from error
        raise


def handle(app: FastAPI) -> None:
    """Let an app answer every error as a problem."""

    @app.exception_handler(ProblemError)
    async def _known(request: Request, error: ProblemError) -> JSONResponse:
        return response(error, id_of(request))

    @app.exception_handler(UserError)
    async def _of_user(request: Request, error: UserError) -> JSONResponse:
        return response(of_error(error), id_of(request))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return response(_of_values(error), id_of(request))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        kind = _BY_STATUS.get(error.status_code, "incomplete-request")
        detail = {
            "not-found": "There is nothing at this address.",
            "wrong-method": "Use another method at this address.",
        }.get(kind, "The request did not arrive as it should: send it again.")
        return response(ProblemError(kind, detail, error.headers or {}), id_of(request))

    @app.exception_handler(Exception)
    async def _fault(request: Request, error: Exception) -> JSONResponse:
        request.scope["fault"] = error
        return fault(id_of(request), error)


def fault(request_id: str, error: Exception) -> JSONResponse:
    """Log a fault of the program, and answer with the number under which the log has it."""
    logs.fault(request_id, error)
    detail = "This is a fault of the server, not of the request. Its log has the reason under the request's id."
    return response(ProblemError("fault", detail), request_id)


def id_of(request: Request) -> str:
    """The id of a request."""
    return str(request.scope.get("request_id", ""))


def _of_values(error: RequestValidationError) -> ProblemError:
    """One sentence on the first value that cannot be used, and all of them as ``errors``."""
    errors = [
        {"value": ".".join(str(part) for part in each["loc"][1:]) or "body", "reason": each["msg"]}
        for each in error.errors()
    ]
    first = errors[0]
    detail = f"{first['value']} cannot be used: {first['reason'][0].lower()}{first['reason'][1:]}."
    return ProblemError("wrong-value", detail, more={"errors": errors})
