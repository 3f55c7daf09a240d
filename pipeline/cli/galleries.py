"""``build``, ``remove``, ``rename``, ``merge``, ``galleries`` and ``check``: galleries and their people."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline import storage
from pipeline.cli.chosen import build_chosen
from pipeline.cli.console import choice, counted, named, number, print_table, progress, say, switch, warn
from pipeline.cli.index import Index
from pipeline.cli.models import load_models
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS, entry_of, load_embedder
from pipeline.errors import GalleryError, UserError
from pipeline.gallery import layout
from pipeline.gallery.layout import folder_of
from pipeline.gallery.screening import RejectionKind
from pipeline.registries import describe
from pipeline.sources.base import Selection, SourcePeople
from pipeline.sources.registry import DEFAULT_SOURCE, SOURCES, sources_help

if TYPE_CHECKING:
    from pipeline.embedding.base import Embedder
    from pipeline.gallery.building import BuildProgress, BuildReport
    from pipeline.lookalikes import Models
    from pipeline.sources.base import Source

_SHOWN_MAX = 5
_PHOTOS_PER_PERSON = 10


def build(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="One folder for each person, or photos named after people. Photos added in the app are always kept.",
            show_default=False,
        ),
    ] = None,
    gallery: Annotated[str | None, named("The gallery.", show_default="the name of the folder or source")] = None,
    source: Annotated[str, choice(SOURCES, f"Where the people come from. {sources_help()}")] = DEFAULT_SOURCE,
    path: Annotated[
        Path | None, named("Where the photos are; the same as FOLDER.", "FOLDER", show_default=False)
    ] = None,
    photos_per_person: Annotated[
        int | None,
        number(
            "How many photos of each person to use.",
            show_default=f"10, or {Selection.photos_per_person} of celebrities",
        ),
    ] = None,
    people: Annotated[
        int | None, number("How many celebrities to choose.", show_default=f"{Selection.people:,}")
    ] = None,
    anyone: Annotated[
        bool,
        switch(
            "--any",
            "Choose the best-known celebrities, whatever the shares of women, countries, eras and occupations.",
        ),
    ] = False,
    dry_run: Annotated[bool, switch("--dry-run", "Only say what would change in a gallery of celebrities.")] = False,
    embedder: Annotated[
        str | None, named(_embedders(), show_default=f"that of the gallery, or {DEFAULT_EMBEDDER}")
    ] = None,
    fresh: Annotated[bool, switch("--fresh", "Rebuild the gallery if it exists.")] = False,
    index: Index = None,
    ray: Annotated[
        str | None,
        named(
            "Have workers in a Ray cluster screen the photos: local, a worker for each core of this machine, or the "
            "address of a cluster that shares the data folder and the photos.",
            "local|ADDRESS",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Build a gallery of your own people, or add people to one."""
    name = folder_of(gallery).name if gallery is not None else _default_name(source, path or folder)

    def load() -> Models:
        return load_models(_embedder(embedder, name, fresh))

    if SOURCES[source].choose and not (path or folder):
        if ray:
            raise UserError("--ray is for photos that are there already, not for sources that fetch them.")
        wanted = Selection(people or Selection.people, not anyone, photos_per_person or Selection.photos_per_person)
        built = build_chosen(name, SOURCES[source], wanted, load=load, fresh=fresh, dry_run=dry_run)
        if built is None:
            return
    else:
        _refuse_choices(people=people is not None, anyone=anyone, dry_run=dry_run)
        listed = _people(name, SOURCES[source], path or folder)
        _warn_of_cameras(listed)
        photos = photos_per_person or _PHOTOS_PER_PERSON
        built = _fill(name, listed, load(), photos_per_person=photos, fresh=fresh, ray=ray)
    print_report(name, built)
    say(f"Try it: python -m pipeline find PHOTO --gallery {shlex.quote(name)}")


def _refuse_choices(**given: bool) -> None:
    """Raises UserError if an option was given that only a source that chooses people takes."""
    for name, is_given in given.items():
        if is_given:
            option = {"anyone": "--any"}.get(name, f"--{name.replace('_', '-')}")
            choosing = " or ".join(name for name, source in SOURCES.items() if source.choose)
            raise UserError(f"{option} is for the source {choosing}, which chooses people.")


def _default_name(source: str, place: Path | None) -> str:
    """The gallery's name if none is given: that of the folder or source."""
    text = SOURCES[source].gallery or source
    if source == DEFAULT_SOURCE:
        text = os.path.realpath(place or Path()).rpartition(os.sep)[2]
    try:
        return folder_of(text).name
    except GalleryError as error:
        raise GalleryError(str(error), command="python -m pipeline build FOLDER --gallery NAME") from error


def _embedders() -> str:
    text = "What embeds faces, or the path of an ONNX model with its settings in a JSON file beside it."
    return f"{text} {describe(EMBEDDERS)}."


def _embedder(wanted: str | None, name: str, fresh: bool) -> Callable[[], Embedder] | None:
    """Loads the embedder that was asked for, or else the gallery's own. None: the default one."""
    if wanted:
        return None if wanted == DEFAULT_EMBEDDER else lambda: load_embedder(wanted)
    manifest = None if fresh else storage.read_manifest(folder_of(name))
    # Opening says what is wrong with a damaged one.
    identity = manifest.get("embedding") if manifest else None
    entry = entry_of(identity) if isinstance(identity, dict) else None
    return entry.load if entry and entry.name != DEFAULT_EMBEDDER else None


def _people(name: str, source: Source, place: Path | None) -> SourcePeople:
    """The people of the source, after those who were added to the gallery by hand."""
    from pipeline.gallery import editing

    own = editing.added_people(name)
    others = SourcePeople((), 0) if own and source.needs_path and place is None else source.open(place)
    people = itertools.chain(own, others.people)
    return SourcePeople(people, len(own) + others.count, others.skipped, others.camera_names)


def _warn_of_cameras(people: SourcePeople) -> None:
    """Say which people are called what cameras call photos."""
    if people.camera_names:
        named = [f"{name} ({counted(photos, 'photo')})" for name, photos in people.camera_names.items()]
        warn(
            f"These names are a camera's rather than people's: {_some(named)}. Rename the photos after the people on "
            "them, or put them into one folder for each person."
        )


def _fill(
    name: str, people: SourcePeople, models: Models, *, photos_per_person: int, fresh: bool, ray: str | None
) -> BuildReport:
    """Build a gallery, or rebuild it if it is ``fresh``, with a progress bar. ray: the address of workers, if any."""
    from pipeline.gallery import building, managing
    from pipeline.gallery.workers import LoadNetworks, RayWorkers

    if fresh:
        managing.drop_unfinished_build(name)
    settings = building.BuildSettings(photos_per_person=photos_per_person)
    with progress() as report:

        def show(done: BuildProgress) -> None:
            detail = f"{done.people:,} of {done.people_total:,} people, {counted(done.photos, 'photo')}"
            report(f"Building {name}", done.people, done.people_total, detail)

        workers = RayWorkers(ray, LoadNetworks(models.detector.name, models.embedder.identity)) if ray else None
        return building.build(
            name,
            people,
            models.detector,
            models.embedder,
            settings=settings,
            replace=fresh,
            progress=show,
            workers=workers,
        )


def print_report(name: str, built: BuildReport) -> None:
    """Print what a build has made of a gallery, and what it left out."""
    people, faces = counted(built.people, "person", "people"), counted(built.faces, "face")
    say(f"Gallery {name}: {people}, {faces} ({built.faces_added:,} new).")
    if built.rejected:
        skipped = built.rejected.get(RejectionKind.SKIPPED, 0)
        photos = sum(built.rejected.values()) - skipped
        parts = [f"left out {counted(photos, 'photo')}"] if photos else []
        parts += [f"skipped {counted(skipped, 'file or folder', 'files or folders')}"] if skipped else []
        say(f"{' and '.join(parts).capitalize()}; {built.report_path} says why:")
        for kind, count in sorted(built.rejected.items(), key=lambda item: -item[1]):
            say(f"  {count:>6}  {kind}")
    if built.missing:
        say(f"Without a usable photo: {_some(built.missing)}.")
    if built.incomplete:
        incomplete = [str(path) for path in built.incomplete]
        say(f"Added although part of the photo is missing, because its file is incomplete: {_some(incomplete)}.")
    if built.shared:
        say(f"The same photo is under several people: {_some(list(map(' and '.join, built.shared)))}.")


def _some(items: list[str]) -> str:
    """The first few, and how many more there are."""
    more = len(items) - _SHOWN_MAX
    return ", ".join(items[:_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


def remove(
    person: Annotated[str, typer.Argument(metavar="NAME", help="The person's name in the gallery.")],
    gallery: Annotated[str, named("The gallery.")],
) -> None:
    """Remove a person and all their photos from a gallery."""
    from pipeline.gallery import left_out, removing

    name, key = _find(gallery, person)
    removed = removing.remove_person(name, key)
    say(f"Removed {person} from {name}: {counted(len(removed), 'photo')}.")
    if removed.left_out:
        say(f"A refresh does not bring {person} back: {folder_of(name) / left_out.FILE} has {removed.left_out}.")


def rename(
    person: Annotated[str, typer.Argument(metavar="NAME", help="The person's name in the gallery.")],
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    gallery: Annotated[str, named("The gallery.")],
) -> None:
    """Rename a person of a gallery."""
    from pipeline.gallery import reassigning

    name, key = _find(gallery, person)
    say(f"Renamed {person} in {name} to {reassigning.rename_person(name, key, new_name)}.")


def merge(
    person: Annotated[str, typer.Argument(metavar="NAME", help="The person whose photos the other one gets.")],
    into: Annotated[str, typer.Argument(metavar="OTHER", help="The person who stays.")],
    gallery: Annotated[str, named("The gallery.")],
) -> None:
    """Merge two people of a gallery who are one."""
    from pipeline.gallery import reassigning

    name, key = _find(gallery, person)
    count = reassigning.merge_people(name, key, _find(gallery, into)[1])
    say(f"Merged {person} into {into} in {name}: {counted(count, 'photo')}.")


def _find(gallery: str, person: str) -> tuple[str, str]:
    """The gallery's name and the key of the one person of this name. Raises GalleryError."""
    from pipeline.gallery import editing, opening

    opened = opening.read_gallery(gallery)
    found = editing.find_people(opened, person)
    if not found:
        raise GalleryError(f"There is no {person} in the gallery {opened.name}.")
    if len(found) > 1:
        raise GalleryError(f"Several people have this name. Use one of: {', '.join(found)}")
    return opened.name, found[0]


def list_galleries() -> None:
    """List the galleries."""
    rows = []
    for name in layout.names():
        manifest = storage.read_manifest(folder_of(name)) or {}
        numbers = (str(manifest.get("people", "?")), str(manifest.get("faces", "?")))
        rows.append((name, *numbers, str(manifest.get("written", ""))[:10], str(folder_of(name))))
    if not rows:
        raise GalleryError("There is no gallery yet.", command="python -m pipeline setup")
    print_table(("gallery", "people", "faces", "written", "folder"), rows, numbers={1, 2})
