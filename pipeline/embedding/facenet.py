"""The default embedder: FaceNet 20170512-110547 over four views of a face."""

from __future__ import annotations

from pipeline.embedding import facenet_weights as weights
from pipeline.embedding.base import Embedder, EmbedderEntry, EmbeddingSettings, FaceNetwork
from pipeline.faces.geometry import View

# Chosen on LFW view 1 (``make benchmark-crop``).
FACENET_SETTINGS = EmbeddingSettings(
    views=(
        View(squareness=0.5, margin_ratio=0.03, turn_degrees=-4.0),
        View(squareness=0.5, margin_ratio=0.03, turn_degrees=-4.0, mirror=True),
        View(squareness=0.5, margin_ratio=0.07, turn_degrees=4.0),
        View(squareness=0.5, margin_ratio=0.07, turn_degrees=4.0, mirror=True),
    )
)


def facenet_embedder(settings: EmbeddingSettings = FACENET_SETTINGS) -> Embedder:
    """FaceNet as one compiled function. Raises WeightsError where its weights are missing."""
    network = FaceNetwork(
        model=weights.MODEL_ID,
        side_px=weights.CROP_SIDE_PX,
        dimensions=weights.DIMENSIONS,
        parameters=weights.facenet_parameters(),
        rows=weights.compiled_facenet(),
    )
    return Embedder(network, settings)


FACENET_128 = EmbedderEntry(
    name="facenet",
    title="FaceNet 128 (MS-Celeb-1M)",
    help="FaceNet with 128 dimensions, trained on MS-Celeb-1M",
    model=weights.MODEL_ID,
    load=facenet_embedder,
)
