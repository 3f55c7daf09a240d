"""A toy of each kind that can be added to LooksLikeWho, and the one registry line that each takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.embedding.base import SQUARE_CROP, Embedder, EmbedderEntry, FaceNetwork, NetworkEmbedder, unit
from pipeline.embedding.registry import EMBEDDERS
from pipeline.faces.base import DetectorEntry
from pipeline.faces.detector import DETECTORS, Detector
from pipeline.faces.face import Face
from pipeline.similarity.base import ScorerEntry
from pipeline.similarity.cosine import CosineScorer
from pipeline.similarity.registry import SCORERS
from pipeline.sources.base import Source, SourcePeople, SourcePerson, source_people
from pipeline.sources.registry import SOURCES
from pipeline.sources.walking import list_folder
from train.options import LOSSES, MINING, NETWORKS, LossOption, MiningOption, NetworkOption
from train.settings import NetworkSettings


def mean_colours(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean colours of an 8 x 8 grid as unit rows, float32 (n, 192)."""
    cells = crops.reshape(len(crops), 8, 8, 8, 8, 3).mean(axis=(2, 4)).reshape(len(crops), -1)
    return unit(cells - cells.mean(axis=1, keepdims=True))


def load_colours() -> Embedder:
    return NetworkEmbedder(FaceNetwork("toy-colours", (64, 64), 192, 0, mean_colours), SQUARE_CROP)


def centre_face(photos: NDArray[np.uint8]) -> list[list[Face]]:
    """One face in the middle of each photo."""
    height, width = photos.shape[1:3]
    eyes = ((0.4 * width, 0.4 * height), (0.6 * width, 0.4 * height))
    mouth = ((0.5 * width, 0.5 * height), (0.42 * width, 0.62 * height), (0.58 * width, 0.62 * height))
    return [[Face((0.25 * width, 0.2 * height, width / 2, 0.6 * height), (*eyes, *mouth), 1.0)] for _ in photos]


def load_networks(threads: int) -> tuple[Detector, Embedder]:
    """The toys' networks, in whatever process."""
    return Detector(centre_face, name="toy-detector"), load_colours()


def one_person(path: Path | None) -> SourcePeople:
    """All photos of a folder as one person."""
    assert path is not None
    return source_people([SourcePerson("toy", "Toy", tuple(list_folder(path).photos), "Toys", "none")])


def crowd(folder: Path, photos: int) -> SourcePeople:
    """People with four photos of noise each, written to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    people: dict[int, list[Path]] = {}
    for number in range(photos):
        path = folder / f"{number}.png"
        cells = np.random.default_rng(number).integers(0, 255, (6, 6, 3), np.uint8)
        Image.fromarray(cells).resize((240, 240)).save(path)
        people.setdefault(number // 4, []).append(path)
    return source_people(
        [SourcePerson(f"{key}", f"Toy {key}", tuple(own), "Toys", "none") for key, own in people.items()]
    )


class ToyScorer(CosineScorer):
    """The cosine under another name."""

    name = "toy-scorer"


def nearest_within_batch(distances: Any, labels: Any) -> Any:
    """The triplets of ``batch_hard``, under another name."""
    from train.sampling import batch_hard

    return batch_hard(distances, labels)


_ENTRIES: list[tuple[dict[str, Any], str, Any]] = [
    (
        EMBEDDERS,
        "toy-embedder",
        EmbedderEntry("toy-embedder", "Toy", "mean colours", SQUARE_CROP.identity("toy-colours"), load_colours),
    ),
    (DETECTORS, "toy-detector", DetectorEntry("toy-detector", "the middle of the photo", lambda: centre_face)),
    (SOURCES, "toy-source", Source("toy-source", "Toys", "one person's photos", one_person)),
    (
        SCORERS,
        "toy-scorer",
        ScorerEntry("toy-scorer", "Toy", "the toy", "The toy distance", lambda identity: ToyScorer()),
    ),
    (LOSSES, "toy_loss", LossOption("tests.toy_loss:ToyLoss", "a toy loss")),
    (NETWORKS, "toy-network", NetworkOption(NetworkSettings(encoder_units=(8,)), "a toy network")),
    (MINING, "toy-mining", MiningOption("toy negatives", "tests.toys:nearest_within_batch")),
]


def register(patch: pytest.MonkeyPatch | None = None) -> None:
    """Add each toy to its registry; with ``patch``, until the end of a test."""
    for registry, name, entry in _ENTRIES:
        if patch is None:
            registry[name] = entry
        else:
            patch.setitem(registry, name, entry)
