"""``find`` and ``compare``: look faces up."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pipeline.cli.console import choice, counted, named, number, print_table, say, say_json, switch, warn, working
from pipeline.cli.models import load_models
from pipeline.errors import GalleryError, UserError
from pipeline.gallery.layout import DEMONSTRATION
from pipeline.photo import INCOMPLETE, load
from pipeline.registries import describe
from pipeline.similarity.registry import DEFAULT_SCORER, SCORERS, load_scorer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.lookalikes import Found, Lookalikes, Match
    from pipeline.search.ranking import Method

NOTE = "Resemblance is entertainment: it says how alike two photos are, never who somebody is."
_METHODS = ("min", "average")
_METHOD = "Rank people by their most similar photo (min), or by the mean of their three most similar (average)."


def find(
    photos: Annotated[
        list[Path], typer.Argument(metavar="PHOTO", help="JPEG, PNG, WebP, GIF or HEIC.", show_default=False)
    ],
    gallery: Annotated[str, named("The gallery to search.")] = DEMONSTRATION,
    top: Annotated[int, number("How many people to list.")] = 10,
    face: Annotated[int, number("Which face of the photo; 1 is the most prominent.")] = 1,
    method: Annotated[
        str,
        choice(_METHODS, _METHOD),
    ] = "min",
    scorer: Annotated[str, named(_scorers())] = DEFAULT_SCORER,
    exact: Annotated[
        bool, switch("--exact", "Score every photo of the gallery, not only the nearest by cosine.")
    ] = False,
    exclude: Annotated[
        list[str], typer.Option(metavar="NAME", help="Leave out the people with this name. Can be repeated.")
    ] = [],  # noqa: B006 - Typer copies it
    as_json: Annotated[bool, switch("--json", "Print JSON instead of a table.")] = False,
) -> None:
    """Rank the people of a gallery by resemblance to a photo."""
    from pipeline.lookalikes import Found, Lookalikes

    # Report a photo that cannot be read before loading the networks, which takes seconds.
    first = _read(photos[0]) if len(photos) == 1 else None
    with working("Loading the networks"):
        lookalikes = Lookalikes.open(gallery, scorer=scorer)
    left_out = _left_out(lookalikes, exclude)
    looked = []
    with working("Looking for faces"):
        for path in photos:
            try:
                looked.append((path, *lookalikes.look(_read(path) if first is None else first, face)))
            except UserError as error:
                if len(photos) == 1:
                    raise
                warn(f"{path}: {error}")
    probes = [probe for *_, probe in looked]
    ranked = lookalikes.rank(probes, top, method=cast("Method", method), exact=exact, exclude=left_out)
    found = [(path, Found(faces, face, matches)) for (path, faces, _), matches in zip(looked, ranked, strict=True)]
    if as_json:
        _print_json(found, alone=len(photos) == 1)
    else:
        _print_tables(found, alone=len(photos) == 1)
        _explain_uncalibrated(lookalikes)
    if len(looked) < len(photos):
        raise UserError(f"{len(photos) - len(looked)} of {counted(len(photos), 'photo')} could not be looked up.")


def _scorers() -> str:
    return f"What measures the distance. {describe(SCORERS)}. Or the name of a finished run, for its network."


def _left_out(lookalikes: Lookalikes, names: list[str]) -> list[str]:
    """The keys of the people with these names. Raises GalleryError if nobody has one of them."""
    from pipeline.gallery import editing

    people: list[str] = []
    for name in names:
        found = editing.find_people(lookalikes.gallery, name)
        if not found:
            raise GalleryError(f"There is no {name} in the gallery {lookalikes.gallery.name}.")
        people += found
    return people


def _read(path: Path) -> NDArray[np.uint8]:
    """The pixels of a photo. Says so where part of it is missing."""
    loaded = load(path)
    if loaded.incomplete:
        warn(f"{path}: {INCOMPLETE}")
    return loaded.pixels


def _print_json(found: list[tuple[Path, Found]], alone: bool) -> None:
    values = [{"photo": str(path), **asdict(of)} for path, of in found]
    for match in (match for of in values for match in of["matches"]):
        # JSON has no NaN.
        match["resemblance"] = None if math.isnan(match["resemblance"]) else match["resemblance"]
    say_json(values[0] if alone else values)


def _print_tables(found: list[tuple[Path, Found]], alone: bool) -> None:
    for path, of in found:
        if not alone:
            say()
            say(str(path))
        if len(of.faces) > 1:
            warn(f"Face {of.face} of {len(of.faces)}. Choose another with --face N.")
        print_matches(of.matches)
    if found:
        say(NOTE)


def _explain_uncalibrated(lookalikes: Lookalikes) -> None:
    """Say why there is no resemblance, if there is none."""
    if not math.isnan(lookalikes.scorer.calibration.middle):
        return
    if lookalikes.scorer.name in SCORERS:
        model = lookalikes.gallery.manifest["embedding"]["model"]
        say(
            f"This gallery was made with the embedder {model}, so people are ranked by cosine, without a "
            "resemblance. A network trained on it gives one: python -m train fit, then release"
        )
    else:
        say("The run held out too few people to fit a resemblance.")


def print_matches(matches: list[Match]) -> None:
    """The table of ranked people."""
    rows = [
        (
            str(match.rank),
            match.name + (" (the same photo)" if match.copy else ""),
            "–" if math.isnan(match.resemblance) else f"{match.resemblance:.0f}",
            f"{match.distance:.4f}",
            match.source,
            str(match.crop_path),
        )
        for match in matches
    ]
    print_table(("rank", "name", "resemblance", "distance", "source", "crop"), rows, numbers={0, 2, 3})


def compare(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The first photo.")],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="The second photo.")],
    scorer: Annotated[str, named(_scorers())] = DEFAULT_SCORER,
    as_json: Annotated[bool, switch("--json", "Print JSON instead of words.")] = False,
) -> None:
    """Compare the faces in two photos."""
    from pipeline.lookalikes import compare as compare_photos

    pictures = _read(photo), _read(other)
    fitted = load_scorer(scorer)
    result = compare_photos(pictures, load_models(), fitted)
    if as_json:
        values = {name: value for name, value in vars(result).items() if name != "portraits"}
        say_json(values)
        return
    verdict = "two photos of the same person" if result.same else "photos of different people"
    say(f"As alike as {verdict}: resemblance {result.resemblance:.0f}, distance {result.distance:.4f}.")
    say(f"Most pairs nearer than {result.threshold:.4f} show the same person. Cosine {result.cosine:.4f}.")
    say(NOTE)
