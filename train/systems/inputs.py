"""What compared systems get from Labeled Faces in the Wild."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.faces.geometry import View
from train.evaluation import protocols
from train.evaluation.protocols import ComparisonProtocol, VerificationPairs
from train.systems.results import systems_folder
from train.systems.system import Budget

if TYPE_CHECKING:
    from train.datasets.lfw import LFW

_SIDE_PX = 60
_CROP = View(1.0, 0.1)
# Crops of a training photo for networks trained from scratch, the plain crop first.
_VARIANTS = (
    _CROP,
    View(1.0, 0.1, mirror=True),
    View(1.0, 0.05, turn_degrees=-6.0),
    View(1.0, 0.05, turn_degrees=6.0, mirror=True),
    View(1.0, 0.15, turn_degrees=4.0),
    View(1.0, 0.15, turn_degrees=-4.0, mirror=True),
    View(0.5, 0.12, turn_degrees=-3.0),
    View(0.5, 0.12, turn_degrees=3.0, mirror=True),
)
_TIMED_FACES = 32


@dataclass(frozen=True)
class LFWInputs:
    """:class:`~train.systems.system.SystemInputs` of LFW: view 1's pairs choose, view 2's report."""

    lfw: LFW
    budget: Budget

    @cached_property
    def protocol(self) -> ComparisonProtocol:
        """Which photos are learned from, probed, rejected and paired."""
        lists = [self.lfw.pairs(name) for name in ("pairsDevTrain.txt", "pairsDevTest.txt")]
        photos, same = (np.concatenate([getattr(one, part) for one in lists]) for part in ("photos", "same"))
        choose, report = VerificationPairs(photos, same), self.lfw.pairs("pairs.txt")
        return protocols.draw_comparison(self.lfw.people, choose, report)

    def rows(self, embedder: str) -> NDArray[np.float32]:
        """Unit rows of an embedder, (n, d), zeros where a photo shows no face. Raises UserError if it cannot run."""
        return self.lfw.embedded(embedder, self.protocol.photos)

    def views(self) -> NDArray[np.float32]:
        """FaceNet's rows of each view, (n, views, 128)."""
        level = FACENET_SETTINGS.level_over_degrees
        parts = [self.lfw.view(view, self.protocol.photos, level) for view in FACENET_SETTINGS.views]
        return np.stack(parts, axis=1)

    def crops(self) -> NDArray[np.uint8]:
        """Small crops, (n, 60, 60, 3)."""
        return self.lfw.crops(_CROP, side_px=_SIDE_PX, photos=self.protocol.photos)

    def variants(self) -> NDArray[np.uint8]:
        """Several small crops of each training photo, (n, variants, 60, 60, 3)."""
        learn = self.protocol.learn.ravel()
        return np.stack([self.lfw.crops(view, side_px=_SIDE_PX, photos=learn) for view in _VARIANTS], axis=1)

    def cost(self, embedder: str) -> tuple[int, float]:
        """Parameters of an embedder, and its milliseconds per face, measured once on 32 faces."""
        path = systems_folder() / "costs.json"
        known = storage.read_json(path) or {}
        if embedder not in known:
            from train.datasets.lfw import loaded_embedder

            loaded = loaded_embedder(embedder)
            faces = [(number, face) for number in self.protocol.probes[:40] if (face := self.lfw.faces[number])]
            crops = [loaded.crops(self.lfw.photo(number), face) for number, face in faces[:_TIMED_FACES]]
            # The first call warms up.
            loaded(crops)
            begun = time.perf_counter()
            loaded(crops)
            known[embedder] = [loaded.parameters, (time.perf_counter() - begun) * 1000 / len(crops)]
            storage.write_json(path, known)
        parameters, face_ms = known[embedder]
        return int(parameters), float(face_ms)
