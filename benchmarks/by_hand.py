"""``make benchmark-by-hand``: faces in boxes drawn by hand, compared with the same faces as they are detected.

Photos of people of LFW's ``peopleDevTest.txt``, one each, are looked up among one other photo of everybody there, by
the shipped network. A box by hand is the detector's box moved and scaled at random: it knows no landmarks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks import explained, report, tables
from pipeline.cli.console import tracked
from pipeline.embedding.registry import DEFAULT_EMBEDDER
from pipeline.errors import UserError
from pipeline.faces.face import Box, Face, face_from_front
from pipeline.lookalikes import Models
from pipeline.similarity.registry import load_scorer
from train.datasets.lfw import LFW
from train.evaluation import metrics, protocols
from train.evaluation.distances import scorer_distances

PHOTOS = 200
# A box by hand: moved by up to this share of the side in each direction, and so many times as large.
SHIFT_MAX, SCALES = 0.1, (0.9, 1.4)


def main() -> None:
    """Measure and fill the table."""
    lfw, models = LFW(), Models.load()
    photos = lfw.photos_of("peopleDevTest.txt")
    photos = photos[[lfw.faces[number] is not None for number in photos]]
    gallery, probes = (photos[part] for part in protocols.draw_one_shot(lfw.people[photos], 0))
    random = np.random.default_rng(0)
    probes = np.sort(random.permutation(probes)[:PHOTOS])
    own = np.searchsorted(lfw.people[gallery], lfw.people[probes])
    shown = [lfw.photo(int(number)) for number in probes]
    detected = [face for number in probes if (face := lfw.faces[number])]
    boxes = [drawn(face.box, random) for face in detected]
    rows, distances = lfw.embedded(DEFAULT_EMBEDDER, gallery), scorer_distances(load_scorer())
    by_network = [models.detector.face_in(*pair) for pair in zip(shown, boxes, strict=True)]
    ways = {
        "as detected": detected,
        "in a box by hand, landmarks by MTCNN's last network": by_network,
        "in a box by hand, landmarks estimated": [face_from_front(box) for box in boxes],
    }
    table = []
    for name, faces in ways.items():
        found = distances(_rows(models, shown, faces, name), rows)
        table.append(
            {
                "the face": name,
                "rank-1": metrics.rank_1(metrics.ranks(found, own)),
                "landmarks off, share of the side": float(np.mean(list(map(off, faces, detected)))),
            }
        )
    seen = np.mean([face.confidence > 0 for face in by_network])
    report(
        "by_hand",
        {
            f"Faces in boxes by hand, {PHOTOS} photos": table,
            "Where the last network sees a face": [{"share": float(seen)}],
        },
    )
    tables.fill("by-hand")


def drawn(box: Box, random: np.random.Generator) -> Box:
    """A box as somebody might draw it around the face in a box."""
    x, y, width, height = box
    side = max(width, height)
    right, down = random.uniform(-SHIFT_MAX, SHIFT_MAX, 2) * side
    across, along = random.uniform(*SCALES) * width, random.uniform(*SCALES) * height
    return (x + right + (width - across) / 2, y + down + (height - along) / 2, float(across), float(along))


def off(face: Face, other: Face) -> float:
    """The mean distance of the landmarks, as a share of the other face's side."""
    return float(np.linalg.norm(np.subtract(face.landmarks, other.landmarks), axis=1).mean() / other.side_px)


def _rows(models: Models, photos: list[NDArray[np.uint8]], faces: list[Face], title: str) -> NDArray[np.float32]:
    crops: Callable[[NDArray[np.uint8], Face], list[NDArray[np.uint8]]] = models.embedder.crops
    return models.embedder([crops(*pair) for pair in tracked(list(zip(photos, faces, strict=True)), title, "faces")])


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
