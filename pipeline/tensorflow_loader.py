"""Loads TensorFlow without the start-up messages that none of its settings switches off."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import Any

# Lines that TensorFlow's C++ code prints to standard error at every import.
_NOISE = (
    b"absl::InitializeLog",
    b"port.cc",
    b"cudart_stub.cc",
    b"cuda_platform.cc",
    b"cpu_feature_guard.cc",
    b"To enable the following",
)


def load_tensorflow() -> Any:
    """Import TensorFlow. Its messages on standard error appear afterwards, without the usual noise."""
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            with _without_scikit_learn():
                import tensorflow

            # The search for a GPU prints as well, so do it here.
            tensorflow.config.list_physical_devices()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            captured.seek(0)
            for line in captured:
                if not any(noise in line for noise in _NOISE):
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
