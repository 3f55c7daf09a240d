"""``build`` from a source that chooses its people: refresh the gallery, build it, and lay it out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline import storage
from pipeline.cli.console import counted, progress, say
from pipeline.errors import MapError
from pipeline.gallery import left_out
from pipeline.gallery.layout import folder_of

if TYPE_CHECKING:
    from pipeline.gallery.building import BuildProgress, BuildReport
    from pipeline.gallery.gallery import Gallery
    from pipeline.lookalikes import Models
    from pipeline.sources.base import ChosenPeople, Selection, Source, SourceReport

MEASURING, MAPPING = "Measuring faces", "Drawing the map"
# How often others are chosen in place of people without a usable photo.
_ROUNDS = 6


def build_chosen(
    name: str, source: Source, wanted: Selection, *, load: Callable[[], Models], fresh: bool, dry_run: bool
) -> BuildReport | None:
    """Bring the gallery ``name`` up to date with the people whom the source chooses.

    dry_run: only say what would change, and return None. Raises UserError. Going on after an interruption repeats
    little.
    """
    assert source.choose
    wanted = replace(wanted, left_out=left_out.read(folder_of(name)))
    with progress() as report:
        chosen = source.choose(wanted, report)
    try:
        opened = None if fresh else _opened(name)
        if dry_run:
            _tell(name, opened, chosen)
            return None
        models = load()
        with progress() as report:
            if opened is not None:
                _prune(name, chosen)
            chosen, built = _built(name, chosen, models, wanted, fresh=fresh, report=report)
            _prune(name, chosen)
            _fit_map(name, report)
        for line in chosen.summary(_people(name, chosen)):
            say(line)
        chosen.finish()
        return built
    finally:
        chosen.close()


def _opened(name: str) -> Gallery | None:
    """The gallery, if there is one. Raises GalleryError if it is damaged."""
    from pipeline.gallery import opening

    return opening.read_gallery(name) if (folder_of(name) / storage.MANIFEST).exists() else None


def _built(
    name: str, chosen: ChosenPeople, models: Models, wanted: Selection, *, fresh: bool, report: SourceReport
) -> tuple[ChosenPeople, BuildReport]:
    """Build, and choose others in place of whoever has no usable photo, until there are enough people."""
    from pipeline.gallery import building, editing, managing

    if fresh:
        managing.drop_unfinished_build(name)
    settings = building.BuildSettings(photos_per_person=wanted.photos_per_person)
    added = 0
    for number in range(_ROUNDS):
        listed = chosen.listed()
        own = editing.added_people(name)
        people = replace(listed, people=itertools.chain(own, listed.people), count=len(own) + listed.count)
        built = building.build(
            name,
            people,
            models.detector,
            models.embedder,
            settings=settings,
            replace=fresh and number == 0,
            progress=_shown(report),
        )
        added += built.faces_added
        missing = chosen.names().keys() - _people(name, chosen)
        others = chosen.replace(missing, report) if missing else None
        if others is None:
            break
        chosen = others
    return chosen, replace(built, faces_added=added)


def _shown(report: SourceReport) -> Callable[[BuildProgress], None]:
    """Shows the progress of a build, with the photos a second."""
    begun = time.monotonic()

    def show(done: BuildProgress) -> None:
        rate = done.photos / max(time.monotonic() - begun, 1e-3)
        photos = f"{counted(done.photos, 'photo')}, {rate:.1f} a second"
        detail = f"{done.people:,} of {done.people_total:,} people, {photos}"
        report(MEASURING, done.people, done.people_total, detail)

    return show


def _people(name: str, chosen: ChosenPeople) -> set[str]:
    """The keys, in the source, of the people of the gallery."""
    from pipeline.gallery import opening, refreshing

    return refreshing.people_in(opening.read_gallery(name), chosen.source, chosen.photos())


def _prune(name: str, chosen: ChosenPeople) -> None:
    from pipeline.gallery import refreshing

    refreshing.prune(name, chosen.source, chosen.photos())


def _fit_map(name: str, report: SourceReport) -> None:
    """Fit the map of the gallery, unless it has one that fits."""
    from pipeline.gallery import opening
    from pipeline.map import fitting
    from pipeline.map.files import open_map, save_map

    opened = opening.open_gallery(name)
    try:
        open_map(opened)
    except MapError:
        report(MAPPING)
        save_map(opened, fitting.fit_map(opened, progress=lambda stage, *_: report(MAPPING, detail=stage)))


def _tell(name: str, opened: Gallery | None, chosen: ChosenPeople) -> None:
    """What a build would change."""
    from pipeline.gallery import refreshing

    found = refreshing.changes(opened, chosen.source, chosen.photos())
    known = chosen.names()
    say(f"Gallery {name} would have {counted(len(known), 'person', 'people')}:")
    say(f"  {len(found.new):>6}  new{_some([known[key] for key in found.new])}")
    say(f"  {len(found.gone):>6}  taken out{_some(found.gone)}")
    say(f"  {found.new_portraits:>6}  with another portrait")
    say(f"  {found.gone_photos:>6}  photos taken out of those who stay")
    say(f"  {found.credits:>6}  photos with another author or licence")
    for line in chosen.summary(known.keys()):
        say(line)
    say("Nothing was changed.")


def _some(names: list[str], most: int = 5) -> str:
    if not names:
        return ""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f": {', '.join(names[:most])}{more}"
