"""Errors for the user.

Pages and the command line catch :class:`UserError` and show its text; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations


class UserError(Exception):
    """Base of every error whose text is meant for the user: one or two plain sentences.

    command: what to type to fix it, if a command does. The command line prints it after the text; pages offer a
    button instead.
    """

    def __init__(self, text: str, *, command: str | None = None) -> None:
        super().__init__(text)
        self.command = command


class PhotoError(UserError):
    """The bytes are no photo that can be read, or one beyond the limits."""


class NoFaceError(UserError):
    """The photo was read, but holds no face that can be compared."""


class WeightsError(UserError):
    """The network's weights are missing, damaged or not the expected ones."""


class GalleryError(UserError):
    """A gallery is missing, damaged, empty or made for another model."""


class EmptyGalleryError(GalleryError):
    """There is nobody in the gallery yet."""


class SourceError(UserError):
    """The place that people should come from is missing or holds no photos."""


class MapError(UserError):
    """A gallery's map is missing, damaged or made of other embeddings."""
