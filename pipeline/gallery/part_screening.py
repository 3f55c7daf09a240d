"""Screening the photos of some people, who make a part of a build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import photo
from pipeline.embedding.base import Embedder
from pipeline.errors import PhotoError
from pipeline.faces.detector import Detector
from pipeline.gallery import inspection, portraits, screening
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.known import KnownPhotos, original_of
from pipeline.gallery.screening import PersonScreening, PhotoQuality, Screened
from pipeline.sources.base import SourcePerson

# The screening of photos of one person. A person may have two: of the portrait, and of the other photos.
Screening = tuple[SourcePerson, PersonScreening[Path]]
_Check = Callable[[dict[Path, InspectedPhoto]], dict[Path, InspectedPhoto]]


@dataclass(frozen=True)
class Part:
    """Some people, the screenings of their new photos, and what inspection found."""

    people: int
    screenings: list[tuple[SourcePerson, Screened[Path]]] = field(default_factory=list)
    inspected: dict[Path, InspectedPhoto] = field(default_factory=dict)


@dataclass(frozen=True)
class PartLimits:
    """photos_per_person: the target. photos_per_batch, pixels_per_batch: how much is decoded at a time."""

    photos_per_person: int
    photos_per_batch: int
    pixels_per_batch: int


class PartScreener:
    """Screens people with what the build knows already.

    embedding_of: the embedding, (d,), of a photo in the gallery, given by its path there, or None.
    progress: called with the number of photos inspected since.
    """

    def __init__(
        self,
        known: KnownPhotos,
        detector: Detector,
        embedder: Embedder,
        limits: PartLimits,
        *,
        embedding_of: Callable[[str], NDArray[np.float32] | None],
        progress: Callable[[int], None],
    ) -> None:
        self.known, self.detector, self.embedder, self.limits = known, detector, embedder, limits
        self.embedding_of, self.progress = embedding_of, progress

    def screen(self, people: Sequence[SourcePerson]) -> Part:
        """Screen the new photos of people: all, or first the portraits and then what must show the same face."""
        part = Part(len(people))
        first = [screened for person in people if (screened := self._screening(person, _sure_photos(person)))]
        self._run(part, first)
        checked = [person for person in people if person.portrait_first and len(person.photos) > 1]
        anchors = self._anchors(part, checked)
        added = {person.key: len(screened.accepted) for person, screened in first}
        others = [
            screened
            for person in checked
            if (screened := self._screening(person, person.photos[1:], fewer=added.get(person.key, 0)))
        ]

        anchor_of = {path: anchors.get(person.key) for person, screened in others for path in screened.photos}

        def check(found: dict[Path, InspectedPhoto]) -> dict[Path, InspectedPhoto]:
            of_photos = [anchor_of[path] for path in found]
            return dict(zip(found, portraits.checked(list(found.values()), of_photos, self.embedder), strict=True))

        self._run(part, others, check)
        return part

    def _screening(self, person: SourcePerson, photos: Sequence[Path], *, fewer: int = 0) -> Screening | None:
        """The new ones of some photos of a person who needs more. ``fewer``: how many the person has got just now."""
        faces = self.known.faces_of.get(self.known.key(person), 0) + fewer
        new = [path for path in photos if original_of(path) not in self.known.originals]
        wanted = self.limits.photos_per_person - faces
        return (person, PersonScreening(new, wanted=wanted, known_already=faces > 0)) if new and wanted > 0 else None

    def _anchors(self, part: Part, people: Sequence[SourcePerson]) -> dict[str, NDArray[np.float32]]:
        """The embeddings of the portraits, by the keys of people, where there is one."""
        accepted = {path for _, screened in part.screenings for path in screened.accepted}
        new = [person.photos[0] for person in people if person.photos[0] in accepted]
        part.inspected.update(
            zip(new, inspection.embed([part.inspected[path] for path in new], self.embedder), strict=True)
        )
        anchors = {}
        for person in people:
            path = person.photos[0]
            if path in accepted:
                usable = not part.inspected[path].quality.flaw
                anchor = part.inspected[path].embedding if usable else None
            else:
                anchor = self.embedding_of(original_of(path))
            if anchor is not None:
                anchors[person.key] = anchor
        return anchors

    def _run(self, part: Part, screenings: list[Screening], check: _Check = lambda found: found) -> None:
        """Run the rounds of screening, and add to the part what was found."""
        owner = {path: person for person, screened in screenings for path in screened.photos}
        pixels: dict[Path, int] = {}

        def size(path: Path) -> PhotoQuality:
            try:
                width, height = photo.size(path)
            except PhotoError as error:
                return PhotoQuality(flaw=inspection.unreadable(error, path))
            pixels[path] = width * height
            return PhotoQuality(short_side_px=min(width, height))

        def measure(paths: list[Path]) -> dict[Path, PhotoQuality]:
            qualities: dict[Path, PhotoQuality] = {}
            for batch in inspection.batches(
                paths, pixels, photos=self.limits.photos_per_batch, pixels_max=self.limits.pixels_per_batch
            ):
                found = self._measure(batch, owner, qualities)
                part.inspected.update(check(found))
                qualities |= {path: part.inspected[path].quality for path in found}
                self.progress(len(batch))
            return qualities

        screening.run_rounds([screened for _, screened in screenings], size, measure)
        part.screenings.extend(screenings)

    def _measure(
        self, batch: list[Path], owner: dict[Path, SourcePerson], qualities: dict[Path, PhotoQuality]
    ) -> dict[Path, InspectedPhoto]:
        """What inspection finds in photos. Those that their person has already are duplicates in ``qualities``."""
        with ThreadPoolExecutor() as threads:
            decoded = dict(zip(batch, threads.map(inspection.decode, batch), strict=True))
        unique = {}
        for path, each in decoded.items():
            file = (self.known.key(owner[path]), each.sha256)
            if not each.flaw and file in self.known.files:
                qualities[path] = PhotoQuality(flaw=screening.DUPLICATE)
            else:
                unique[path] = each
            self.known.files.add(file)
        measured = inspection.measure(list(unique.values()), self.detector, self.embedder)
        return dict(zip(unique, measured, strict=True))


def _sure_photos(person: SourcePerson) -> Sequence[Path]:
    """The photos that surely show the person."""
    return person.photos[:1] if person.portrait_first else person.photos
