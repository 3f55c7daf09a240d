"""``map`` and ``setup``."""

from __future__ import annotations

import re
import time

import pytest

from pipeline.cli.app import main
from tests.pipeline.cli.conftest import one_sentence


def test_map_reports_its_quality(run_loaded, small):
    code, output, _ = run_loaded("map", "--gallery", "small")
    assert code == 0
    head, *_, layout = output.splitlines()
    assert re.match(r"Map of small: 15 faces, \d clusters\.$", head)
    assert re.match(r"  PCA: trustworthiness 0\.\d{3}, \d+% of the nearest neighbours are near on the map$", layout)
    assert (small / "map.npz").is_file()


def test_a_second_setup_returns_at_once(run_loaded):
    started = time.monotonic()
    code, output, _ = run_loaded("setup")
    assert code == 0
    assert "Everything is set up." in output
    assert time.monotonic() - started < 5


@pytest.mark.tensorflow
def test_find_and_setup_name_the_command_without_weights_and_network(empty_home, madonna, capfd, monkeypatch):
    from keras_facenet.metadata import MODEL_METADATA

    monkeypatch.setitem(MODEL_METADATA["20170512-110547"], "keras_weights_url", "http://127.0.0.1:9/weights.h5")
    assert main(["find", str(madonna)]) == 1
    assert one_sentence(1, *capfd.readouterr()).endswith("Run: python -m pipeline setup")
    assert main(["setup"]) == 1
    assert "python -m pipeline setup" in capfd.readouterr().err.splitlines()[-1]
