"""The 512-dimensional FaceNet out of its package: what is converted agrees with the frozen graph."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import downloads, photo, tensorflow_loader
from pipeline.embedding import facenet_512
from pipeline.embedding.base import unit
from pipeline.runtime import AGREEMENT_MIN

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def graph():
    """The graph as published: one crop at a time."""
    tf = tensorflow_loader.load_tensorflow()
    archive = downloads.fetch(facenet_512._PACKAGE)
    ((_, content),) = downloads.members(archive, lambda name: name.endswith("graph_final.pb"))
    return tf.compat.v1.GraphDef.FromString(content)


def test_rows_agree_with_the_published_graph(graph, models, examples):
    tf = tensorflow_loader.load_tensorflow()
    embedder = facenet_512.facenet_512_embedder()
    pictures = [photo.read(paths[0]) for paths in examples.values()]
    crops = np.stack([crop for each in pictures for crop in embedder.crops(each, models.faces(each)[0])])
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    run = wrapped.prune("input:0", "embeddings:0")
    shown = (crops.astype(np.float32) - 127.5) / 127.5
    expected = unit(np.concatenate([run(tf.constant(crop[None])).numpy() for crop in shown]))
    assert np.asarray(facenet_512.facenet_512_function()(crops)) == pytest.approx(expected, abs=1e-4)
    rows = embedder.rows(crops)
    assert (np.sum(rows * expected, axis=1) >= AGREEMENT_MIN).all()
    assert np.array_equal(embedder.rows(crops, batch_max=1), rows)


def test_all_weights_of_the_graph_are_counted(graph):
    tf = tensorflow_loader.load_tensorflow()
    constants = [tf.make_ndarray(node.attr["value"].tensor).size for node in graph.node if node.op == "Const"]
    assert facenet_512.facenet_512_embedder().parameters == sum(constants)
