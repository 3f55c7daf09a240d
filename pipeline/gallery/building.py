"""Building a gallery: screen, embed and write photos part by part, so that a killed build can resume.

When all people are done, the parts are joined to the rows that the gallery already had, and the manifest is replaced.
Building again appends: photos that were inspected before are skipped. While one part is embedded and written, the
next one is decoded and screened, so that no core is idle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import photo, storage
from pipeline.embedding.base import Embedder
from pipeline.embedding.registry import DEFAULT_EMBEDDER, FIRST_DEFAULT
from pipeline.errors import GalleryError, PhotoError
from pipeline.faces.detector import Detector
from pipeline.gallery import inspection, layout, opening, parts, rejected, screening, writing
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.known import KnownPhotos, original_of
from pipeline.gallery.prefetch import prefetch
from pipeline.gallery.rejected import RejectedPhoto
from pipeline.gallery.screening import PersonScreening, PhotoQuality, RejectionKind
from pipeline.sources.base import SourcePeople, SourcePerson
from pipeline.storage import encodable


@dataclass(frozen=True)
class BuildSettings:
    """Limits of a build.

    photos_per_person: the target; people with fewer good photos get relaxed limits (see :mod:`.screening`).
    people_per_part, photos_per_part: a part ends at whichever comes first; a killed build repeats two at most.
    photos_per_batch, pixels_per_batch: how much is decoded at a time.
    """

    photos_per_person: int = 10
    people_per_part: int = 32
    photos_per_part: int = 64
    photos_per_batch: int = 32
    pixels_per_batch: int = 100_000_000


@dataclass(frozen=True)
class BuildProgress:
    """Progress of a build: people done, people in total, photos inspected."""

    people: int
    people_total: int
    photos: int


@dataclass(frozen=True)
class BuildReport:
    """The result of a build.

    rejected: number of photos by kind. missing: names of people without a usable photo. shared: names of people who
    have the same file among their photos, in groups. incomplete: photos that were added although part of them is
    missing. report_path: ``rejected.csv``.
    """

    people: int
    faces: int
    faces_added: int
    rejected: dict[RejectionKind, int]
    missing: list[str]
    shared: list[list[str]]
    incomplete: list[Path]
    report_path: Path


def build(
    name: str,
    people: SourcePeople,
    detector: Detector,
    embedder: Embedder,
    *,
    settings: BuildSettings = BuildSettings(),
    replace: bool = False,
    progress: Callable[[BuildProgress], None] = lambda _: None,
) -> BuildReport:
    """Add people to the gallery ``name``, creating it if needed, or resume a build that was killed.

    replace: the people take the place of those that the gallery has, which stay until all are done.

    Raises GalleryError if another process is building it, it was built with another model, or no photo is usable.
    """
    with writing.locked(name, create=True):
        return _Build(name, detector, embedder, settings, replace=replace).run(people, progress)


@dataclass(frozen=True)
class _Part:
    """Some people, the screening of their new photos, and what inspection found."""

    people: int
    screenings: list[tuple[SourcePerson, PersonScreening[Path]]]
    inspected: dict[Path, InspectedPhoto]


class _Build:
    def __init__(
        self, name: str, detector: Detector, embedder: Embedder, settings: BuildSettings, *, replace: bool
    ) -> None:
        self.folder, self.settings = layout.folder_of(name), settings
        self.detector, self.embedder = detector, embedder
        identity = None if replace else embedder.identity
        there = opening.read_gallery(name, identity) if (self.folder / storage.MANIFEST).exists() else None
        self.old = None if replace else there
        self.generation = there.manifest["generation"] if there else 0
        self.parts = parts.open_parts(name, embedder, generation=self.generation, replace=replace)
        self.known = KnownPhotos()
        self._remember([] if replace else rejected.read_rejected(self.folder))
        self.old_faces = len(self.old) if self.old else 0
        self.new_faces = sum(self.known.faces_of.values()) - self.old_faces
        self.first_crop = writing.next_crop(there)
        self.photos = 0
        self.incomplete: list[Path] = []

    def _remember(self, earlier: list[RejectedPhoto]) -> None:
        if self.old and self.settings.photos_per_person > self.old.manifest["build"]["photos_per_person"]:
            # With a larger target, photos get another chance under limits that were not relaxed before.
            earlier = [each for each in earlier if each.rejection.kind not in screening.RELAXABLE]
        self.known.add_rejected(earlier)
        if self.old:
            self.known.add_rows(self.old.faces)
        for table in self.parts.tables():
            self.known.add_rows(table)

    def run(self, people: SourcePeople, progress: Callable[[BuildProgress], None]) -> BuildReport:
        done = 0
        listed: dict[str, str] = {}

        def report() -> None:
            progress(BuildProgress(done, people.count, self.photos))

        def screened() -> Iterator[_Part]:
            for group in self._groups(people.people):
                listed.update({self.known.key(person): encodable(person.source) for person in group})
                yield self._screen(group, report)

        report()
        for part in prefetch(self._write, screened()):
            done += part.people
            report()
        if not self.known.faces_of:
            raise GalleryError(
                f"No photo is usable: {self._rejected_count()}. Add photos that show one face clearly."
            )
        skipped = list(people.skipped)
        self.known.replace_skipped(skipped, {*listed.values(), *(encodable(each.source) for each in skipped)})
        return self._commit([self.known.names[key] for key in listed if not self.known.faces_of.get(key)])

    def _rejected_count(self) -> str:
        count = len(self.known.rejected)
        return f"{count} photos were rejected" if count else "there are no new photos"

    def _groups(self, people: Iterable[SourcePerson]) -> Iterator[list[SourcePerson]]:
        """The people of each part. A person counts for no more photos than are wanted."""
        group: list[SourcePerson] = []
        photos = 0
        for person in people:
            group.append(person)
            photos += min(len(person.photos), self.settings.photos_per_person)
            if len(group) == self.settings.people_per_part or photos >= self.settings.photos_per_part:
                yield group
                group, photos = [], 0
        if group:
            yield group

    def _new_photos(self, people: Sequence[SourcePerson]) -> list[tuple[SourcePerson, PersonScreening[Path]]]:
        """The photos to screen of each person who needs more and has photos that were not inspected before."""
        target = self.settings.photos_per_person
        return [
            (person, PersonScreening(new, wanted=target - faces, known_already=faces > 0))
            for person in people
            if (faces := self.known.faces_of.get(self.known.key(person), 0)) < target
            and (new := [path for path in person.photos if original_of(path) not in self.known.originals])
        ]

    def _screen(self, people: Sequence[SourcePerson], report: Callable[[], None]) -> _Part:
        screenings = self._new_photos(people)
        owner = {path: self.known.key(person) for person, screened in screenings for path in screened.photos}
        inspected: dict[Path, InspectedPhoto] = {}
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
                paths, pixels, photos=self.settings.photos_per_batch, pixels_max=self.settings.pixels_per_batch
            ):
                qualities |= self._measure(batch, owner, inspected)
                self.photos += len(batch)
                report()
            return qualities

        screening.run_rounds([screened for _, screened in screenings], size, measure)
        return _Part(len(people), screenings, inspected)

    def _measure(
        self, batch: list[Path], owner: dict[Path, str], inspected: dict[Path, InspectedPhoto]
    ) -> dict[Path, PhotoQuality]:
        with ThreadPoolExecutor() as threads:
            decoded = dict(zip(batch, threads.map(inspection.decode, batch), strict=True))
        unique = {}
        qualities: dict[Path, PhotoQuality] = {}
        for path, each in decoded.items():
            if not each.flaw and (owner[path], each.sha256) in self.known.files:
                qualities[path] = PhotoQuality(flaw=screening.DUPLICATE)
            else:
                unique[path] = each
            self.known.files.add((owner[path], each.sha256))
        measured = inspection.measure(list(unique.values()), self.detector, self.embedder)
        inspected |= zip(unique, measured, strict=True)
        return qualities | {path: inspected[path].quality for path in unique}

    def _write(self, part: _Part) -> _Part:
        """Embed the accepted photos of a part and write a row for each inspected photo, if there are any."""
        accepted = [path for _, screened in part.screenings for path in screened.accepted]
        embedded = inspection.embed([part.inspected[path] for path in accepted], self.embedder)
        faces = dict(zip(accepted, embedded, strict=True))
        rows = [row for person, screened in part.screenings for row in self._rows(person, screened, faces)]
        if rows:
            self.known.add_rows(self.parts.append(rows))
        return part

    def _rows(
        self, person: SourcePerson, screened: PersonScreening[Path], faces: dict[Path, InspectedPhoto]
    ) -> Iterator[dict[str, Any]]:
        key = self.known.key(person)
        common = {
            "person": key,
            "name": self.known.names[key],
            "source": encodable(person.source),
            "licence": person.licence,
        }
        for path, number in screened.accepted.items():
            if flaw := faces[path].quality.flaw:
                yield common | {"original": original_of(path), "reason": str(flaw)}
                continue
            crop = self.first_crop + self.new_faces
            self.new_faces += 1
            self.incomplete += [path] if faces[path].incomplete else []
            own = {"original": original_of(path), "reason": "", "embedding": faces[path].embedding}
            yield common | own | inspection.store_face(self.folder, faces[path], round_number=number, crop=crop)
        for path, rejection in screened.rejected().items():
            yield common | {"original": original_of(path), "reason": str(rejection)}

    def _commit(self, missing: list[str]) -> BuildReport:
        """Replace the gallery's rows by the old ones and those of all parts."""
        rejected = list(self.known.rejected.values())
        faces = self.old_faces + self.new_faces
        default = self.old.manifest.get("default_embedder", FIRST_DEFAULT) if self.old else DEFAULT_EMBEDDER
        about = {
            "embedding": self.embedder.identity,
            "dimensions": self.embedder.dimensions,
            "default_embedder": default,
            "build": asdict(self.settings),
            "detector": self.detector.name,
        }
        writing.commit(
            self.folder,
            self._pieces(),
            generation=self.generation + 1,
            faces=faces,
            rejected=rejected,
            about=about,
        )
        return BuildReport(
            len(self.known.faces_of),
            faces,
            self.new_faces,
            dict(Counter(each.rejection.kind for each in rejected)),
            missing,
            self.known.shared_files(),
            self.incomplete,
            self.folder / layout.REJECTED,
        )

    def _pieces(self) -> Iterator[tuple[pa.Table, NDArray[np.float32]]]:
        if self.old:
            yield writing.rows_of(self.old)
        yield from self.parts.accepted()
