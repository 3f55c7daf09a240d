"""``map`` and ``setup``."""

from __future__ import annotations

import re
import time

import pytest

from pipeline import tensorflow_loader
from pipeline.cli.app import main
from pipeline.embedding.registry import default_identity
from pipeline.embedding.sface import SFACE
from pipeline.gallery import building, opening
from pipeline.sources import demonstration
from pipeline.sources.base import SourcePerson, source_people
from tests.pipeline.cli.conftest import one_sentence


def test_map_reports_its_quality(run_loaded, small):
    code, output, _ = run_loaded("map", "--gallery", "small")
    assert code == 0
    head, *_, layout = output.splitlines()
    assert re.match(r"Map of small: 15 faces, \d clusters\.$", head)
    assert re.match(r"  PCA: trustworthiness 0\.\d{3}, \d+% of the most similar people are near on the map$", layout)
    assert (small / "map.npz").is_file()


def test_a_second_setup_returns_at_once(run_loaded):
    started = time.monotonic()
    code, output, _ = run_loaded("setup")
    assert code == 0
    assert "Everything is set up." in output
    assert time.monotonic() - started < 5


@pytest.mark.tensorflow
def test_find_and_setup_name_the_command_without_weights_and_network(empty_home, madonna, capfd, monkeypatch):
    tensorflow_loader.load_tensorflow()  # Silently, which keras-facenet does not.
    from keras_facenet.metadata import MODEL_METADATA

    monkeypatch.setitem(MODEL_METADATA["20170512-110547"], "keras_weights_url", "http://127.0.0.1:9/weights.h5")
    assert main(["find", str(madonna)]) == 1
    assert one_sentence(1, *capfd.readouterr()).endswith("Run: python -m pipeline setup")
    assert main(["setup"]) == 1
    assert "python -m pipeline setup" in capfd.readouterr().err.splitlines()[-1]


def test_setup_rebuilds_a_demonstration_of_another_embedder_and_keeps_who_was_added(
    run_loaded, home, models, examples, monkeypatch
):
    own = demonstration.source_names()[0]
    some = [SourcePerson(name, name, tuple(paths[3:]), own, "none") for name, paths in examples.items()]
    monkeypatch.setattr(demonstration, "demonstration_people", lambda: source_people(some))
    added = SourcePerson("ann", "Ann Lee", (examples["Madonna"][0],), "Mine", "free")
    # As if a former version had made it.
    building.build("demonstration", source_people([*some[:2], added]), models.detector, SFACE.load())
    code, _, errors = run_loaded("setup")
    assert code == 0
    assert "The demonstration gallery is built anew, because this version measures faces with" in errors
    opened = opening.open_gallery("demonstration", default_identity())
    assert set(opened.faces["name"].to_pylist()) == {*examples, "Ann Lee"}
    assert "Everything is set up." in run_loaded("setup")[1]
