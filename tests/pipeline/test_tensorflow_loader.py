"""TensorFlow is loaded quietly, and without scikit-learn."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.tensorflow


def test_tensorflow_is_loaded_without_messages_and_without_scikit_learn():
    code = (
        "import sys; from pipeline.tensorflow_loader import load_tensorflow;"
        "tensorflow = load_tensorflow(); assert tensorflow is load_tensorflow();"
        "assert 'keras' in sys.modules and 'sklearn' not in sys.modules;"
        "import sklearn"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
