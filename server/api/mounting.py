"""Where the API is: below ``/v1`` of the app, if its packages are installed."""

from __future__ import annotations

from importlib.util import find_spec

from starlette.routing import Mount

from server.api.addresses import PATH

_PACKAGES = ("fastapi", "multipart", "prometheus_client")


def routes() -> list[Mount]:
    """The API as a route of the app; none without its packages."""
    if not all(map(find_spec, _PACKAGES)):
        return []
    from server.api.application import application

    return [Mount(PATH, application())]
