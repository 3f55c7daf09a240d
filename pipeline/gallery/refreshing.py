"""Bringing a gallery up to date with a source that changes: what is gone there is taken out here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.gallery import details, opening, rejected, writing
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.known import original_of
from pipeline.gallery.rejected import RejectedPhoto
from pipeline.gallery.screening import RejectionKind
from pipeline.sources.base import Credit

# The photos that a source has of each person, by key, and whose they are; the portrait first.
Wanted = Mapping[str, Mapping[Path, Credit]]


@dataclass(frozen=True)
class Changes:
    """What a gallery and a source differ in. new, gone: keys of people. gone_photos: of those who stay.

    new_portraits: people who stay with another portrait. credits: photos whose author or licence has changed.
    """

    new: list[str]
    gone: list[str]
    gone_photos: int
    new_portraits: int
    credits: int

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.gone_photos or self.new_portraits or self.credits)


def changes(opened: Gallery | None, source: str, wanted: Wanted) -> Changes:
    """What bringing a gallery up to date would change."""
    if opened is None:
        return Changes(list(wanted), [], 0, 0, 0)
    originals, portraits = _originals(wanted), _portraits(wanted)
    rows = _rows_from(opened, source)
    there = _people_in(rows, wanted)
    people, listed = {key for _, key, _ in rows}, rejected.read_rejected(opened.folder)
    removed = {each.original for each in listed if each.rejection.kind == RejectionKind.REMOVED}
    paths = {path for _, _, path in rows} | removed
    return Changes(
        new=[key for key in wanted if key not in there],
        gone=sorted(people - wanted.keys() - {key for _, key, path in rows if path in originals}),
        gone_photos=sum(path not in originals and key in wanted for _, key, path in rows),
        new_portraits=sum(portraits[key] not in paths for key in there & portraits.keys()),
        credits=sum(originals.get(path, opened.credit(row)) != opened.credit(row) for row, _, path in rows),
    )


def people_in(opened: Gallery, source: str, wanted: Wanted) -> set[str]:
    """The keys of the people whom a gallery has of a source, also of those who were merged with others."""
    return _people_in(_rows_from(opened, source), wanted)


def _people_in(rows: list[tuple[int, str, str]], wanted: Wanted) -> set[str]:
    paths = {path for _, _, path in rows}
    merged = {key for key, own in wanted.items() if any(original_of(path) in paths for path in own)}
    return {key for _, key, _ in rows} | merged


def _originals(wanted: Wanted) -> dict[str, Credit]:
    return {original_of(path): credit for own in wanted.values() for path, credit in own.items()}


def _portraits(wanted: Wanted) -> dict[str, str]:
    """The path of the portrait of each person."""
    return {key: original_of(next(iter(own))) for key, own in wanted.items() if own}


def _rows_from(opened: Gallery, source: str) -> list[tuple[int, str, str]]:
    """Number, person's key and path of the rows from a source."""
    rows = opened.faces.select(["person", "original", "source"]).to_pylist()
    return [
        (number, row["person"].removeprefix(f"{source}/"), row["original"])
        for number, row in enumerate(rows)
        if row["source"] == source
    ]


def prune(name: str, source: str, wanted: Wanted) -> None:
    """Take out what the source does not have any more, and note whose the other photos are now.

    Raises GalleryError if the gallery cannot be opened or changed.
    """
    originals = _originals(wanted)
    with writing.locked(name):
        opened = opening.read_gallery(name)
        rows = _rows_from(opened, source)
        gone = [row for row, _, path in rows if path not in originals]
        changed = {
            row: originals[path]
            for row, _, path in rows
            if originals.get(path, opened.credit(row)) != opened.credit(row)
        }
        earlier = rejected.read_rejected(opened.folder)
        there, portraits = {path for _, _, path in rows}, _portraits(wanted)
        listed = [
            each
            for each in earlier
            if each.source != source
            or (
                each.original in originals
                and _holds(each, portraits.get(each.person.removeprefix(f"{source}/")), there)
            )
        ]
        if gone or changed or len(listed) < len(earlier):
            _commit(opened, gone, changed, listed)


def _holds(photo: RejectedPhoto, portrait: str | None, there: set[str]) -> bool:
    """Whether an earlier rejection holds: not if it was by a portrait that is another one now."""
    return photo.rejection.kind != RejectionKind.NOT_SURE or portrait in there


def _commit(opened: Gallery, gone: list[int], changed: Mapping[int, Credit], listed: list[RejectedPhoto]) -> None:
    """Drop the rows that are gone, and change whose the others are."""
    table, embeddings = writing.rows_of(opened)
    licences = table["licence"].to_pylist()
    for row, credit in changed.items():
        licences[row] = credit.licence
    place = table.column_names.index("licence")
    table = table.set_column(place, "licence", pa.array(licences, pa.string()))
    kept = np.ones(len(opened), bool)
    kept[gone] = False
    hashes = table["sha256"].to_pylist()
    new = details.details_of({}, {hashes[row]: credit for row, credit in changed.items()})
    writing.commit_change(opened, [(table.filter(pa.array(kept)), embeddings[kept])], listed, details=new)
