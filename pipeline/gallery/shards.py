"""Parts of a build that another process has screened and embedded, handed over as Parquet files.

Whoever screens a part is told which people and what the build knows of them, and needs nothing else of the build.
The file holds what inspection found, in the build's order, and no path: photos are numbered within their person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import storage
from pipeline.embedding.base import Embedder
from pipeline.faces.detector import Detector
from pipeline.gallery import inspection
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.known import KnownPhotos, original_of
from pipeline.gallery.part_screening import Part, PartLimits, PartScreener
from pipeline.gallery.screening import PhotoQuality, Rejection, ScreenedPhotos
from pipeline.sources.base import SourcePerson

FOLDER = "shards"
# screening: people with a portrait have two, person: its place in the group, photo: its place among theirs.
# round: -1 for a photo that is rejected, with a reason. flaw: of an accepted photo that gets no embedding.
_SCHEMA = pa.schema(
    [
        ("screening", pa.int32()),
        ("person", pa.int32()),
        ("photo", pa.int32()),
        ("round", pa.int8()),
        ("reason", pa.string()),
        ("flaw", pa.string()),
        ("sha256", pa.string()),
        ("faces", pa.int32()),
        ("incomplete", pa.bool_()),
        ("short_side_px", pa.int32()),
        ("confidence", pa.float64()),
        ("face_side_px", pa.float64()),
        ("embedding", pa.list_(pa.float32())),
        ("portrait", pa.binary()),
    ]
)


@dataclass(frozen=True)
class PartTask:
    """Some people to screen, and what the build knows of them.

    place: where the shard is written. anchors: embeddings, (d,), of portraits that the gallery has, by their paths.
    """

    place: Path
    people: Sequence[SourcePerson]
    known: KnownPhotos
    limits: PartLimits
    anchors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def task(
    folder: Path,
    people: Sequence[SourcePerson],
    known: KnownPhotos,
    limits: PartLimits,
    *,
    identity: Mapping[str, Any],
    anchors: Mapping[str, NDArray[np.float32]],
) -> PartTask:
    """The task for some people. known: of these people only. identity: what the shard depends on besides.

    The same task has the same file, so that a build that was killed finds what is done.
    """
    photos = [[original_of(path) for path in person.photos] for person in people]
    of_people = (sorted(known.originals), sorted(known.faces_of.items()), sorted(known.files))
    about = (photos, *of_people, limits, sorted(identity.items()))
    name = hashlib.blake2b(repr(about).encode(), digest_size=16).hexdigest()
    # Whoever screens them needs neither columns nor credits.
    bare = [replace(person, columns={}, credits={}) for person in people]
    return PartTask(folder / f"{name}.parquet", bare, known, limits, anchors)


def perform(wanted: PartTask, detector: Detector, embedder: Embedder) -> None:
    """Screen and embed a task's people, and write the shard, whole or not at all. Raises StorageError."""
    screener = PartScreener(
        wanted.known,
        detector,
        embedder,
        wanted.limits,
        embedding_of=wanted.anchors.get,
        progress=lambda _: None,
    )
    part = screener.screen(wanted.people)
    accepted = [path for _, screened in part.screenings for path in screened.accepted]
    embedded = inspection.embed([part.inspected[path] for path in accepted], embedder)
    part.inspected.update(zip(accepted, embedded, strict=True))
    with storage.atomic_path(wanted.place) as temporary:
        pq.write_table(pa.Table.from_pylist(list(_rows(wanted.people, part)), schema=_SCHEMA), temporary)


def read(path: Path, people: Sequence[SourcePerson]) -> Part | None:
    """The part of some people in a shard; None if it is not there or damaged."""
    try:
        table = pq.read_table(path)
        if not table.schema.equals(_SCHEMA):
            return None
    except (OSError, ValueError):
        return None
    part = Part(len(people))
    screened: dict[int, tuple[SourcePerson, ScreenedPhotos[Path]]] = {}
    for row in table.to_pylist():
        person = people[row["person"]]
        photo = person.photos[row["photo"]]
        _, found = screened.setdefault(row["screening"], (person, ScreenedPhotos({}, {})))
        if row["round"] < 0:
            found.rejections[photo] = Rejection.parse(row["reason"])
        else:
            found.accepted[photo] = row["round"]
        if row["sha256"]:
            part.inspected[photo] = _inspected(row)
    part.screenings.extend(screened.values())
    return part


def _rows(people: Sequence[SourcePerson], part: Part) -> Iterator[dict[str, Any]]:
    places = {id(person): place for place, person in enumerate(people)}
    for number, (person, screened) in enumerate(part.screenings):
        photos = {path: place for place, path in reversed([*enumerate(person.photos)])}
        about = {"screening": number, "person": places[id(person)]}
        for path, round_number in screened.accepted.items():
            own = part.inspected[path]
            flaw = str(own.quality.flaw) if own.quality.flaw else ""
            found = {"flaw": flaw, "embedding": own.embedding, "portrait": own.portrait}
            yield about | {"photo": photos[path], "round": round_number, "reason": ""} | _columns(own) | found
        for path, rejection in screened.rejected().items():
            own = part.inspected.get(path, InspectedPhoto(PhotoQuality()))
            yield about | {"photo": photos[path], "round": -1, "reason": str(rejection)} | _columns(own)


def _columns(inspected: InspectedPhoto) -> dict[str, Any]:
    return {
        "sha256": inspected.sha256,
        "faces": inspected.faces,
        "incomplete": inspected.incomplete,
        "short_side_px": inspected.quality.short_side_px,
        "confidence": inspected.quality.confidence,
        "face_side_px": inspected.quality.face_side_px,
    }


def _inspected(row: Mapping[str, Any]) -> InspectedPhoto:
    flaw = Rejection.parse(row["flaw"]) if row["flaw"] else None
    return InspectedPhoto(
        PhotoQuality(row["short_side_px"], row["confidence"], row["face_side_px"], flaw),
        row["sha256"],
        row["faces"],
        row["incomplete"],
        embedding=np.array(row["embedding"] or [], np.float32),
        portrait=row["portrait"] or b"",
    )
