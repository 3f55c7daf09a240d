"""Filling a gallery: photos are screened, embedded and written part by part, so that a killed build goes on.

Each part is one Parquet file in the gallery's ``building/`` folder, with a row for every photo that was looked
at. When all people are done, the parts are joined to the rows that the gallery already had, and the manifest is
replaced. Photos that were looked at before are not looked at again, so that building again appends. While one part is
embedded, the next one is decoded and screened, so that no core waits.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from PIL import Image

from pipeline import photo, storage
from pipeline.embedding.base import Embedder
from pipeline.errors import GalleryError, PhotoError
from pipeline.faces import geometry
from pipeline.faces.detector import Detector
from pipeline.faces.face import Face
from pipeline.gallery import layout, opening, screening, writing
from pipeline.gallery.rows import ROW
from pipeline.gallery.screening import Candidates, Measured
from pipeline.gallery.writing import REFUSED
from pipeline.sources.base import SourcePeople, SourcePerson


@dataclass(frozen=True)
class BuildSettings:
    """How much is taken and how it is batched.

    photos_per_person: the target; people with fewer good photos get relaxed limits (see screening).
    people_per_part, photos_per_part: what is screened while the part before is embedded, and what a killed build has
        to do again at most, whichever comes first.
    photos_per_batch, pixels_per_batch: what is decoded at one time.
    """

    photos_per_person: int = 10
    people_per_part: int = 32
    photos_per_part: int = 64
    photos_per_batch: int = 32
    pixels_per_batch: int = 100_000_000


@dataclass(frozen=True)
class Progress:
    """How far a build is: people done, people in all, photos looked at so far."""

    people: int
    people_total: int
    photos: int


@dataclass(frozen=True)
class BuildReport:
    """What a build brought. ``rejected``: number of photos by reason; ``missing``: names of people without a face."""

    people: int
    faces: int
    faces_added: int
    rejected: dict[str, int]
    missing: list[str]
    report_path: Path


def _part(dimensions: int) -> pa.Schema:
    """A row of a part: what was found of a photo, and its embedding."""
    embedding = pa.field("embedding", pa.list_(pa.float32(), dimensions))
    return ROW.append(pa.field("reason", pa.string())).append(embedding)


DUPLICATE = Measured(flaw="duplicate: the same file as another photo of this person")


@dataclass(frozen=True)
class Looked:
    """What is kept of a photo that was looked at: never the photo itself.

    faces: how many it shows. crops (views, side, side, 3), uint8, and portrait, a JPEG, are of the most prominent
    one, as is embedding (128,), for which the crops are given away; they are empty where no limit would let it pass.
    """

    measured: Measured
    sha256: str = ""
    faces: int = 0
    crops: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    embedding: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    portrait: bytes = b""


def look(photos: Iterable[bytes], detector: Detector, embedder: Embedder) -> list[Looked]:
    """Look at some photos, given as the bytes of their files."""
    return _embedded(_look([_loaded(data) for data in photos], detector, embedder), embedder)


def build(
    name: str,
    people: SourcePeople,
    detector: Detector,
    embedder: Embedder,
    settings: BuildSettings = BuildSettings(),
    progress: Callable[[Progress], None] = lambda _: None,
) -> BuildReport:
    """Add people to the gallery ``name``, which is made where there is none, and go on with a build that was killed.

    Raises GalleryError where another process builds it, where it was made with another model, or where no photo
    of anybody is usable.
    """
    layout.folder_of(name).mkdir(parents=True, exist_ok=True)
    with writing.locked(name) as folder:
        return _Build(name, folder, detector, embedder, settings).run(people, progress)


def remove(name: str) -> None:
    """Delete a gallery and all of an unfinished build. Raises GalleryError where another process builds it."""
    if layout.folder_of(name).is_dir():
        with writing.locked(name) as folder:
            shutil.rmtree(folder, ignore_errors=True)


def clear(name: str) -> None:
    """Delete all of a gallery but the photos that were added to it by hand. Raises GalleryError as :func:`remove`."""
    if layout.folder_of(name).is_dir():
        with writing.locked(name) as folder:
            # The manifest first: without it the rest is no gallery.
            (folder / storage.MANIFEST).unlink(missing_ok=True)
            for path in folder.iterdir():
                if path.is_dir() and path != layout.photos_folder(name):
                    shutil.rmtree(path, ignore_errors=True)
                elif path.is_file():
                    path.unlink()


@dataclass(frozen=True)
class _Part:
    """So many people, whose new photos were chosen from, and what was seen in those."""

    people: int
    chosen: list[tuple[SourcePerson, Candidates[Path]]]
    seen: dict[Path, Looked]


class _Build:
    def __init__(
        self, name: str, folder: Path, detector: Detector, embedder: Embedder, settings: BuildSettings
    ) -> None:
        self.folder, self.detector, self.embedder, self.settings = folder, detector, embedder, settings
        self.parts_folder = folder / writing.BUILDING
        self.parts_folder.mkdir(exist_ok=True)
        self.old = opening.read_gallery(name, embedder.identity) if (folder / storage.MANIFEST).exists() else None
        begun = storage.read_manifest(self.parts_folder)
        if begun and begun["embedding"] != embedder.identity:
            raise GalleryError(
                f"The build of the gallery {name} was started with another model. Rebuild it.",
                command=layout.build_command(name, fresh=True),
            )
        generation = self.old.manifest["generation"] if self.old else 0
        if begun and (begun.get("generation"), begun.get("columns")) != (generation, ROW.names):
            # Killed after its rows were committed and before its parts were deleted, or by an earlier version.
            shutil.rmtree(self.parts_folder)
            self.parts_folder.mkdir()
        begun = {"embedding": embedder.identity, "generation": generation, "columns": ROW.names}
        storage.write_manifest(self.parts_folder, begun)
        self.old_faces = len(self.old) if self.old else 0
        self.originals: set[str] = set()
        self.digests: set[tuple[str, str]] = set()
        self.faces_of: dict[str, int] = {}
        self.rejected = writing.read_refused(folder)
        if self.old and settings.photos_per_person > self.old.manifest["build"]["photos_per_person"]:
            # More photos are wanted than before, so that limits may be relaxed that were not then.
            self.rejected = [row for row in self.rejected if not row["reason"].startswith(screening.RELAXABLE)]
        self.originals.update(row["original"] for row in self.rejected)
        if self.old:
            self._remember(self.old.faces)
        for part in self._parts():
            self._remember(pq.read_table(part))
        self.new_faces = sum(self.faces_of.values()) - self.old_faces
        self.first_crop = writing.next_crop(self.old)
        self.photos = 0

    def _parts(self) -> list[Path]:
        return sorted(self.parts_folder.glob("*.parquet"))

    def _remember(self, rows: pa.Table) -> None:
        for row in rows.select([name for name in rows.column_names if name != "embedding"]).to_pylist():
            self.originals.add(row["original"])
            if row.get("reason"):
                self.rejected.append({key: row[key] for key in REFUSED})
            else:
                self.digests.add((row["person"], row["sha256"]))
                self.faces_of[row["person"]] = self.faces_of.get(row["person"], 0) + 1

    def run(self, people: SourcePeople, progress: Callable[[Progress], None]) -> BuildReport:
        done = 0
        names: dict[str, str] = {}

        def tell() -> None:
            progress(Progress(done, people.count, self.photos))

        def parts() -> Iterator[_Part]:
            for part in self._portions(people.people):
                names.update({_key(person): _text(person.name) for person in part})
                yield _Part(len(part), *self._screened(part, tell))

        tell()
        for part in _behind(self._write, parts()):
            done += part.people
            tell()
        missing = [name for key, name in names.items() if not self.faces_of.get(key)]
        if not self.faces_of:
            raise GalleryError(
                f"No photo is usable: {_summary(self.rejected)}. Give photos that show one face clearly."
            )
        return self._join(missing)

    def _portions(self, people: Iterable[SourcePerson]) -> Iterator[list[SourcePerson]]:
        """The people of each part, counting no more photos of a person than are wanted."""
        part: list[SourcePerson] = []
        photos = 0
        for person in people:
            part.append(person)
            photos += min(len(person.photos), self.settings.photos_per_person)
            if len(part) == self.settings.people_per_part or photos >= self.settings.photos_per_part:
                yield part
                part, photos = [], 0
        if part:
            yield part

    def _screened(
        self, people: Sequence[SourcePerson], tell: Callable[[], None]
    ) -> tuple[list[tuple[SourcePerson, Candidates[Path]]], dict[Path, Looked]]:
        """The new photos of some people, chosen from, and what was seen in them."""
        waiting = [
            (person, Candidates(new, self.settings.photos_per_person - had, known_already=had > 0))
            for person in people
            if (had := self.faces_of.get(_key(person), 0)) < self.settings.photos_per_person
            and (new := [path for path in person.photos if _original(path) not in self.originals])
        ]
        seen: dict[Path, Looked] = {}
        sizes: dict[Path, int] = {}
        owner = {path: _key(person) for person, candidates in waiting for path in candidates.photos}

        def size(path: Path) -> Measured:
            try:
                width, height = photo.size(path)
            except PhotoError as error:
                return Measured(flaw=_flaw(error, path))
            sizes[path] = width * height
            return Measured(short_side_px=min(width, height))

        def measure(paths: list[Path]) -> dict[Path, Measured]:
            measured: dict[Path, Measured] = {}
            for batch in self._batches(paths, sizes):
                measured |= self._measure(batch, owner, seen)
                self.photos += len(batch)
                tell()
            return measured

        screening.choose([candidates for _, candidates in waiting], size, measure)
        return waiting, seen

    def _write(self, part: _Part) -> _Part:
        """Embed what was accepted, and write a row for each photo that was looked at, if there are any."""
        accepted = [path for _, candidates in part.chosen for path in candidates.accepted]
        looked = _embedded([part.seen[path] for path in accepted], self.embedder)
        seen = dict(zip(accepted, looked, strict=True))
        rows = [row for person, candidates in part.chosen for row in self._rows(person, candidates, seen)]
        if rows:
            number = len(self._parts())
            table = pa.Table.from_pylist(rows, schema=_part(self.embedder.dimensions))
            with storage.written_whole(self.parts_folder / f"{number:06d}.parquet") as temporary:
                pq.write_table(table, temporary)
            self._remember(table)
        return part

    def _batches(self, paths: list[Path], pixels: dict[Path, int]) -> Iterator[list[Path]]:
        """Photos of like size together, as MTCNN is fastest on those, within the limits of one batch."""
        batch: list[Path] = []
        total = 0
        for path in sorted(paths, key=lambda path: pixels[path]):
            full = len(batch) == self.settings.photos_per_batch
            if batch and (full or total + pixels[path] > self.settings.pixels_per_batch):
                yield batch
                batch, total = [], 0
            batch.append(path)
            total += pixels[path]
        if batch:
            yield batch

    def _measure(self, batch: list[Path], owner: dict[Path, str], seen: dict[Path, Looked]) -> dict[Path, Measured]:
        with ThreadPoolExecutor() as threads:
            loaded = dict(zip(batch, threads.map(_load, batch), strict=True))
        rest = {}
        measured: dict[Path, Measured] = {}
        for path, photograph in loaded.items():
            if not photograph.flaw and (owner[path], photograph.sha256) in self.digests:
                measured[path] = DUPLICATE
            else:
                rest[path] = photograph
            self.digests.add((owner[path], photograph.sha256))
        found = dict(zip(rest, _look(list(rest.values()), self.detector, self.embedder), strict=True))
        seen |= found
        return measured | {path: looked.measured for path, looked in found.items()}

    def _rows(
        self, person: SourcePerson, candidates: Candidates[Path], seen: dict[Path, Looked]
    ) -> Iterator[dict[str, Any]]:
        common = {
            "person": _key(person),
            "name": _text(person.name),
            "source": _text(person.source),
            "licence": person.licence,
        }
        for path, number in candidates.accepted.items():
            crop = self.first_crop + self.new_faces
            self.new_faces += 1
            yield (
                common
                | {"original": _original(path), "reason": "", "embedding": seen[path].embedding}
                | kept(self.folder, seen[path], number, crop)
            )
        for path, reason in candidates.rejected().items():
            yield common | {"original": _original(path), "reason": reason}

    def _join(self, missing: list[str]) -> BuildReport:
        """Write the old rows and all parts as one."""
        unique = {row["original"]: row for row in self.rejected}
        faces_total = self.old_faces + self.new_faces
        writing.commit(
            self.folder,
            (self.old.manifest["generation"] if self.old else 0) + 1,
            self._pieces(),
            faces_total,
            list(unique.values()),
            {
                "embedding": self.embedder.identity,
                "dimensions": self.embedder.dimensions,
                "build": asdict(self.settings),
            },
        )
        kinds = Counter(row["reason"].split(":")[0] for row in unique.values())
        report_path = self.folder / layout.REJECTED
        return BuildReport(len(self.faces_of), faces_total, self.new_faces, dict(kinds), missing, report_path)

    def _pieces(self) -> Iterator[tuple[pa.Table, np.ndarray]]:
        if self.old:
            yield writing.rows_of(self.old)
        for part in self._parts():
            table = pq.read_table(part)
            table = table.filter(pa.compute.equal(table["reason"], ""))
            if len(table):
                flat = table["embedding"].combine_chunks().flatten().to_numpy()
                yield table.select(ROW.names), flat.reshape(-1, self.embedder.dimensions)


def kept(folder: Path, looked: Looked, number: int, crop: int) -> dict[str, Any]:
    """The columns of a row that come of looking at its photo; its picture is written."""
    path = layout.crop_path(folder, crop)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(looked.portrait)
    return {
        "sha256": looked.sha256,
        "confidence": looked.measured.confidence,
        "face_side_px": looked.measured.face_side_px,
        "short_side_px": looked.measured.short_side_px,
        "round": number,
        "crop": crop,
    }


def _key(person: SourcePerson) -> str:
    return _text(f"{person.source}/{person.key}")


def _original(path: Path) -> str:
    return _text(str(path.absolute()))


def _text(text: str) -> str:
    """Text that can be written: the bytes of a file's name need not be UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class _Loaded:
    """A photo, the hash of its file, and what is wrong with it."""

    picture: np.ndarray
    sha256: str = ""
    flaw: str = ""


def _load(path: Path) -> _Loaded:
    try:
        return _loaded(photo.file_bytes(path))
    except PhotoError as error:  # Of the file; it names its path.
        return _Loaded(np.empty((0, 0, 3), np.uint8), flaw=_flaw(error, path))


def _loaded(data: bytes) -> _Loaded:
    try:
        return _Loaded(photo.read(data), hashlib.sha256(data).hexdigest())
    except PhotoError as error:
        return _Loaded(np.empty((0, 0, 3), np.uint8), flaw=f"cannot be read: {error}")


def _look(photos: Sequence[_Loaded], detector: Detector, embedder: Embedder) -> list[Looked]:
    found = iter(detector([loaded.picture for loaded in photos if not loaded.flaw]))
    looked: list[Looked] = []
    usable: list[tuple[int, np.ndarray, Face]] = []
    for place, loaded in enumerate(photos):
        detected = [] if loaded.flaw else next(found)
        measured = Measured(flaw=loaded.flaw) if loaded.flaw else _measured(loaded.picture.shape, detected)
        looked.append(Looked(measured, loaded.sha256, len(detected)))
        if not screening.rejection(measured, screening.LAST_ROUND):
            usable.append((place, loaded.picture, detected[0]))
    for place, photograph, largest in usable:
        picture, face = embedder.upright(photograph, largest)
        portrait = geometry.portrait(picture, face, level_over_degrees=embedder.settings.level_over_degrees)
        looked[place] = replace(looked[place], crops=embedder.crops(picture, face), portrait=_jpeg(portrait))
    return looked


def _embedded(looked: Sequence[Looked], embedder: Embedder) -> list[Looked]:
    embeddings = iter(embedder([each.crops for each in looked if each.crops.size]))
    return [
        replace(each, embedding=next(embeddings), crops=np.empty(0, np.uint8)) if each.crops.size else each
        for each in looked
    ]


def _behind(work: Callable[[_Part], _Part], parts: Iterable[_Part]) -> Iterator[_Part]:
    """What ``work`` makes of each part, in a thread of its own while the next part is made."""
    with ThreadPoolExecutor(1) as thread:
        before: Future[_Part] | None = None
        for part in parts:
            if before:
                yield before.result()
            before = thread.submit(work, part)
        if before:
            yield before.result()


def _flaw(error: PhotoError, path: Path) -> str:
    return _text(f"cannot be read: {error}".replace(str(path), path.name))


def _measured(shape: tuple[int, ...], detected: list[Face]) -> Measured:
    if not detected:
        return Measured(flaw="no face found")
    if geometry.is_cut_off(detected[0], shape):
        return Measured(flaw="face cut by the frame")
    return Measured(min(shape[:2]), detected[0].confidence, detected[0].side_px)


def _jpeg(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _summary(rejected: list[dict[str, str]]) -> str:
    count = len({row["original"] for row in rejected})
    return f"{count} photos were refused" if count else "there are no new photos"
