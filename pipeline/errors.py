"""Errors for the person in front of the screen: the text is one sentence that says what to do.

Pages and the command line catch :class:`UserError` and show its text as it stands; anything else is a
fault of ours and keeps its traceback.
"""


class UserError(Exception):
    """Base of every error whose text is meant for the user."""


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
