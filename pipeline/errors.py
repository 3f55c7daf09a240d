"""Errors for the user.

Pages and the command line catch :class:`UserError` and show its text; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """Base of every error whose text is meant for the user: one or two plain sentences.

    command: the shell command that solves the problem, if there is one. The text never contains it: the command line
    prints it after the text, and pages show a button or a code block.
    """

    def __init__(self, text: str, *, command: str | None = None) -> None:
        super().__init__(text)
        self.command = command


class StorageError(UserError, OSError):
    """A file or folder of ours cannot be written: the disk is full or read-only."""


class PhotoError(UserError):
    """The bytes are not a readable photo, or the photo exceeds the limits."""


class NoFaceError(UserError):
    """The photo was read but shows no face that can be compared."""


class WeightsError(UserError):
    """A network's weights are missing, damaged or not the expected ones."""


class GalleryError(UserError):
    """A gallery is missing, damaged, empty or was built with another model."""


class EmptyGalleryError(GalleryError):
    """The gallery has no people yet."""


class SearchIndexError(UserError):
    """The index that finds candidates cannot be opened, reached or read."""


class SourceError(UserError):
    """A source of people is missing or has no photos."""


class MapError(UserError):
    """A gallery's map is missing, damaged or out of date."""


def reason(error: Exception) -> str:
    """An exception in one short line, without the folders of a path."""
    if isinstance(error, FileNotFoundError):
        # Arrow gives the path as the message.
        return f"{Path(error.filename or str(error)).name} is missing"
    if isinstance(error, OSError) and error.filename:
        return f"{Path(error.filename).name}: {error.strerror}"
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
