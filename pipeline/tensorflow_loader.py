"""TensorFlow, loaded without the start-up messages that no setting of its own switches off."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import Any

# The lines that TensorFlow's C++ prints straight to standard error at every import.
_NOISE = (
    b"absl::InitializeLog",
    b"port.cc",
    b"cudart_stub.cc",
    b"cuda_platform.cc",
    b"cpu_feature_guard.cc",
    b"To enable the following",
)


class _Hidden(MetaPathFinder):
    """Hides scikit-learn from one thread; others import it as ever."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "sklearn" and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(name)


@contextmanager
def _without_scikit_learn() -> Iterator[None]:
    """Keras imports it, which takes a second, to wrap models for it, which nothing here does."""
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        yield
    finally:
        sys.meta_path.remove(hidden)


def load() -> Any:
    """Import TensorFlow. What it writes to standard error meanwhile appears afterwards, less the usual noise."""
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            with _without_scikit_learn():
                import tensorflow

            # The search for a GPU prints as well, so it is done here.
            tensorflow.config.list_physical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            for line in caught:
                if not any(noise in line for noise in _NOISE):
                    os.write(2, line)
    return tensorflow
