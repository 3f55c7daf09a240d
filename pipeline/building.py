"""Filling a gallery: photos are screened, embedded and written part by part, so that a killed build goes on.

Each part is one Parquet file in the gallery's ``building/`` folder, with a row for every photo that was looked
at. When all people are done, the parts are joined to the rows that the gallery already had, and the manifest is
replaced. Photos that were looked at before are not looked at again, so that building again appends.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from PIL import Image

from pipeline import __version__, faces, gallery, photo, screening, store
from pipeline.embedding import Embedder
from pipeline.errors import GalleryError, PhotoError
from pipeline.faces import Detector
from pipeline.screening import Candidates, Measured
from pipeline.sources import People, Person


@dataclass(frozen=True)
class BuildSettings:
    """How much is taken and how it is batched.

    photos_per_person: the target; people with fewer good photos get relaxed limits (see screening).
    people_per_part: what a killed build has to do again at most.
    photos_per_batch, pixels_per_batch: what is decoded at one time.
    """

    photos_per_person: int = 10
    people_per_part: int = 32
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


_ROW = pa.schema(
    [
        ("person", pa.string()),
        ("name", pa.string()),
        ("source", pa.string()),
        ("licence", pa.string()),
        ("original", pa.string()),
        ("sha256", pa.string()),
        ("confidence", pa.float32()),
        ("face_side_px", pa.float32()),
        ("short_side_px", pa.int32()),
        ("round", pa.int8()),
    ]
)


def _part(dimensions: int) -> pa.Schema:
    """A row of a part: what was found of a photo, and its embedding."""
    embedding = pa.field("embedding", pa.list_(pa.float32(), dimensions))
    return _ROW.append(pa.field("reason", pa.string())).append(embedding)


_BUSY = "The gallery {} is being built by another process. Wait until it is done."
_REJECTED = ("person", "name", "source", "original", "reason")


def build(
    name: str,
    people: People,
    detector: Detector,
    embedder: Embedder,
    settings: BuildSettings = BuildSettings(),
    progress: Callable[[Progress], None] = lambda _: None,
) -> BuildReport:
    """Add people to the gallery ``name``, which is made where there is none, and go on with a build that was killed.

    Raises GalleryError where another process builds it, where it was made with another model, or where no photo
    of anybody is usable.
    """
    folder = gallery.folder_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            return _Build(name, folder, detector, embedder, settings).run(people, progress)
    except Timeout as error:
        raise GalleryError(_BUSY.format(name)) from error


def remove(name: str) -> None:
    """Delete a gallery and all of an unfinished build. Raises GalleryError where another process builds it."""
    folder = gallery.folder_of(name)
    if not folder.is_dir():
        return
    try:
        with FileLock(folder / ".lock", timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout as error:
        raise GalleryError(_BUSY.format(name)) from error


@dataclass(frozen=True)
class _Seen:
    """What is kept of a measured photo until its person is decided: never the photo itself."""

    sha256: str
    embedding: np.ndarray
    portrait: bytes


class _Build:
    def __init__(
        self, name: str, folder: Path, detector: Detector, embedder: Embedder, settings: BuildSettings
    ) -> None:
        self.folder, self.detector, self.embedder, self.settings = folder, detector, embedder, settings
        self.parts_folder = folder / "building"
        self.parts_folder.mkdir(exist_ok=True)
        self.old = gallery.open(name, embedder.identity) if (folder / store.MANIFEST).exists() else None
        begun = store.read_manifest(self.parts_folder)
        if begun and begun["embedding"] != embedder.identity:
            raise GalleryError(
                f"The gallery {name} was begun with another model. Make it anew: add --fresh to the command."
            )
        generation = self.old.manifest["generation"] if self.old else 0
        if begun and begun.get("generation") != generation:
            # Killed after its rows were committed and before its parts were deleted.
            shutil.rmtree(self.parts_folder)
            self.parts_folder.mkdir()
        store.write_manifest(self.parts_folder, {"embedding": embedder.identity, "generation": generation})
        self.old_faces = len(self.old) if self.old else 0
        self.originals: set[str] = set()
        self.digests: set[tuple[str, str]] = set()
        self.faces_of: dict[str, int] = {}
        self.rejected = _read_rejected(folder / gallery.REJECTED)
        if self.old and settings.photos_per_person > self.old.manifest["build"]["photos_per_person"]:
            # More photos are wanted than before, so that limits may be relaxed that were not then.
            self.rejected = [row for row in self.rejected if not row["reason"].startswith(screening.RELAXABLE)]
        self.originals.update(row["original"] for row in self.rejected)
        if self.old:
            self._remember(self.old.faces)
        for part in self._parts():
            self._remember(pq.read_table(part))
        self.new_faces = sum(self.faces_of.values()) - self.old_faces
        self.photos = 0

    def _parts(self) -> list[Path]:
        return sorted(self.parts_folder.glob("*.parquet"))

    def _remember(self, rows: pa.Table) -> None:
        for row in rows.select([name for name in rows.column_names if name != "embedding"]).to_pylist():
            self.originals.add(row["original"])
            if row.get("reason"):
                self.rejected.append({key: row[key] for key in _REJECTED})
            else:
                self.digests.add((row["person"], row["sha256"]))
                self.faces_of[row["person"]] = self.faces_of.get(row["person"], 0) + 1

    def run(self, people: People, progress: Callable[[Progress], None]) -> BuildReport:
        done = 0
        names: dict[str, str] = {}

        def tell() -> None:
            progress(Progress(done, people.count, self.photos))

        tell()
        iterator = iter(people.people)
        while part := list(itertools.islice(iterator, self.settings.people_per_part)):
            names |= {_key(person): _text(person.name) for person in part}
            self._add(part, tell)
            done += len(part)
            tell()
        missing = [name for key, name in names.items() if not self.faces_of.get(key)]
        if not self.faces_of:
            raise GalleryError(
                f"No photo is usable: {_summary(self.rejected)}. Give photos that show one face clearly."
            )
        return self._join(missing)

    def _add(self, people: Sequence[Person], tell: Callable[[], None]) -> None:
        """Screen the new photos of some people and write them as one part, if there are any."""
        waiting = [
            (person, Candidates(new, self.settings.photos_per_person - had, known_already=had > 0))
            for person in people
            if (had := self.faces_of.get(_key(person), 0)) < self.settings.photos_per_person
            and (new := [path for path in person.photos if _original(path) not in self.originals])
        ]
        seen: dict[Path, _Seen] = {}
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
        rows = [row for person, candidates in waiting for row in self._rows(person, candidates, seen)]
        if rows:
            number = len(self._parts())
            table = pa.Table.from_pylist(rows, schema=_part(self.embedder.dimensions))
            with store.written_whole(self.parts_folder / f"{number:06d}.parquet") as temporary:
                pq.write_table(table, temporary)
            self._remember(table)

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

    def _measure(self, batch: list[Path], owner: dict[Path, str], seen: dict[Path, _Seen]) -> dict[Path, Measured]:
        with ThreadPoolExecutor() as threads:
            loaded = dict(zip(batch, threads.map(_load, batch), strict=True))
        measured: dict[Path, Measured] = {path: Measured(flaw=flaw) for path, (_, _, flaw) in loaded.items() if flaw}
        for path, (_, digest, flaw) in loaded.items():
            if not flaw and (owner[path], digest) in self.digests:
                measured[path] = Measured(flaw="duplicate: the same file as another photo of this person")
            self.digests.add((owner[path], digest))
        rest = [path for path in batch if path not in measured]
        found = self.detector([loaded[path][0] for path in rest])
        for path, detected in zip(rest, found, strict=True):
            measured[path] = _measured(loaded[path][0].shape, detected)
        usable = [
            (path, detected[0])
            for path, detected in zip(rest, found, strict=True)
            if not screening.rejection(measured[path], screening.LAST_ROUND)
        ]
        crops = [self.embedder.crops(loaded[path][0], face) for path, face in usable]
        for (path, face), embedding in zip(usable, self.embedder(crops), strict=True):
            picture = faces.portrait(loaded[path][0], face, self.embedder.settings.level_over_degrees)
            seen[path] = _Seen(loaded[path][1], embedding, _jpeg(picture))
        return measured

    def _rows(self, person: Person, candidates: Candidates, seen: dict[Path, _Seen]) -> Iterator[dict[str, Any]]:
        common = {
            "person": _key(person),
            "name": _text(person.name),
            "source": _text(person.source),
            "licence": person.licence,
        }
        for path, number in candidates.accepted.items():
            measured = candidates.measured[path]
            crop_path = gallery.crop_path(self.folder, self.old_faces + self.new_faces)
            crop_path.parent.mkdir(parents=True, exist_ok=True)
            crop_path.write_bytes(seen[path].portrait)
            self.new_faces += 1
            yield common | {
                "original": _original(path),
                "sha256": seen[path].sha256,
                "confidence": measured.confidence,
                "face_side_px": measured.face_side_px,
                "short_side_px": measured.short_side_px,
                "round": number,
                "reason": "",
                "embedding": seen[path].embedding,
            }
        for path, reason in candidates.rejected().items():
            yield common | {"original": _original(path), "reason": reason}

    def _join(self, missing: list[str]) -> BuildReport:
        """Write the old rows and all parts as one, commit them with the manifest, and clear up."""
        faces_total = self.old_faces + self.new_faces
        number = (self.old.manifest["generation"] if self.old else 0) + 1
        faces_path = self.folder / f"faces-{number}.parquet"
        embeddings_path = self.folder / f"embeddings-{number}.npy"
        with store.written_whole(faces_path) as rows_file, store.written_whole(embeddings_path) as array_file:
            array = np.lib.format.open_memmap(
                array_file, "w+", dtype=np.float32, shape=(faces_total, self.embedder.dimensions)
            )
            with pq.ParquetWriter(rows_file, _ROW) as writer:
                if self.old:
                    writer.write_table(self.old.faces.select(_ROW.names).cast(_ROW))
                    array[: self.old_faces] = self.old.embeddings
                start = self.old_faces
                for part in self._parts():
                    table = pq.read_table(part)
                    table = table.filter(pa.compute.equal(table["reason"], ""))
                    if len(table):
                        writer.write_table(table.select(_ROW.names))
                        flat = table["embedding"].combine_chunks().flatten().to_numpy()
                        array[start : start + len(table)] = flat.reshape(-1, self.embedder.dimensions)
                        start += len(table)
            array.flush()
        with store.written_whole(self.folder / gallery.REJECTED) as temporary:
            unique = {row["original"]: row for row in self.rejected}
            columns = {name: pa.array([row[name] for row in unique.values()], pa.string()) for name in _REJECTED}
            pyarrow.csv.write_csv(pa.table(columns), temporary)
        store.write_manifest(
            self.folder,
            {
                "format": gallery.FORMAT,
                "generation": number,
                "made_by": f"lookslikewho {__version__}",
                "embedding": self.embedder.identity,
                "dimensions": self.embedder.dimensions,
                "build": asdict(self.settings),
                "people": len(self.faces_of),
                "faces": faces_total,
                "rejected": len(unique),
                "files": {
                    "faces": {"name": faces_path.name, "sha256": store.sha256(faces_path)},
                    "embeddings": {"name": embeddings_path.name, "sha256": store.sha256(embeddings_path)},
                },
            },
        )
        for stale in (*self.folder.glob("faces-*.parquet"), *self.folder.glob("embeddings-*.npy")):
            if stale not in (faces_path, embeddings_path):
                stale.unlink()
        shutil.rmtree(self.parts_folder)
        kinds = Counter(row["reason"].split(":")[0] for row in unique.values())
        report_path = self.folder / gallery.REJECTED
        return BuildReport(len(self.faces_of), faces_total, self.new_faces, dict(kinds), missing, report_path)


def _key(person: Person) -> str:
    return _text(f"{person.source}/{person.key}")


def _original(path: Path) -> str:
    return _text(str(path.absolute()))


def _text(text: str) -> str:
    """Text that can be written: the bytes of a file's name need not be UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _load(path: Path) -> tuple[np.ndarray, str, str]:
    """A photo, the hash of its file, and what is wrong with it."""
    try:
        data = photo.file_bytes(path)
        return photo.read(data), hashlib.sha256(data).hexdigest(), ""
    except PhotoError as error:
        return np.empty((0, 0, 3), np.uint8), "", _flaw(error, path)


def _flaw(error: PhotoError, path: Path) -> str:
    return _text(f"cannot be read: {error}".replace(str(path), path.name))


def _measured(shape: tuple[int, ...], detected: list[faces.Face]) -> Measured:
    if not detected:
        return Measured(flaw="no face found")
    if faces.is_cut(detected[0], shape):
        return Measured(flaw="face cut by the frame")
    return Measured(min(shape[:2]), detected[0].confidence, detected[0].side_px)


def _jpeg(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _read_rejected(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(_REJECTED, pa.string()))
    rows: list[dict[str, str]] = pyarrow.csv.read_csv(path, convert_options=options).to_pylist()
    return rows


def _summary(rejected: list[dict[str, str]]) -> str:
    count = len({row["original"] for row in rejected})
    return f"{count} photos were refused" if count else "there are no new photos"
