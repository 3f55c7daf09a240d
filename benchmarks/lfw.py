"""``make benchmark-lfw``: recognition on LFW by the pipeline as shipped, and with other crops.

The first run detects and embeds 13,233 photos, a quarter of an hour on two cores. Later runs read the cache.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from benchmarks import explained, report
from pipeline.embedding.base import EmbeddingSettings
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.errors import UserError
from pipeline.faces.geometry import View
from train.datasets.lfw import LFW
from train.evaluation import measuring
from train.evaluation.distances import cosine_distances
from train.evaluation.protocols import TEMPLATES, TIERS


def _mirrored_too(*views: View) -> EmbeddingSettings:
    """Settings of some views, each with its mirror image."""
    mirrored = tuple(replace(view, mirror=mirror) for view in views for mirror in (False, True))
    return replace(FACENET_SETTINGS, views=mirrored)


CROPS = {
    "as shipped": FACENET_SETTINGS,
    "two crops, mirrored too": _mirrored_too(View(1.0, 0.0), View(0.0, 0.1)),
    "one crop, mirrored too": _mirrored_too(View(1.0, 0.0)),
    "one crop": replace(FACENET_SETTINGS, views=(View(1.0, 0.0),)),
}


def main() -> None:
    """Measure every protocol and print the table."""
    lfw = LFW()
    pairs = lfw.pairs("pairs.txt")
    lines: dict[str, dict[str, object]] = {}
    for name, settings in CROPS.items():
        embeddings = lfw.embeddings(settings)
        tiers = (*TIERS, TEMPLATES)
        for figures in measuring.figures(embeddings, lfw.people, cosine_distances, pairs=pairs, tiers=tiers):
            for label, values in figures.items():
                lines.setdefault(label, {"protocol": label})[name] = measuring.spread(values)
    without_face = sum(face is None for face in lfw.faces)
    report("lfw", {"LFW, cosine; mean and standard deviation over folds or three draws": list(lines.values())})
    print(f"\n{without_face} of {len(lfw):,} photos show no face to MTCNN; they count as errors.")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
