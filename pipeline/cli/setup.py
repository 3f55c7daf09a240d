"""``setup``: everything that the app and the command line need."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Annotated

from pipeline import storage
from pipeline.cli.console import say, switch, working
from pipeline.cli.find import NOTE, print_matches
from pipeline.cli.galleries import fill
from pipeline.cli.map import fit_missing_map
from pipeline.cli.models import load_models
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS, default_identity
from pipeline.errors import GalleryError
from pipeline.gallery import layout
from pipeline.gallery.layout import DEMONSTRATION, folder_of
from pipeline.sources.base import SourcePeople

# All photos of the five celebrities; everybody else has one.
_PHOTOS_PER_PERSON = 25


def setup(
    fresh: Annotated[bool, switch("--fresh", "Rebuild the demonstration gallery.")] = False,
) -> None:
    """Fetch the networks and build the demonstration gallery.

    Downloads weights and photos, builds the gallery and its map, and looks one photo up.
    """
    from pipeline.embedding.facenet_weights import fetch_facenet
    from pipeline.faces.yunet import fetch_yunet
    from pipeline.sources import demonstration

    fetch_facenet(working("Converting FaceNet's weights"))
    EMBEDDERS[DEFAULT_EMBEDDER].fetch()
    fetch_yunet()
    people = demonstration.demonstration_people()
    example = demonstration.example_photos()["Madonna"][0]
    stale = _demonstration_is_stale()
    if DEMONSTRATION in layout.names() and not (stale or fresh):
        fit_missing_map(DEMONSTRATION)
        say(f"Everything is set up. Try it: python -m pipeline find {example} --top 5")
        return
    from pipeline.lookalikes import Lookalikes

    if stale and not fresh and _has_another_embedder():
        title = EMBEDDERS[DEFAULT_EMBEDDER].title
        say(f"The demonstration gallery is built anew, because this version measures faces with {title}.")
    models = load_models()
    fill(
        DEMONSTRATION,
        _with_added(people),
        models,
        photos_per_person=_PHOTOS_PER_PERSON,
        fresh=stale or fresh,
        resume=not fresh,
    )
    fit_missing_map(DEMONSTRATION)
    say()
    say(f"An example: python -m pipeline find {example} --top 5")
    print_matches(Lookalikes.open(DEMONSTRATION, models=models).find(example, top=5).matches)
    say(NOTE)


def _with_added(people: SourcePeople) -> SourcePeople:
    """The demonstration's people, and those whom the user has added to it."""
    from pipeline.gallery import editing, opening
    from pipeline.sources import demonstration

    added = editing.added_people(DEMONSTRATION)
    with suppress(GalleryError):  # There is none yet, or it is damaged.
        known = [*demonstration.source_names(), editing.SOURCE]
        added += editing.people_besides(opening.read_gallery(DEMONSTRATION), known)
    return replace(people, people=[*added, *people.people], count=len(added) + people.count)


def _has_another_embedder() -> bool:
    manifest = storage.read_manifest(folder_of(DEMONSTRATION)) or {}
    return manifest.get("embedding", default_identity()) != default_identity()


def _demonstration_is_stale() -> bool:
    """Whether there is a demonstration gallery, finished or not, that was not made with the default embedder."""
    from pipeline.gallery import opening

    identity = default_identity()
    folder = folder_of(DEMONSTRATION)
    if storage.read_manifest(folder) is None:
        unfinished = storage.read_manifest(folder / "building")
        return unfinished is not None and unfinished.get("embedding") != identity
    try:
        opening.open_gallery(DEMONSTRATION, identity)
    except GalleryError:
        return True
    return False
