"""``build``, ``remove``, ``galleries`` and ``check``: galleries and their people."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline import storage
from pipeline.cli.console import choice, counted, named, number, print_table, progress, switch
from pipeline.cli.models import load_models
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS, load_embedder, name_of
from pipeline.errors import GalleryError
from pipeline.gallery import layout
from pipeline.gallery.layout import folder_of
from pipeline.registries import describe
from pipeline.sources.base import SourcePeople
from pipeline.sources.registry import DEFAULT_SOURCE, SOURCES, sources_help

if TYPE_CHECKING:
    from pipeline.embedding.base import Embedder
    from pipeline.gallery.building import BuildProgress, BuildReport
    from pipeline.lookalikes import Models
    from pipeline.sources.base import Source

_MISSING_SHOWN = 5


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
    photos_per_person: Annotated[int, number("How many photos of each person to use.")] = 10,
    embedder: Annotated[str | None, named(_embedders(), show_default="that of the gallery, or facenet")] = None,
    fresh: Annotated[bool, switch("--fresh", "Rebuild the gallery if it exists.")] = False,
) -> None:
    """Build a gallery of your own people, or add people to one."""
    folder_name = (path or folder or Path()).resolve().name
    name = gallery or (folder_name if source == DEFAULT_SOURCE else source)
    folder_of(name)
    people = _people(name, SOURCES[source], path or folder)
    models = load_models(_embedder(embedder, name, fresh))
    fill(name, people, models, photos_per_person=photos_per_person, fresh=fresh)
    print(f"Try it: python -m pipeline find PHOTO --gallery {shlex.quote(name)}")


def _embedders() -> str:
    text = "What embeds faces, or the path of an ONNX model with its settings in a JSON file beside it."
    return f"{text} {describe(EMBEDDERS)}."


def _embedder(wanted: str | None, name: str, fresh: bool) -> Callable[[], Embedder] | None:
    """Loads the embedder that was asked for, or else the gallery's own. None: the default one."""
    manifest = None if fresh else storage.read_manifest(folder_of(name))
    chosen = wanted or (name_of(manifest["embedding"]) if manifest else None)
    return None if chosen in (None, DEFAULT_EMBEDDER) else lambda: load_embedder(chosen)


def _people(name: str, source: Source, place: Path | None) -> SourcePeople:
    """The people of the source, after those who were added to the gallery by hand."""
    from pipeline.gallery import editing

    own = editing.added_people(name)
    others = SourcePeople((), 0) if own and source.needs_path and place is None else source.open(place)
    return SourcePeople(itertools.chain(own, others.people), len(own) + others.count)


def fill(name: str, people: SourcePeople, models: Models, *, photos_per_person: int, fresh: bool) -> None:
    """Build a gallery with a progress bar and print the result."""
    from pipeline.gallery import building, managing

    if fresh:
        managing.clear_gallery(name)
    settings = building.BuildSettings(photos_per_person=photos_per_person)
    with progress() as report:

        def show(done: BuildProgress) -> None:
            detail = f"{done.people:,} of {done.people_total:,} people, {counted(done.photos, 'photo')}"
            report(f"Building {name}", done.people, done.people_total, detail)

        built = building.build(name, people, models.detector, models.embedder, settings=settings, progress=show)
    _print_report(name, built)


def _print_report(name: str, built: BuildReport) -> None:
    people, faces = counted(built.people, "person", "people"), counted(built.faces, "face")
    print(f"Gallery {name}: {people}, {faces} ({built.faces_added:,} new).")
    if built.rejected:
        print(f"Left out {counted(sum(built.rejected.values()), 'photo')}; {built.report_path} says why:")
        for kind, count in sorted(built.rejected.items(), key=lambda item: -item[1]):
            print(f"  {count:>6}  {kind}")
    if built.missing:
        more = len(built.missing) - _MISSING_SHOWN
        names = ", ".join(built.missing[:_MISSING_SHOWN]) + (f" and {more} more" if more > 0 else "")
        print(f"Without a usable photo: {names}.")


def remove(
    person: Annotated[str, typer.Argument(metavar="NAME", help="The person's name in the gallery.")],
    gallery: Annotated[str, named("The gallery.")],
) -> None:
    """Remove a person and all their photos from a gallery."""
    from pipeline.gallery import editing, opening

    opened = opening.read_gallery(gallery)
    found = editing.find_people(opened, person)
    if not found:
        raise GalleryError(f"There is no {person} in the gallery {gallery}.")
    if len(found) > 1:
        raise GalleryError(f"Several people have this name. Use one of: {', '.join(found)}")
    count = editing.remove_person(gallery, found[0])
    print(f"Removed {person} from {gallery}: {counted(count, 'photo')}.")


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


def check(gallery: Annotated[str, typer.Argument(metavar="GALLERY", help="Its name.")]) -> None:
    """Check a gallery: counts, hashes, damaged rows."""
    from pipeline.gallery import checking, opening

    opened = opening.open_gallery(gallery)
    model = opened.manifest["embedding"]["model"]
    print(f"Gallery {opened.name}: {opened.people_count:,} people, {len(opened):,} faces, embedder {model}.")
    found = list(checking.problems(opened))
    for problem in found:
        print(f"  {problem}")
    if found:
        raise GalleryError(
            f"The gallery {gallery} has {counted(len(found), 'problem')}. Rebuild it from its photos.",
            command=layout.build_command(gallery, fresh=True),
        )
    print("All hashes, embeddings and crops are in order.")
