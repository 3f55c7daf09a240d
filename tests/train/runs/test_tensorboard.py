"""Runs in TensorBoard's format, read back."""

from __future__ import annotations

import io
import math
import zipfile
from collections import defaultdict

import pytest

from pipeline import tensorflow_loader
from train.runs import catalogue, tensorboard


@pytest.fixture(scope="module")
def runs():
    return [run for run in catalogue.all_runs() if run.key in ("recorded/published", "recorded/loss-softmax")]


@pytest.fixture(scope="module")
def unpacked(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    zipfile.ZipFile(io.BytesIO(tensorboard.zipped_events(runs))).extractall(folder)
    return folder


def expected(run, side: str, tag: str) -> list[tuple[int, float]]:
    name = f"{side}_{tag}" if side else tag
    return [(int(row["epoch"]), row[name]) for row in run.history if math.isfinite(row[name])]


def test_every_number_of_a_history_is_an_event_of_its_side_and_epoch(runs, unpacked):
    tf = tensorflow_loader.load_tensorflow()
    for run in runs:
        found = defaultdict(list)
        for path in (unpacked / run.key).rglob("*tfevents*"):
            side = path.parent.relative_to(unpacked / run.key).as_posix()
            for event in tf.compat.v1.train.summary_iterator(str(path)):
                for value in event.summary.value:
                    found["" if side == "." else side, value.tag].append((event.step, value.simple_value))
        columns = {name for row in run.history for name, value in row.items() if math.isfinite(value)} - {"epoch"}
        assert {f"{side}_{tag}" if side else tag for side, tag in found} == columns
        for (side, tag), values in found.items():
            assert values == [pytest.approx(pair, rel=1e-6) for pair in expected(run, side, tag)]


def test_tensorboard_itself_reads_the_same_curves(runs, unpacked):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for side, tag in (("held_out", "rank_1"), ("train", "loss"), ("", "learning_rate")):
        for run in runs:
            found = accumulators.EventAccumulator(str(unpacked / run.key / side)).Reload().Scalars(tag)
            assert [(event.step, event.value) for event in found] == [
                pytest.approx(pair, rel=1e-6) for pair in expected(run, side, tag)
            ]
