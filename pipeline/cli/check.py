"""``check``: whether everything in a gallery is as it was written, and making anew what is not."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.console import counted, progress, say, switch
from pipeline.cli.index import Index
from pipeline.cli.models import load_models
from pipeline.errors import EmptyGalleryError, GalleryError, MapError

if TYPE_CHECKING:
    from pipeline.gallery.gallery import Gallery

_SHOWN_MAX = 20


def check(
    gallery: Annotated[str, typer.Argument(metavar="GALLERY", help="Its name.")],
    repair: Annotated[
        bool, switch("--repair", "Make anew what is damaged, from the gallery and from photos that are still there.")
    ] = False,
    index: Index = None,
) -> None:
    """Check a gallery: counts, hashes, damaged rows, its map, its caches, and its collection in Milvus."""
    opened = _opened(gallery)
    model = opened.manifest["embedding"]["model"]
    say(f"Gallery {opened.name}: {opened.people_count:,} people, {len(opened):,} faces, embedder {model}.")
    found = list(_problems(opened))
    for problem in found[:_SHOWN_MAX]:
        say(f"  {problem}")
    if len(found) > _SHOWN_MAX:
        say(f"  and {len(found) - _SHOWN_MAX:,} more")
    if not found:
        say("All hashes, embeddings and crops are in order.")
    elif repair:
        _repair(opened)
    else:
        raise GalleryError(
            f"The gallery {opened.name} has {counted(len(found), 'problem')}. Repair it, or rebuild it.",
            command=f"python -m pipeline check {shlex.quote(opened.name)} --repair",
        )


def _opened(name: str) -> Gallery:
    from pipeline.gallery import layout, opening

    opened = opening.read_gallery(name, to_repair=True)
    if not len(opened):
        raise EmptyGalleryError(f"The gallery {name} has no people yet.", command=layout.build_command(name))
    return opened


def _problems(opened: Gallery) -> Iterator[str]:
    from pipeline.gallery import checking, mirroring
    from pipeline.map import files
    from pipeline.search import cache

    yield from checking.problems(opened)
    yield from mirroring.problems(opened)
    for _, problem in [*cache.problems(opened), *files.problems(opened)]:
        yield problem


def _repair(opened: Gallery) -> None:
    """Make anew what is damaged, and say what was and what could not be."""
    from pipeline.gallery import checking, layout, mirroring, opening, repairing, writing
    from pipeline.search import cache

    had_map = (opened.folder / layout.MAP).exists()
    if list(checking.problems(opened)):
        models = load_models(opening.entry_of_gallery(opened).load)
        repaired = repairing.repair(opened.name, models.detector, models.embedder)
        said = (counted(repaired.crops, "crop"), counted(repaired.embeddings, "embedding"))
        say(f"Made anew from photos: {said[0]}, {said[1]}.")
    for path, _ in cache.problems(opened):
        path.unlink(missing_ok=True)
    opened = opening.open_gallery(opened.name)
    if list(mirroring.problems(opened)):
        with writing.locked(opened.name, layout.EDIT_WAIT_SECONDS) as folder:
            mirroring.forget(folder)
        say("Sent all faces to the index anew.")
    _prepare_search(opened)
    _repair_maps(opened, had_map=had_map)
    left = list(_problems(opened))
    if left:
        raise GalleryError(
            f"This cannot be made anew, because the photos are no longer there: {'; '.join(left[:5])}. "
            "Remove these photos, or rebuild the gallery."
        )
    say("All hashes, embeddings and crops are in order.")


def _prepare_search(opened: Gallery) -> None:
    """Make the caches of the search that are missing."""
    from pipeline.search.search import Search
    from pipeline.similarity.registry import scorer_for

    Search(opened, scorer_for(opened.manifest["embedding"]))


def _repair_maps(opened: Gallery, *, had_map: bool) -> None:
    from pipeline.gallery import layout
    from pipeline.map import files, fitting

    for path, _ in files.problems(opened):
        path.unlink(missing_ok=True)
        if path.name == layout.CODES:
            say("Deleted the map of a network's codes: draw it again with map --network.")
    try:
        files.open_map(opened)
    except MapError:
        if had_map:
            with progress() as report:
                files.save_map(opened, fitting.fit_map(opened, progress=report))
            say("Drew the map anew.")
