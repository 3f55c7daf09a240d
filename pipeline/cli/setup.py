"""``setup``: everything that the app and the command line need."""

from __future__ import annotations

from typing import Annotated

from pipeline import storage
from pipeline.cli.console import switch, working
from pipeline.cli.find import NOTE, print_matches
from pipeline.cli.galleries import fill
from pipeline.cli.map import fit_missing_map
from pipeline.cli.models import load_models
from pipeline.errors import GalleryError
from pipeline.gallery import layout
from pipeline.gallery.layout import DEMONSTRATION, folder_of

# All photos of the five celebrities; everybody else has one.
_PHOTOS_PER_PERSON = 25


def setup(
    fresh: Annotated[bool, switch("--fresh", "Rebuild the demonstration gallery.")] = False,
) -> None:
    """Fetch the networks and build the demonstration gallery.

    Downloads weights and photos, builds the gallery and its map, and looks one photo up.
    """
    from pipeline.embedding.facenet_weights import fetch_facenet
    from pipeline.sources import demonstration

    fetch_facenet(working("Converting FaceNet's weights"))
    people = demonstration.demonstration_people()
    example = demonstration.example_photos()["Madonna"][0]
    stale = _demonstration_is_stale()
    if DEMONSTRATION in layout.names() and not (stale or fresh):
        fit_missing_map(DEMONSTRATION)
        print(f"Everything is set up. Try it: python -m pipeline find {example} --top 5")
        return
    from pipeline.lookalikes import Lookalikes

    models = load_models()
    fill(DEMONSTRATION, people, models, photos_per_person=_PHOTOS_PER_PERSON, fresh=stale or fresh)
    fit_missing_map(DEMONSTRATION)
    print(f"\nAn example: python -m pipeline find {example} --top 5")
    print_matches(Lookalikes.open(DEMONSTRATION, models=models).find(example, top=5).matches)
    print(NOTE)


def _demonstration_is_stale() -> bool:
    """Whether there is a demonstration gallery, finished or not, that this version cannot use."""
    from pipeline.embedding.registry import default_identity
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
