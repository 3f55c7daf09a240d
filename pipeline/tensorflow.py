"""TensorFlow, loaded without the start-up messages that no setting of its own switches off."""

from __future__ import annotations

import os
import sys
import tempfile
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
