"""Loads TensorFlow without the start-up messages that none of its settings switches off."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import Any

# Log messages that TensorFlow's C++ code prints to standard error at every import, and their second lines.
_LOG_MESSAGE = re.compile(
    rb"[IWE]\d{4} \d\d:\d\d:|WARNING: All log messages before absl|To enable the following|Skipping registering GPU"
)


def load_tensorflow() -> Any:
    """Import TensorFlow. What was printed to standard error meanwhile appears afterwards, without log messages."""
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            with _without_scikit_learn():
                import tensorflow

            # The search for a GPU prints as well, so do it here.
            tensorflow.config.list_physical_devices()
            tensorflow.get_logger().setLevel("ERROR")
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            captured.seek(0)
            for line in captured:
                if not _LOG_MESSAGE.match(line):
                    os.write(2, line)
    return tensorflow


@contextmanager
def _without_scikit_learn() -> Iterator[None]:
    """Keras imports scikit-learn, which takes a second, only to wrap models for it. Nothing here uses that."""
    hider = _ScikitLearnHider()
    sys.meta_path.insert(0, hider)
    try:
        yield
    finally:
        sys.meta_path.remove(hider)


class _ScikitLearnHider(MetaPathFinder):
    """Hides scikit-learn from the thread that made it; other threads can import it."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "sklearn" and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(name)
