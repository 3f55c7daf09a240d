"""The galleries that programs may ask, with their networks: the same in memory that the pages use."""

from __future__ import annotations

from pages.shared import loading, public, session
from pipeline.errors import UserError
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Lookalikes, Models
from pipeline.similarity.registry import DEFAULT_SCORER
from server.api.problems import ProblemError


def names() -> list[str]:
    """The galleries that programs may ask, the default first."""
    default = public.default_name()
    return sorted(public.gallery_names(), key=lambda name: name != default)


def gallery(name: str | None) -> Gallery:
    """A gallery by name, the default one without. Raises ProblemError, and GalleryError if it cannot be opened."""
    known = names()
    if name is None and known:
        name = known[0]
    if name not in known:
        raise ProblemError("unknown-gallery", f"There is no gallery {name}." if name else "There is no gallery yet.")
    return session.open_gallery(name)


def models(opened: Gallery) -> Models:
    """The networks of a gallery. Waits until they are loaded. Raises UserError."""
    try:
        return loading.models_of(opened).result()
    except UserError:
        loading.retry()  # At the next request.
        raise


def lookalikes(name: str | None) -> Lookalikes:
    """A gallery with its networks and its search. Raises ProblemError and UserError."""
    opened = gallery(name)
    return session.lookalikes(opened, models(opened), DEFAULT_SCORER)
