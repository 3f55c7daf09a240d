"""``make benchmark-lfw``: recognition on LFW view 2 by the pipeline as it ships, beside other ways to crop.

The first run detects and embeds 13,233 photos (about a quarter of an hour on two cores); later ones use the cache.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks import protocols, report
from pipeline.embedding.base import EmbeddingSettings
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.errors import UserError
from pipeline.faces.geometry import View
from train.datasets.lfw import LFW
from train.evaluation import protocols as evaluate

SEEDS = range(3)


def _mirrored_too(*views: View) -> EmbeddingSettings:
    """Settings of some views, each with its mirror image."""
    return EmbeddingSettings(views=tuple(replace(view, mirror=mirror) for view in views for mirror in (False, True)))


WAYS = {
    "as shipped": FACENET_SETTINGS,
    "two crops, mirrored too": _mirrored_too(View(1.0, 0.0), View(0.0, 0.1)),
    "one crop, mirrored too": _mirrored_too(View(1.0, 0.0)),
    "one crop": EmbeddingSettings(views=(View(1.0, 0.0),)),
}


def main() -> None:
    """Measure every protocol and print the table."""
    wild = LFW()
    pairs, same, folds = wild.pairs("pairs.txt")
    closed = protocols.closed_set
    protocols_by_name = {
        "Lite: 10 people x 4, 4 probes each, rank-1": partial(closed, counts=(4, 4), people_count=10),
        "Medium: 100 people x 4, 4 probes each, rank-1": partial(closed, counts=(4, 4), people_count=100),
        "Medium_10: 100 people x 10, 4 probes each, rank-1": partial(closed, counts=(10, 4), people_count=100),
        "610 people x 3, 1 probe each, rank-1": partial(closed, counts=(3, 1)),
        "610 people x 3, 1 probe each, all others as distractors, rank-1": partial(
            closed, counts=(3, 1), with_distractors=True
        ),
    }
    tables: dict[str, dict[str, object]] = {}

    def put(protocol: str, way: str, values: np.ndarray) -> None:
        row = tables.setdefault(protocol, {"protocol": protocol})
        row[way] = f"{values.mean():.4f} ± {values.std(ddof=1):.4f}"

    for way, settings in WAYS.items():
        embeddings = wild.embeddings(settings)
        put(
            "verification, 10 folds, accuracy",
            way,
            evaluate.accuracy_of_folds((1 - protocols.cosines(embeddings, pairs)) / 2, same, folds),
        )
        for name, protocol in protocols_by_name.items():
            put(name, way, np.array([np.mean(protocol(embeddings, wild.people, seed) == 1) for seed in SEEDS]))
        ranks = [protocols.one_shot(embeddings, wild.people, seed) for seed in SEEDS]
        for k in (1, 5):
            name = f"one-shot: all 5,749 people x 1, 1,680 probes, rank-{k}"
            put(name, way, np.array([np.mean(found <= k) for found in ranks]))
    without_face = sum(face is None for face in wild.faces)
    report("lfw", {"LFW, cosine; mean and standard deviation over folds or three seeds": list(tables.values())})
    print(f"\n{without_face} of {len(wild):,} photos show no face to MTCNN; they count as errors.")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
