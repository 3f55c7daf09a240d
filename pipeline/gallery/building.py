"""Building a gallery: screen, embed and write photos part by part, so that a killed build can resume.

When all people are done, the parts are joined to the rows that the gallery already had, and the manifest is replaced.
Building again appends: photos that were inspected before are skipped. While one part is embedded and written, the
next one is decoded and screened, so that no core is idle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import storage
from pipeline.embedding.base import Embedder
from pipeline.embedding.registry import DEFAULT_EMBEDDER, FIRST_DEFAULT
from pipeline.errors import GalleryError
from pipeline.faces.detector import Detector
from pipeline.gallery import (
    details,
    inspection,
    layout,
    listed,
    opening,
    parts,
    rejected,
    screening,
    shards,
    sharing,
    writing,
)
from pipeline.gallery.details import NO_DETAILS
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.known import KnownPhotos, original_of
from pipeline.gallery.listed import ListedPeople
from pipeline.gallery.part_screening import Part, PartLimits, PartScreener
from pipeline.gallery.prefetch import prefetch
from pipeline.gallery.rejected import RejectedPhoto
from pipeline.gallery.screening import RejectionKind, Screened
from pipeline.gallery.sharing import Workers
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
    workers: Workers | None = None,
) -> BuildReport:
    """Add people to the gallery ``name``, creating it if needed, or resume a build that was killed.

    replace: the people take the place of those that the gallery has, which stay until all are done.
    workers: screen and embed the photos, with networks like these. All people are then listed before the first photo.

    Raises GalleryError if another process is building it, it was built with another model, or no photo is usable.
    """
    with writing.locked(name, create=True):
        return _Build(name, detector, embedder, settings, replace=replace).run(people, progress, workers)


def _gallery_there(name: str, identity: dict[str, Any] | None, *, replace: bool) -> Gallery | None:
    """The gallery as it is, if any. Raises GalleryError if it cannot be read, unless it is to be replaced."""
    if not (layout.folder_of(name) / storage.MANIFEST).exists():
        return None
    try:
        return opening.read_gallery(name, identity)
    except GalleryError:
        # Its files stay until the new gallery is complete: perhaps they can be mended.
        if replace:
            return None
        raise


class _Build:
    def __init__(
        self, name: str, detector: Detector, embedder: Embedder, settings: BuildSettings, *, replace: bool
    ) -> None:
        self.folder, self.settings = layout.folder_of(name), settings
        self.detector, self.embedder = detector, embedder
        there = _gallery_there(name, None if replace else embedder.identity, replace=replace)
        self.old = None if replace else there
        self.generation = there.manifest["generation"] if there else writing.last_generation(self.folder)
        self.parts = parts.open_parts(name, embedder, generation=self.generation, replace=replace)
        self.known = KnownPhotos()
        self._remember([] if replace else rejected.read_rejected(self.folder))
        self.old_faces = len(self.old) if self.old else 0
        self.new_faces = sum(self.known.faces_of.values()) - self.old_faces
        self.first_crop = writing.next_crop(there) if there else writing.next_crop_on_disk(self.folder)
        self.listed = ListedPeople()
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

    def run(
        self, people: SourcePeople, progress: Callable[[BuildProgress], None], workers: Workers | None
    ) -> BuildReport:
        done = 0
        limits = self.settings

        def report(photos: int = 0) -> None:
            self.photos += photos
            progress(BuildProgress(done, people.count, self.photos))

        screener = PartScreener(
            self.known,
            self.detector,
            self.embedder,
            PartLimits(limits.photos_per_person, limits.photos_per_batch, limits.pixels_per_batch),
            embedding_of=self._embedding_of,
            progress=report,
        )

        report()
        for part in prefetch(self._write, self._screened(people, screener, workers)):
            done += part.people
            report()
        if not self.known.faces_of:
            raise GalleryError(
                f"No photo is usable: {self._rejected_count()}. Add photos that show one face clearly."
            )
        skipped = list(people.skipped)
        sources = {*self.listed.sources.values(), *(encodable(each.source) for each in skipped)}
        self.known.replace_skipped(skipped, sources)
        return self._commit()

    def _screened(self, people: SourcePeople, screener: PartScreener, workers: Workers | None) -> Iterator[Part]:
        """The people part by part, screened here or by the workers."""
        limits = self.settings
        groups = listed.groups(
            people.people,
            people_max=limits.people_per_part,
            photos_max=limits.photos_per_part,
            photos_per_person=limits.photos_per_person,
        )
        if workers:
            # One part may depend on another only by its people and photos, so all must be known.
            every = list(groups)
            for group in every:
                self.listed.add(group, self.known)
            identity = self.embedder.identity | {"found by": self.detector.name}
            yield from sharing.parts(
                every, workers, screener, folder=self.parts.folder / shards.FOLDER, identity=identity
            )
            return
        for group in groups:
            self.listed.add(group, self.known)
            yield screener.screen(group)

    def _embedding_of(self, original: str) -> NDArray[np.float32] | None:
        """The embedding of a photo that the gallery had before this build."""
        row = self._old_rows.get(original)
        return None if row is None or self.old is None else self.old.embeddings[row]

    @cached_property
    def _old_rows(self) -> dict[str, int]:
        originals = self.old.faces["original"].to_pylist() if self.old else []
        return {original: row for row, original in enumerate(originals)}

    def _rejected_count(self) -> str:
        count = len(self.known.rejected)
        return f"{count} photos were rejected" if count else "there are no new photos"

    def _write(self, part: Part) -> Part:
        """Embed the accepted photos of a part and write a row for each inspected photo, if there are any."""
        accepted = [path for _, screened in part.screenings for path in screened.accepted]
        embedded = inspection.embed([part.inspected[path] for path in accepted], self.embedder)
        faces = dict(zip(accepted, embedded, strict=True))
        rows = [row for person, screened in part.screenings for row in self._rows(person, screened, faces)]
        if rows:
            self.known.add_rows(self.parts.append(rows))
        return part

    def _rows(
        self, person: SourcePerson, screened: Screened[Path], faces: dict[Path, InspectedPhoto]
    ) -> Iterator[dict[str, Any]]:
        key = self.known.key(person)
        common = {"person": key, "name": self.known.names[key], "source": encodable(person.source)}
        for path, number in screened.accepted.items():
            if flaw := faces[path].quality.flaw:
                yield common | {"original": original_of(path), "reason": str(flaw)}
                continue
            crop = self.first_crop + self.new_faces
            self.new_faces += 1
            self.incomplete += [path] if faces[path].incomplete else []
            own = {"original": original_of(path), "reason": "", "embedding": faces[path].embedding}
            own["licence"] = person.credit(path).licence
            yield common | own | inspection.store_face(self.folder, faces[path], round_number=number, crop=crop)
        for path, rejection in screened.rejected().items():
            yield common | {"original": original_of(path), "reason": str(rejection)}

    def _commit(self) -> BuildReport:
        """Replace the gallery's rows by the old ones and those of all parts."""
        known = self.listed.details(table for table, _ in self._pieces())
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
            details=details.merged(known, self.old.details if self.old else NO_DETAILS),
        )
        return BuildReport(
            len(self.known.faces_of),
            faces,
            self.new_faces,
            dict(Counter(each.rejection.kind for each in rejected)),
            [self.known.names[key] for key in self.listed.sources if not self.known.faces_of.get(key)],
            self.known.shared_files(),
            self.incomplete,
            self.folder / layout.REJECTED,
        )

    def _pieces(self) -> Iterator[tuple[pa.Table, NDArray[np.float32]]]:
        if self.old:
            yield writing.rows_of(self.old)
        yield from self.parts.accepted()
