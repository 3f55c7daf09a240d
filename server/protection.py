"""What guards every answer: headers, addresses that are closed, and how much may be uploaded at once."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from pages.shared import administrator, public
from pages.shared.limits import BusyError
from pipeline.photo import PhotoLimits


def _inline_scripts() -> str:
    """The hashes of the scripts in Streamlit's only page, which are the only ones that may be inside a page."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


# Streamlit's pages write styles into themselves, draw from data URLs and blobs, and load code as blobs.
_POLICY = {
    "default-src": "'self'",
    "script-src": f"'self' blob: 'wasm-unsafe-eval' {_inline_scripts()}",
    "worker-src": "'self' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}
_HEADERS = {
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
# What Streamlit tells about the server, and its interface for programs.
_CLOSED = ("/_stcore/metrics", "/_stcore/agent/")
_UPLOAD = "/_stcore/upload_file/"
# Uploads that are on their way: of one network address, and of all.
_ADDRESS_BYTES_MAX = 4 * PhotoLimits().bytes_max
_BYTES_MAX = 8 * _ADDRESS_BYTES_MAX


class AddHeaders:
    """Adds the headers that tell a browser what a page may do."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        policy = dict(_POLICY)
        if not public.is_server_public() or administrator.is_possible():
            # Plotly's parallel coordinates, on the page of trainings, compile what draws them.
            policy["script-src"] += " 'unsafe-eval'"
        text = "; ".join(f"{name} {value}" for name, value in policy.items())
        self._headers = {**_HEADERS, "Content-Security-Policy": text}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class CloseAddresses:
    """Answers as if some of Streamlit's addresses did not exist, on a public server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        closed = (
            scope["type"] == "http" and public.is_server_public() and any(part in scope["path"] for part in _CLOSED)
        )
        app = PlainTextResponse("Not found", 404) if closed else self._app
        await app(scope, receive, send)


class UploadBytes:
    """The bytes of uploads that are on their way."""

    def __init__(self) -> None:
        self._coming: dict[str, int] = {}

    @contextmanager
    def coming(self, address: str, size: int) -> Iterator[None]:
        """Count bytes from a network address for a while. Raises BusyError while there are too many."""
        if self._coming.get(address, 0) + size > _ADDRESS_BYTES_MAX or sum(self._coming.values()) + size > _BYTES_MAX:
            raise BusyError("Too much at once. Try again.")
        self._coming[address] = self._coming.get(address, 0) + size
        try:
            yield
        finally:
            self._coming[address] -= size
            if not self._coming[address]:
                del self._coming[address]


uploads = UploadBytes()


class LimitUploads:
    """Refuses an upload while too much is on its way, from one network address or from all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "PUT" or _UPLOAD not in scope["path"]:
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdecimal():
            await PlainTextResponse("Say how long the file is.", 411)(scope, receive, send)
            return
        try:
            with uploads.coming((scope.get("client") or ("", 0))[0], int(length)):
                await self._app(scope, receive, send)
        except BusyError as error:
            await PlainTextResponse(str(error), 429)(scope, receive, send)


def is_local() -> bool:
    """Whether only this machine can reach the server."""
    return config.get_option("server.address") in ("localhost", "127.0.0.1")


def hosts() -> list[str]:
    """The names by which the server may be asked for; "*" for any.

    A server that only this machine can reach is asked for by this machine's names, or by a proxy's name for it. That
    keeps out pages of other sites that resolve their own name to this machine.
    """
    named = list(config.get_option("server.allowedHosts"))
    if named or not is_local():
        return named or ["*"]
    return ["localhost", "127.0.0.1", "[::1]", config.get_option("browser.serverAddress")]


def middleware() -> list[Middleware]:
    """All of it, the outermost first."""
    return [
        Middleware(AddHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=hosts(), www_redirect=False),
        Middleware(CloseAddresses),
        Middleware(LimitUploads),
    ]
