"""Synthetic embeddings of any number with the structure of real ones: photos scattered around people, as in LFW."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.embedding.base import unit
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from pipeline.gallery import layout, writing
from pipeline.gallery.rows import ROW
from train.datasets.lfw import LFW

PER_PERSON = 10
_PEOPLE_OF_BLOCK = 10_000


class Crowd:
    """People and their photos, drawn from normal distributions fitted to LFW."""

    def __init__(self, embedder: str = DEFAULT_EMBEDDER) -> None:
        lfw, self.embedder = LFW(), EMBEDDERS[embedder]
        embeddings = lfw.embedded(embedder, np.arange(len(lfw)))
        known = embeddings.any(axis=1)
        rows, people = embeddings[known], np.unique(lfw.people[known], return_inverse=True)[1]
        counts = np.bincount(people)
        means = np.stack([np.bincount(people, column) for column in rows.T], axis=1) / counts[:, None]
        # The variance around the mean of n photos is (n - 1) / n of that around the person.
        share = (1 - 1 / counts)[people]
        several = share > 0
        apart = (rows - means[people])[several] / np.sqrt(share[several])[:, None]
        self.rows = rows
        self._middle = means.mean(axis=0)
        self._between, self._within = (np.linalg.cholesky(_covariance(part)).T for part in (means, apart))

    def blocks(self, faces: int) -> Iterator[NDArray[np.float32]]:
        """Blocks of unit rows, float32, ten per person; the same rows for the same number of faces."""
        random = np.random.default_rng(0)
        for start in range(0, faces, PER_PERSON * _PEOPLE_OF_BLOCK):
            count = min(PER_PERSON * _PEOPLE_OF_BLOCK, faces - start)
            people = self._middle + random.standard_normal((_PEOPLE_OF_BLOCK, self.rows.shape[1])) @ self._between
            yield self.others(np.repeat(people, PER_PERSON, axis=0)[:count], random)

    def others(self, people: NDArray[np.floating], random: np.random.Generator) -> NDArray[np.float32]:
        """A new photo of each of these people: unit rows, float32 (n, d)."""
        return unit(people + random.standard_normal(people.shape) @ self._within)

    def probes(self, embeddings: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        """So many photos of people who are not in a gallery, then new ones of people who are: unit rows (2 count, d).

        embeddings: the gallery's, (n, d). The same probes for the same gallery.
        """
        random = np.random.default_rng(1)
        members = np.sort(random.choice(len(embeddings), count, replace=False))
        strangers = self.rows[random.choice(len(self.rows), count, replace=False)]
        return np.concatenate([strangers, self.others(embeddings[members], random)])

    def gallery(self, name: str, faces: int) -> None:
        """Write the gallery ``name`` into the data folder, without crops."""
        folder = layout.folder_of(name)
        folder.mkdir(parents=True)
        about = self.about() | {"build": {"photos_per_person": PER_PERSON}}
        writing.commit(folder, self._pieces(faces), generation=1, faces=faces, about=about)

    def about(self) -> dict[str, Any]:
        """What the manifest of a gallery says of its embeddings."""
        return {"embedding": self.embedder.identity, "dimensions": self.rows.shape[1]}

    def _pieces(self, faces: int) -> Iterator[tuple[pa.Table, NDArray[np.float32]]]:
        start = 0
        for block in self.blocks(faces):
            numbers = np.arange(start, start + len(block))
            start += len(block)
            people = pa.array(numbers // PER_PERSON).cast(pa.string())
            text = dict.fromkeys(("source", "licence", "original", "sha256"), pa.array([""] * len(block)))
            sizes = {"confidence": 1, "face_side_px": 160, "short_side_px": 250, "round": 0}
            numeric = {name: np.full(len(block), value) for name, value in sizes.items()}
            columns = {"person": people, "name": people, **text, **numeric, "crop": numbers}
            yield pa.table({name: columns[name] for name in ROW.names}).cast(ROW), block


def name_of(person: int) -> str:
    """A unique name such as Baluka Derino."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    parts = []
    for _ in range(3):
        person, place = divmod(person, len(syllables))
        parts.append(syllables[place])
    return f"{parts[0]}{parts[1]}ka {parts[2]}rino".title()


def _covariance(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.cov(rows.T) + 1e-9 * np.eye(rows.shape[1])
