"""Guards against slowdowns: ratios of two ways in one run, with wide bounds.

``make benchmarks`` measures the figures themselves. Each bound is a third or less of its figure, and the fastest of
several alternating rounds counts, so that a busy machine does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline import photo
from pipeline.embedding.facenet import FACENET_128
from pipeline.faces.mtcnn import CompiledMTCNN
from pipeline.gallery.gallery import Gallery
from pipeline.search.search import Search
from pipeline.similarity import registry
from tests.conftest import unit_rows

pytestmark = pytest.mark.slow
FACES, PER_PERSON = 40_000, 10


def times_faster(fast: Callable[[], object], slow: Callable[[], object], rounds: int = 7) -> float:
    """How many times faster the first function is, both warm."""
    fast(), slow()
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for place, run in enumerate((fast, slow)):
            start = time.perf_counter()
            run()
            best[place] = min(best[place], time.perf_counter() - start)
    return best[1] / best[0]


@pytest.fixture(scope="module")
def search() -> Search:
    people = pa.table({"person": [str(row // PER_PERSON) for row in range(FACES)]})
    return Search(
        Gallery(Path("in memory"), {}, people, unit_rows(FACES)), registry.load_scorer(identity=FACENET_128.identity)
    )


@pytest.fixture(scope="module")
def probes() -> np.ndarray:
    return unit_rows(64, seed=1)


def test_scoring_a_gallery_costs_little_more_than_a_matrix_product(search, probes):
    rows = np.array(search.gallery.embeddings)
    assert times_faster(lambda: search.rank(probes[:1], 10, exact=True), lambda: rows @ probes[0]) > 0.1


def test_many_probes_at_once_are_faster_than_one_by_one(search, probes):
    def one_by_one() -> None:
        for probe in probes:
            search.rank(probe[None], 10)

    assert times_faster(lambda: search.rank(probes, 10), one_by_one) > 2


def test_scoring_is_far_faster_than_comparing_photo_by_photo(search, probes):
    rows = search.scorer.prepare(search.gallery.embeddings[:400])

    def photo_by_photo() -> None:
        for row in rows:
            search.scorer.distances(probes[0], row[None])

    # The whole gallery takes less time than a hundredth of it photo by photo.
    assert times_faster(lambda: search.rank(probes[:1], 10, exact=True), photo_by_photo) > 1


def test_face_detection_is_faster_than_the_mtcnn_package(examples):
    from mtcnn import MTCNN

    picture = photo.read(examples["Madonna"][0])
    package, network = MTCNN(), CompiledMTCNN()
    assert times_faster(lambda: network.rows(picture[None]), lambda: package.detect_faces(picture)) > 1.5


def test_embedding_a_batch_is_faster_than_predict_crop_by_crop(facenet_128, facenet):
    crops = np.random.default_rng(0).integers(0, 255, (4, 160, 160, 3), np.uint8)
    pixels = (crops - crops.mean()) / crops.std()

    def crop_by_crop() -> None:
        for crop in pixels:
            facenet.predict(crop[None], verbose=0)

    assert times_faster(lambda: facenet_128.rows(crops), crop_by_crop, 3) > 1.3
