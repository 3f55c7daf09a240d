"""What every request to the API passes before anything of it is read: its id, its key, its size."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import nullcontext
from dataclasses import dataclass
from uuid import uuid4

from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.errors import UserError
from pipeline.photo import PhotoLimits
from server import logs, protection
from server.api import problems
from server.api.api_settings import ApiSettings
from server.api.keys import ApiKey, KeyFile
from server.api.metrics import Metrics
from server.api.problems import ProblemError

REQUEST_ID = "X-Request-ID"
# Tell nothing of the gallery, and load balancers have no key.
OPEN = ("/health", "/ready", "/docs", "/openapi.json")
METRICS = "/metrics"
# The largest photo and what is sent around it. As base 64 it is a third larger.
BODY_BYTES_MAX = PhotoLimits().bytes_max + 10**6
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BODY_SECONDS_MAX = 60.0
_TYPES = ("multipart/form-data", "application/json")
_HEADERS = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}


@dataclass(frozen=True)
class Program:
    """Who asks. key: of the program, if it needs one. address: of the network, None on the server's own machine."""

    key: ApiKey | None
    address: str | None

    @classmethod
    def of(cls, scope: Scope) -> Program:
        """Who has sent a request that has passed the guard."""
        found: Program = scope["program"]
        return found


class Guard:
    """Lets requests pass to the API, or answers why not. It gives each an id, counts it, and logs how it ended."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, metrics: Metrics) -> None:
        """Raises UserError if the file with the keys cannot be read."""
        self._app, self._settings, self._metrics = app, settings, metrics
        self._keys = KeyFile(settings.keys) if settings.keys and settings.is_on else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = scope["request_id"] = given if _ID.fullmatch(given) else uuid4().hex
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._answer(scope, receive, send_with_id)
        except Exception as error:
            # The framework raises again what it has logged and answered already.
            if scope.get("fault") is not error:
                answer = problems.fault(request_id, error)
                if not status:
                    await answer(scope, receive, send_with_id)
        seconds = time.perf_counter() - begun
        route = scope["route"].path if isinstance(scope.get("route"), APIRoute) else "none"
        self._metrics.count(route, scope["method"], status, seconds)
        logs.event("api", id=request_id, route=route, status=status, ms=round(1000 * seconds))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = Headers(scope=scope), scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            scope["program"] = self._program(scope, headers, path)
            size = _size(headers) if scope["method"] == "POST" else 0
            address = (scope.get("client") or ("", 0))[0]
            with protection.uploads.coming(address, size) if size else nullcontext():
                await self._app(scope, _in_time(receive) if size else receive, send)
        except ProblemError as problem:
            await problems.response(problem, scope["request_id"])(scope, receive, send)
        except UserError as error:
            await problems.response(problems.of_error(error), scope["request_id"])(scope, receive, send)

    def _program(self, scope: Scope, headers: Headers, path: str) -> Program:
        """Who asks. Raises ProblemError if the program may not."""
        if not self._settings.is_on:
            raise ProblemError("not-found", "There is no API here.")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise ProblemError("other-site", "Pages of other sites may not use this API. Ask it from your server.")
        address = (scope.get("client") or (None, 0))[0]
        key = self._key(headers) if path not in OPEN else None
        if path == METRICS and not (key.reads_metrics if key else self._settings.is_private):
            raise ProblemError("not-found", "There is nothing at this address.")
        return Program(key, None if address in ("127.0.0.1", "::1") else address)

    def _key(self, headers: Headers) -> ApiKey | None:
        """The key of the program, None where it needs none. Raises ProblemError if it has none."""
        if self._keys is None:
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        key = self._keys.find(given.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            detail = "Send a key of this server in the header Authorization: Bearer KEY."
            raise ProblemError("key-needed", detail, {"WWW-Authenticate": "Bearer"})
        return key


def _size(headers: Headers) -> int:
    """How many bytes will come. Raises ProblemError if that is not said, too many, or they are of another type."""
    length = headers.get("content-length", "")
    if not length.isdecimal() or "transfer-encoding" in headers:
        raise ProblemError("length-needed", "Say how long the request is, in the header Content-Length.")
    if int(length) > BODY_BYTES_MAX:
        raise ProblemError("too-large", f"A request has at most {BODY_BYTES_MAX // 10**6} MB.")
    if headers.get("content-type", "").partition(";")[0].strip().lower() not in _TYPES:
        raise ProblemError("wrong-content", "Send photos as multipart/form-data.")
    return int(length)


def _in_time(receive: Receive) -> Receive:
    """Ends a request whose bytes take too long to come."""
    end = time.monotonic() + _BODY_SECONDS_MAX
    complete = False

    async def receive_in_time() -> Message:
        nonlocal complete
        if complete:  # Only the end of the connection is still to come.
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(end - time.monotonic(), 0.0))
        except TimeoutError:
            return {"type": "http.disconnect"}
        complete = not message.get("more_body", False)
        return message

    return receive_in_time
