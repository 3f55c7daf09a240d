"""Screening the parts of a build in other processes, and joining them in the build's own order.

Parts that depend on an earlier one, as a person or a photo is listed twice, are screened by the build itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.gallery import shards
from pipeline.gallery.known import original_of
from pipeline.gallery.part_screening import Part, PartScreener
from pipeline.gallery.shards import PartTask
from pipeline.sources.base import SourcePerson


class Workers(Protocol):
    """Processes with networks of their own, which see the same files."""

    def perform(self, tasks: Sequence[PartTask]) -> Iterator[Path]:
        """Have tasks done, in any order. Yields the place of each shard once it is written. Raises UserError."""


def parts(
    groups: Sequence[Sequence[SourcePerson]],
    workers: Workers,
    screener: PartScreener,
    *,
    folder: Path,
    identity: Mapping[str, Any],
) -> Iterator[Part]:
    """The parts of a build, as one process alone would make them, in the same order.

    groups: the people of each part. folder: for the shards; those of a build that was killed are used again.
    identity: what they depend on besides their people.
    """
    folder.mkdir(exist_ok=True)
    tasks = _tasks(groups, screener, folder, identity)
    done = {task.place for number, task in tasks.items() if shards.read(task.place, groups[number])}
    finished = workers.perform([task for task in tasks.values() if task.place not in done])
    for number, group in enumerate(groups):
        part = None
        if number in tasks:
            place = tasks[number].place
            while place not in done:
                done.add(next(finished))
            part = shards.read(place, group)
            place.unlink(missing_ok=True)
        yield _noted(part, screener) if part else screener.screen(group)


def _tasks(
    groups: Sequence[Sequence[SourcePerson]], screener: PartScreener, folder: Path, identity: Mapping[str, Any]
) -> dict[int, PartTask]:
    """The tasks by the number of the group, for groups that depend on no earlier one and have new photos."""
    known, seen = screener.known, set[str]()
    files = known.files_by_person()
    tasks = {}
    for number, group in enumerate(groups):
        people = {f"person {known.key(person)}" for person in group}
        originals = {original_of(path) for person in group for path in person.photos}
        if not seen & (people | originals) and not originals <= known.originals:
            portraits = [original_of(person.photos[0]) for person in group if person.portrait_first and person.photos]
            found = {portrait: screener.embedding_of(portrait) for portrait in portraits}
            anchors = {portrait: anchor for portrait, anchor in found.items() if anchor is not None}
            own = known.only(group, files)
            tasks[number] = shards.task(folder, group, own, screener.limits, identity=identity, anchors=anchors)
        seen |= people | originals
    return tasks


def _noted(part: Part, screener: PartScreener) -> Part:
    """A part, once the screener knows the files of it, as if it had screened them."""
    for person, screened in part.screenings:
        for path in (*screened.accepted, *screened.rejected()):
            if path in part.inspected:
                screener.known.files.add((screener.known.key(person), part.inspected[path].sha256))
    screener.progress(len(part.inspected))
    return part
