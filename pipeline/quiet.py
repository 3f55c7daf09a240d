"""Keeps what libraries log and warn of off the user's terminal. Whatever goes wrong in them is raised anyway."""

from __future__ import annotations

import logging
import sys
import warnings


def silence_libraries() -> None:
    """Drop the warnings and log messages of libraries in this process, except where ``python -W`` asks for them.

    Loggers with handlers of their own, such as that of :mod:`.notices`, go on.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    # Where nobody handles messages, Python prints them, and TensorFlow adds a handler that does.
    if not logging.root.handlers:
        logging.root.addHandler(logging.NullHandler())
