"""FaceNet 20170512-110547 over several views of a face."""

from __future__ import annotations

from functools import partial

from pipeline.embedding import facenet_weights as weights
from pipeline.embedding.base import EmbedderEntry, EmbeddingSettings, FaceNetwork, NetworkEmbedder
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


def facenet_embedder(settings: EmbeddingSettings = FACENET_SETTINGS) -> NetworkEmbedder:
    """FaceNet as one compiled function. Raises WeightsError where its weights are missing."""
    network = FaceNetwork(
        model=weights.MODEL_ID,
        size=(weights.CROP_SIDE_PX, weights.CROP_SIDE_PX),
        dimensions=weights.DIMENSIONS,
        parameters=weights.facenet_parameters(),
        rows=weights.compiled_facenet(),
    )
    return NetworkEmbedder(network, settings)


def facenet_entry(settings: EmbeddingSettings = FACENET_SETTINGS) -> EmbedderEntry:
    """FaceNet's line in the registry, or in a pair, where it may be shown other views."""
    return EmbedderEntry(
        name="facenet",
        title="FaceNet 128 (MS-Celeb-1M)",
        help="FaceNet with 128 dimensions, trained on MS-Celeb-1M",
        identity=settings.identity(weights.MODEL_ID),
        load=partial(facenet_embedder, settings),
        dimensions=weights.DIMENSIONS,
        fetch=weights.fetch_facenet,
    )


FACENET_128 = facenet_entry()
