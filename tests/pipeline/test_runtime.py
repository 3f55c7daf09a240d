"""OpenVINO and what stands in for it: agreement with float32, the same bits in any batch, and nothing sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline import photo, runtime, storage
from pipeline.embedding import facenet_weights as weights
from tests.conftest import HOME
from tests.processes import WITHOUT, in_a_process

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def crops(models, facenet_128, examples):
    """All views of 15 faces."""
    pictures = [photo.read(path) for paths in examples.values() for path in paths[:3]]
    return np.concatenate([facenet_128.crops(picture, models.faces(picture)[0]) for picture in pictures])


def test_facenet_agrees_with_float32_by_tensorflow(facenet_128, facenet, crops):
    expected = np.asarray(weights.facenet_function(facenet)(crops))
    cosines = np.sum(facenet_128.rows(crops) * expected, axis=1)
    assert cosines.min() >= runtime.AGREEMENT_MIN


def test_a_crop_has_the_same_bits_alone_and_in_any_batch(facenet_128, crops):
    together = facenet_128.rows(crops)
    for batch in (1, 3, 4, 7):
        assert np.array_equal(facenet_128.rows(crops, batch_max=batch), together)


def test_threads_share_a_network(facenet_128, crops):
    expected = facenet_128.rows(crops[:8])
    with ThreadPoolExecutor(4) as threads:
        for rows in threads.map(lambda _: facenet_128.rows(crops[:8]), range(12)):
            assert np.array_equal(rows, expected)


def test_without_openvino_tensorflow_runs_facenet(tmp_path, facenet, crops):
    np.save(tmp_path / "crops.npy", crops[:8])
    in_a_process(
        WITHOUT + "import numpy as np; from pipeline.embedding.facenet import facenet_embedder; "
        f"crops = np.load({str(tmp_path / 'crops.npy')!r}); "
        f"np.save({str(tmp_path / 'rows.npy')!r}, facenet_embedder().rows(crops))",
        LOOKSLIKEWHO_HOME=str(HOME),
    )
    expected = np.asarray(weights.facenet_function(facenet)(crops[:8]))
    assert np.load(tmp_path / "rows.npy") == pytest.approx(expected, abs=1e-5)


def test_a_converted_network_needs_no_tensorflow_and_sends_nothing(facenet_128, tmp_path):
    """OpenVINO's own tools leave a client's number in the home folder when they report that they are used."""
    printed = in_a_process(
        "import json, sys; from pipeline.embedding.facenet import facenet_embedder; facenet_embedder(); "
        "watched = {'openvino', 'tensorflow', 'openvino_telemetry'}; "
        "print(json.dumps([name for name in sys.modules if name in watched]))",
        LOOKSLIKEWHO_HOME=str(HOME),
        HOME=str(tmp_path),
        CI="",
    )
    assert json.loads(printed) == ["openvino"]
    assert list(tmp_path.iterdir()) == []


def test_a_network_is_converted_once_and_again_if_damaged_or_changed(empty_home):
    import tensorflow as tf

    signature = [tf.TensorSpec((None, 4, 4, 3), tf.uint8)]
    crops = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)
    made = []

    def rows_by(factor: float) -> np.ndarray:
        def function():
            made.append(factor)
            weight = tf.Variable(factor)
            return tf.function(lambda crops: tf.reduce_sum(tf.cast(crops, tf.float32), (1, 2)) * weight, signature)

        return runtime.kept_network("toy", f"hash of {factor}", function)(crops)

    sums = crops.sum(axis=(1, 2), dtype=np.float64)
    for factor, seen in ((2.0, [2.0]), (2.0, [2.0]), (3.0, [2.0, 3.0])):
        assert rows_by(factor) == pytest.approx(sums * factor, rel=1e-2)
        assert made == seen
    for name in (storage.MANIFEST, "network.xml", "network.bin"):
        runtime.kept_path("toy").with_name(name).write_bytes(b"damaged")
        assert rows_by(3.0) == pytest.approx(sums * 3.0, rel=1e-2)
    assert made == [2.0, 3.0, 3.0, 3.0, 3.0]


def test_where_nothing_can_be_written_tensorflow_runs_the_network(empty_home):
    import tensorflow as tf

    empty_home.mkdir()
    (empty_home / "models").write_bytes(b"no folder")
    signature = [tf.TensorSpec((None, 4, 4, 3), tf.uint8)]
    means = tf.function(lambda crops: tf.reduce_mean(tf.cast(crops, tf.float32), (1, 2)), signature)
    crops = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)
    rows = runtime.kept_network("toy", "hash", lambda: means)(crops)
    assert rows == pytest.approx(crops.mean(axis=(1, 2)), rel=1e-6)


def test_onnxruntime_leaves_no_file_of_its_statistics_behind(tmp_path):
    command = "from pipeline import runtime; runtime.load_onnxruntime()"
    subprocess.run([sys.executable, "-c", command], check=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_from_photo_to_matches_nothing_loads_tensorflow(madonna):
    printed = in_a_process(
        "import sys; from pipeline.lookalikes import Lookalikes; "
        f"print(Lookalikes.open().find({str(madonna)!r}).matches[0].name, 'tensorflow' in sys.modules)",
        LOOKSLIKEWHO_HOME=str(HOME),
    )
    assert printed.split() == ["Madonna", "False"]
