"""Sentences for the user about something that was put right on the way. The work goes on.

They are log messages, so whoever runs the pipeline decides where they appear: the command line prints them, and pages
show them.
"""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("lookslikewho")


def tell(text: str) -> None:
    """Tell the user one sentence, or two."""
    LOGGER.warning("%s", text)
