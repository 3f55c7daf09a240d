"""Photos that may be wrong: under another person's name, twice in the gallery, unlike the person's others, or poor.

A list to look through, not a verdict: whoever resembles somebody strongly is on it, too. What was looked at and is to
stay is noted in ``reviewed.txt`` in the gallery's folder, a photo's hash on each line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.embedding.base import COPY_DISTANCE_MAX, unit
from pipeline.embedding.registry import default_identity, entry_of
from pipeline.errors import GalleryError
from pipeline.gallery.gallery import Gallery
from pipeline.map.neighbours import Neighbours, most_similar_people, nearest_photos
from pipeline.map.quality import photo_quality
from pipeline.map.queries import to_distance

FILE = "reviewed.txt"
# Neighbours of each photo that are known before others are looked for.
_NEIGHBOURS = 15
# A photo of another person counts if it is as near as those of one person mostly are: all but this share of them.
_SAME_PERSON = 0.25
_POOR_MAX = 0.25


class DoubtKind(Enum):
    """Why a photo is on the list, the most serious first."""

    COPY = "copy"
    SOMEBODY_ELSE = "somebody else"
    APART = "apart"
    POOR = "poor"


@dataclass(frozen=True)
class Doubt:
    """A photo that may be wrong.

    row: of the photo. other: the row of the photo of somebody else that speaks against it, or of the nearest one of
    the person's own; None for a poor photo. own_distance, other_distance: to the nearest photo of the person and of
    somebody else, 0..1; NaN where there is none.
    """

    kind: DoubtKind
    row: int
    other: int | None
    own_distance: float
    other_distance: float


def find_doubts(opened: Gallery) -> list[Doubt]:
    """The photos that may be wrong, the most serious first, without those that were reviewed."""
    rows, people = np.ascontiguousarray(opened.embeddings), opened.person_of_row
    nearest = _Nearest.of(rows, people)
    found = [*_copies(opened, nearest), *_of_somebody_else(rows, people, nearest), *_apart(people, nearest)]
    found += _poor(opened, nearest)
    reviewed, hashes = reviewed_photos(opened), opened.faces["sha256"].to_pylist()
    # Of several doubts about a photo the most serious counts.
    first: dict[int, Doubt] = {}
    for doubt in found:
        if hashes[doubt.row] not in reviewed:
            first.setdefault(doubt.row, doubt)
    return list(first.values())


@dataclass(frozen=True)
class _Nearest:
    """The nearest other photo of each photo's person, and the nearest photo of somebody else: rows and cosines, (n,).

    -1 and NaN where there is none.
    """

    own: NDArray[np.int64]
    to_own: NDArray[np.float32]
    other: NDArray[np.int64]
    to_other: NDArray[np.float32]

    @classmethod
    def of(cls, rows: NDArray[np.float32], people: NDArray[np.int32]) -> _Nearest:
        own, to_own = np.full(len(rows), -1), np.full(len(rows), np.nan, np.float32)
        order = np.argsort(people, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(people[order])) + 1):
            if len(group) > 1:
                alike = rows[group] @ rows[group].T
                np.fill_diagonal(alike, -np.inf)
                own[group], to_own[group] = group[alike.argmax(axis=1)], alike.max(axis=1)
        if people.max() == 0:
            return cls(own, to_own, np.full(len(rows), -1), np.full(len(rows), np.nan, np.float32))
        neighbours = Neighbours(rows)
        known, _ = nearest_photos(neighbours, _NEIGHBOURS)
        other = most_similar_people(neighbours, people, 1, known=known)[:, 0]
        return cls(own, to_own, other, np.einsum("nd,nd->n", rows, rows[other]))

    def doubt(self, kind: DoubtKind, row: int, other: int | None) -> Doubt:
        """A doubt about a photo."""
        own, another = to_distance(np.array([self.to_own[row], self.to_other[row]])).tolist()
        return Doubt(kind, row, other, own, another)


def _copies(opened: Gallery, nearest: _Nearest) -> list[Doubt]:
    """The same photo of two people, once."""
    entry = entry_of(opened.manifest.get("embedding") or default_identity())
    most = entry.copy_distance_max if entry else COPY_DISTANCE_MAX
    rows = np.flatnonzero(to_distance(nearest.to_other) <= most).tolist()
    pairs = {frozenset((row, int(nearest.other[row]))): row for row in reversed(rows)}
    return [nearest.doubt(DoubtKind.COPY, row, int(nearest.other[row])) for row in sorted(pairs.values())]


def _of_somebody_else(rows: NDArray[np.float32], people: NDArray[np.int32], nearest: _Nearest) -> list[Doubt]:
    """Photos nearer to the mean of somebody else's than to that of the person's other photos.

    Means, because a right photo is near to one that stands under a wrong name.
    """
    several = nearest.own >= 0
    if not several.any() or people.max() == 0:
        return []
    sums = np.zeros((int(people.max()) + 1, rows.shape[1]), np.float32)
    np.add.at(sums, people, rows)
    others = people[nearest.other]
    to_mean = np.einsum("nd,nd->n", rows, unit(sums[people] - rows))
    to_others_mean = np.einsum("nd,nd->n", rows, unit(sums)[others])
    usual = np.quantile(to_mean[several], _SAME_PERSON)
    wrong = np.flatnonzero(several & (to_others_mean > to_mean) & (nearest.to_other >= usual))
    order = wrong[np.argsort(to_mean[wrong] - to_others_mean[wrong], kind="stable")]
    return [nearest.doubt(DoubtKind.SOMEBODY_ELSE, row, int(nearest.other[row])) for row in order.tolist()]


def _apart(people: NDArray[np.int32], nearest: _Nearest) -> list[Doubt]:
    """Photos less like those of their person than strangers mostly are; of two, only the first."""
    if people.max() == 0:
        return []
    apart = np.flatnonzero((nearest.own >= 0) & (nearest.to_own < np.median(nearest.to_other)))
    pair = np.bincount(people)[people[apart]] == 2
    apart = apart[~pair | (apart < nearest.own[apart])]
    order = apart[np.argsort(nearest.to_own[apart], kind="stable")]
    return [nearest.doubt(DoubtKind.APART, row, int(nearest.own[row])) for row in order.tolist()]


def _poor(opened: Gallery, nearest: _Nearest) -> list[Doubt]:
    quality = photo_quality(opened)
    poor = np.flatnonzero(quality < _POOR_MAX)
    order = poor[np.argsort(quality[poor], kind="stable")]
    return [nearest.doubt(DoubtKind.POOR, row, None) for row in order.tolist()]


def reviewed_photos(opened: Gallery) -> set[str]:
    """The hashes of the photos that somebody has looked at and keeps. Raises GalleryError."""
    path = opened.folder / FILE
    try:
        return set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()
    except (OSError, ValueError) as error:
        raise GalleryError(f"{path} cannot be read. Delete it to review all photos again.") from error


def keep(opened: Gallery, sha256: str) -> None:
    """Note that a photo was looked at and stays; what is noted of photos that are gone is dropped.

    Raises GalleryError, StorageError.
    """
    kept = (reviewed_photos(opened) | {sha256}) & set(opened.faces["sha256"].to_pylist())
    with storage.atomic_path(opened.folder / FILE) as temporary:
        temporary.write_text("".join(f"{each}\n" for each in sorted(kept)), encoding="utf-8")
