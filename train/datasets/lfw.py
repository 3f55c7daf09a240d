"""Labeled Faces in the Wild, detected and embedded by the pipeline and cached in the data folder.

View 1 (``pairsDev*.txt``, ``peopleDev*.txt``) is for choices, view 2 (``pairs.txt``) for reported figures. Photos are
numbered in the order of their paths. A photo without a face has a row of zeros.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import photo, storage
from pipeline.cli.console import tracked
from pipeline.embedding import registry
from pipeline.embedding.base import Embedder, EmbedderEntry, EmbeddingSettings, NetworkEmbedder, unit
from pipeline.embedding.facenet import FACENET_128, FACENET_SETTINGS, facenet_embedder
from pipeline.embedding.pair import PairEntry, side_by_side
from pipeline.errors import SourceError
from pipeline.faces import geometry
from pipeline.faces.base import DetectionSettings
from pipeline.faces.detector import Detector, load_detector
from pipeline.faces.face import Face
from pipeline.faces.geometry import View
from pipeline.sources import lfw
from train.evaluation.protocols import VerificationPairs

_BLOCK = 512
# More than any head is rolled: no face is levelled.
NEVER_LEVEL = 360.0


def lfw_folder(folder: Path | None = None) -> Path:
    """The folder with ``lfw/`` and the official lists: the given one, ``LOOKSLIKEWHO_LFW`` or ``../shared/faces``.

    Raises SourceError where it is not there.
    """
    folder = folder or Path(os.environ.get("LOOKSLIKEWHO_LFW") or Path(__file__).parents[3] / "shared" / "faces")
    if not (folder / "pairs.txt").is_file():
        raise SourceError(f"LFW is not in {folder}. Set LOOKSLIKEWHO_LFW to the folder with lfw/ and pairs.txt.")
    return folder


class LFW:
    """The photos of LFW with their detected faces and embeddings, computed once."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = lfw_folder(folder)
        self.paths = sorted((self.folder / "lfw").glob("*/*.jpg"))
        self._number = {path.stem: number for number, path in enumerate(self.paths)}
        self.cache = storage.home() / "benchmarks" / "lfw"
        self.cache.mkdir(parents=True, exist_ok=True)
        self._loaded: dict[str, Embedder] = {}

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def people(self) -> NDArray[np.int64]:
        """The person of each photo, int64 (photos,)."""
        _, numbers = np.unique([path.parent.name for path in self.paths], return_inverse=True)
        return numbers.astype(np.int64)

    def photos_of(self, people_list: str) -> NDArray[np.int64]:
        """The photos of the people in ``peopleDevTrain.txt`` or ``peopleDevTest.txt``."""
        lines = (self.folder / people_list).read_text(encoding="utf-8").splitlines()[1:]
        names = {line.split()[0] for line in lines if line.strip()}
        return np.array([number for number, path in enumerate(self.paths) if path.parent.name in names])

    def pairs(self, pair_list: str) -> VerificationPairs:
        """The pairs of an official list, with their folds."""
        rows = lfw.read_pairs(self.folder / pair_list)
        photos = np.array([(self._number[one], self._number[other]) for one, other, _, _ in rows])
        same, folds = np.array([(same, fold) for _, _, same, fold in rows]).T
        return VerificationPairs(photos, same.astype(bool), folds)

    def folds(self) -> NDArray[np.int64]:
        """The fold of view 2, 0..9, of each photo's person (``people.txt``), int64 (photos,)."""
        fold_of: dict[str, int] = {}
        fold = -1
        for line in (self.folder / "people.txt").read_text(encoding="utf-8").splitlines()[1:]:
            parts = line.split()
            if len(parts) == 1:
                fold += 1
            elif parts:
                fold_of[parts[0]] = fold
        return np.array([fold_of[path.parent.name] for path in self.paths])

    def photo(self, number: int) -> NDArray[np.uint8]:
        """One photo, RGB."""
        return photo.read(self.paths[number])

    @cached_property
    def faces(self) -> list[Face | None]:
        """The most prominent face of each photo."""
        path = self.cache / f"faces-{_digest(asdict(DetectionSettings()))}.json"
        if not path.is_file():
            found: list[Face | None] = []
            for start in tracked(range(0, len(self), _BLOCK), "Detecting", "blocks"):
                block = [photo.read(path) for path in self.paths[start : start + _BLOCK]]
                found += [detected[0] if detected else None for detected in loaded_detector()(block)]
            with storage.atomic_path(path) as temporary:
                temporary.write_text(json.dumps([face and asdict(face) for face in found]))
        rows = json.loads(path.read_text())
        return [
            row and Face(tuple(row["box"]), tuple(map(tuple, row["landmarks"])), row["confidence"]) for row in rows
        ]

    def view(
        self, view: View, photos: NDArray[np.int64], level_over_degrees: float = NEVER_LEVEL
    ) -> NDArray[np.float32]:
        """FaceNet's unit rows of one view of photos, (n, 128)."""
        if level_over_degrees == NEVER_LEVEL:
            return self._rows(view, photos, NEVER_LEVEL)
        rolls = np.abs([face.roll_degrees if face else 0 for face in self.faces])
        rolled = rolls[photos] > level_over_degrees
        rows = np.empty((len(photos), 128), np.float32)
        rows[~rolled] = self._rows(view, photos[~rolled], NEVER_LEVEL)
        rows[rolled] = self._rows(view, photos[rolled], level_over_degrees)
        return rows

    def _rows(self, view: View, photos: NDArray[np.int64], level_over_degrees: float) -> NDArray[np.float32]:
        levelled = "" if level_over_degrees == NEVER_LEVEL else f"-{level_over_degrees:.0f}"
        path = self.cache / f"view-{_digest(asdict(view))}{levelled}.npy"
        rows: NDArray[np.float32] = np.load(path) if path.is_file() else np.full((len(self), 128), np.nan, np.float32)
        missing = photos[np.isnan(rows[photos, 0])]
        if len(missing):
            for start in tracked(range(0, len(missing), _BLOCK), _title(view), "blocks"):
                block = missing[start : start + _BLOCK]
                rows[block] = self._embed(view, block, level_over_degrees)
                with storage.atomic_path(path) as temporary, temporary.open("wb") as file:
                    np.save(file, rows)
        wanted: NDArray[np.float32] = rows[photos]
        return wanted

    def _embed(self, view: View, photos: NDArray[np.int64], level_over_degrees: float) -> NDArray[np.float32]:
        rows = np.zeros((len(photos), 128), np.float32)
        detected = [(place, face) for place, number in enumerate(photos) if (face := self.faces[number])]
        around = [
            geometry.level(photo.read(self.paths[photos[place]]), face, over_degrees=level_over_degrees)
            for place, face in detected
        ]
        crops = [geometry.crop(picture, face, view, size=(160, 160)) for picture, face in around]
        rows[[place for place, _ in detected]] = loaded_facenet().rows(np.stack(crops))
        return rows

    def embeddings(
        self, settings: EmbeddingSettings = FACENET_SETTINGS, photos: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """FaceNet's unit rows of photos, or of all, (n, 128), as the pipeline makes them."""
        photos = np.arange(len(self)) if photos is None else photos
        return unit(
            np.mean([self.view(view, photos, settings.level_over_degrees) for view in settings.views], axis=0)
        )

    def embedded(self, name: str, photos: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit rows of photos by the embedder ``name``, (n, d). Raises UserError if it cannot run."""
        if name in registry.EMBEDDERS:
            return self._by_entry(registry.EMBEDDERS[name], photos)
        return self.embedded_by(loaded_embedder(name), photos, title=Path(name).name)

    def _by_entry(self, entry: EmbedderEntry, photos: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit rows by an embedder of the registry or a part of one. Those of a pair are made of its parts' rows."""
        if isinstance(entry, PairEntry):
            first, second = (self._by_entry(part, photos) for part in entry.parts)
            return side_by_side(first, second, weight=entry.weight)
        if entry.model == FACENET_128.model:
            return self.embeddings(EmbeddingSettings.of(entry.identity), photos)
        digest = _digest(entry.identity)
        if digest not in self._loaded:
            self._loaded[digest] = entry.load()
        return self.embedded_by(self._loaded[digest], photos, title=entry.name)

    def embedded_by(self, embedder: Embedder, photos: NDArray[np.int64], *, title: str) -> NDArray[np.float32]:
        """Unit rows of photos by an embedder, (n, d)."""
        path = self.cache / f"rows-{_digest(embedder.identity)}.npy"
        rows = np.load(path) if path.is_file() else np.full((len(self), embedder.dimensions), np.nan, np.float32)
        missing = photos[np.isnan(rows[photos, 0])]
        for start in tracked(range(0, len(missing), _BLOCK), title, "blocks"):
            block = missing[start : start + _BLOCK]
            rows[block] = 0
            found = [(number, face) for number in block if (face := self.faces[number])]
            with ThreadPoolExecutor() as threads:
                crops = list(threads.map(lambda one: embedder.crops(photo.read(self.paths[one[0]]), one[1]), found))
            rows[[number for number, _ in found]] = embedder(crops)
            with storage.atomic_path(path) as temporary, temporary.open("wb") as file:
                np.save(file, rows)
        wanted: NDArray[np.float32] = rows[photos]
        return wanted

    def crops(self, view: View, *, side_px: int, photos: NDArray[np.int64]) -> NDArray[np.uint8]:
        """One crop of each photo, (n, side_px, side_px, 3), black where no face was found."""
        path = self.cache / f"crops-{side_px}-{_digest([asdict(view), photos.tolist()])}.npy"
        if not path.is_file():

            def crop(number: int) -> NDArray[np.uint8]:
                face = self.faces[number]
                if face is None:
                    return np.zeros((side_px, side_px, 3), np.uint8)
                return geometry.crop(photo.read(self.paths[number]), face, view, size=(side_px, side_px))

            with ThreadPoolExecutor() as threads:
                made = np.stack(list(threads.map(crop, photos)))
            with storage.atomic_path(path) as temporary, temporary.open("wb") as file:
                np.save(file, made)
        crops: NDArray[np.uint8] = np.load(path)
        return crops


@cache
def loaded_embedder(name: str) -> Embedder:
    """An embedder by name, loaded once, and only where rows are not cached. Raises UserError."""
    return registry.load_embedder(name)


@cache
def loaded_facenet() -> NetworkEmbedder:
    """FaceNet, loaded once, and only where rows are not cached."""
    return facenet_embedder()


@cache
def loaded_detector() -> Detector:
    """The detector, loaded once, and only where faces are not cached."""
    return load_detector()


def _digest(settings: object) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _title(view: View) -> str:
    turned = f" turned {view.turn_degrees:+.0f}°" if view.turn_degrees else ""
    return f"squareness {view.squareness:.1f} {view.margin_ratio:+.2f}{turned}{' mirrored' if view.mirror else ''}"
