"""``find`` and ``compare``: look faces up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pipeline import answers
from pipeline.answers import NOTE
from pipeline.cli.console import choice, counted, named, number, print_table, say, say_json, switch, warn, working
from pipeline.cli.index import Index
from pipeline.cli.models import load_models
from pipeline.errors import UserError
from pipeline.gallery.layout import DEMONSTRATION
from pipeline.photo import INCOMPLETE, load
from pipeline.registries import describe
from pipeline.similarity.registry import DEFAULT_SCORER, SCORERS, load_scorer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.faces.face import Face
    from pipeline.lookalikes import Found, Lookalikes, Match, Probe
    from pipeline.search.ranking import Method

    # A photo's name, its faces, and the one that is looked up.
    _Looked = tuple[str, list[Face], Probe]

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
    where: Annotated[
        list[str],
        typer.Option(
            metavar="CONDITION",
            help="Only people of whom a column of the gallery says this: occupation=actor, sex=female|male, "
            "born=1980..1999. Can be repeated: all must hold.",
        ),
    ] = [],  # noqa: B006 - Typer copies it
    together: Annotated[bool, switch("--together", "Look up the photos as one: they show the same face.")] = False,
    as_json: Annotated[bool, switch("--json", "Print JSON instead of a table.")] = False,
    index: Index = None,
) -> None:
    """Rank the people of a gallery by resemblance to a photo."""
    from pipeline.gallery import editing
    from pipeline.gallery.columns import Condition
    from pipeline.lookalikes import Found, Lookalikes
    from pipeline.together import combined

    # Report what cannot be read before loading the networks, which takes seconds.
    conditions = [Condition.parse(text) for text in where]
    first = _read(photos[0]) if len(photos) == 1 else None
    with working("Loading the networks"):
        lookalikes = Lookalikes.open(gallery, scorer=scorer)
    left_out = editing.people_called(lookalikes.gallery, exclude)
    looked = _look(lookalikes, photos, face, first, together=together)
    missed = len(photos) - len(looked)
    if together and looked:
        name = ", ".join(name for name, *_ in looked)
        looked = [(name, looked[0][1], combined([probe for *_, probe in looked]))]
    probes = [probe for *_, probe in looked]
    ranked = lookalikes.rank(
        probes, top, method=cast("Method", method), exact=exact, exclude=left_out, where=conditions
    )
    found = [(name, Found(faces, face, matches)) for (name, faces, _), matches in zip(looked, ranked, strict=True)]
    alone = len(photos) == 1 or together
    if as_json:
        _print_json(found, alone=alone)
    else:
        _print_tables(found, alone=alone)
        _explain_uncalibrated(lookalikes)
    if missed:
        raise UserError(f"{missed} of {counted(len(photos), 'photo')} could not be looked up.")


def _look(
    lookalikes: Lookalikes, photos: list[Path], face: int, first: NDArray[np.uint8] | None, *, together: bool
) -> list[_Looked]:
    """The photos in which the face is found, with all faces and the one that is looked up.

    first: the pixels of the only photo, if there is only one; then what is wrong with it is raised. together: all
    photos after the first one show the same face, whatever its number.
    """
    looked: list[_Looked] = []
    with working("Looking for faces"):
        for path in photos:
            try:
                if together and looked:
                    looked.append(_look_for(looked[0][2], lookalikes, path))
                else:
                    looked.append((str(path), *lookalikes.look(_read(path) if first is None else first, face)))
            except UserError as error:
                if len(photos) == 1:
                    raise
                warn(f"{path}: {error}")
    return looked


def _look_for(probe: Probe, lookalikes: Lookalikes, path: Path) -> _Looked:
    """Another photo of a face. Says so where it seems to show somebody else. Raises UserError."""
    from pipeline.together import same_face, seems_somebody_else

    pixels = _read(path)
    faces = lookalikes.models.faces(pixels)
    _, other = same_face(lookalikes.models, pixels, faces, probe)
    if seems_somebody_else(probe, other, lookalikes.scorer):
        warn(f"{path}: this seems to be somebody else. It counts all the same.")
    return str(path), faces, other


def _scorers() -> str:
    return f"What measures the distance. {describe(SCORERS)}. Or the name of a finished run, for its network."


def _read(path: Path) -> NDArray[np.uint8]:
    """The pixels of a photo. Says so where part of it is missing."""
    loaded = load(path)
    if loaded.incomplete:
        warn(f"{path}: {INCOMPLETE}")
    return loaded.pixels


def _print_json(found: list[tuple[str, Found]], alone: bool) -> None:
    values = [{"photo": name, **answers.found_json(of)} for name, of in found]
    say_json(values[0] if alone and values else values)


def _print_tables(found: list[tuple[str, Found]], alone: bool) -> None:
    for name, of in found:
        if not alone:
            say()
            say(name)
        if len(of.faces) > 1:
            warn(f"Face {of.face} of {len(of.faces)}. Choose another with --face N.")
        print_matches(of.matches)
    if found:
        say(NOTE)


def _explain_uncalibrated(lookalikes: Lookalikes) -> None:
    """Say why there is no resemblance, if there is none."""
    if lookalikes.scorer.calibration.strangers:
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
            f"{match.resemblance:3.0f} {match.phrase}" if match.has_resemblance else "–",
            f"{match.closer_than}%" if match.has_resemblance else "–",
            f"{match.distance:.4f}",
            match.source,
            str(match.crop_path),
        )
        for match in matches
    ]
    head = ("rank", "name", "resemblance", "closer than", "distance", "source", "crop")
    print_table(head, rows, numbers={0, 3, 4})


def compare(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The first photo.")],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="The second photo.")],
    scorer: Annotated[str, named(_scorers())] = DEFAULT_SCORER,
    as_json: Annotated[bool, switch("--json", "Print JSON instead of words.")] = False,
) -> None:
    """Compare the faces in two photos."""
    from pipeline.comparison import compare as compare_photos

    pictures = _read(photo), _read(other)
    fitted = load_scorer(scorer)
    result = compare_photos(pictures, load_models(), fitted)
    if as_json:
        say_json(answers.comparison_json(result))
        return
    verdict = "two photos of the same person" if result.same else "photos of different people"
    say(f"As alike as {verdict}: distance {result.distance:.4f}.")
    if result.has_resemblance:
        likeness = f"{result.phrase}, closer than {result.closer_than}% of strangers"
        say(f"Resemblance {result.resemblance:.0f}: {likeness}.")
    say(f"Most pairs nearer than {result.threshold:.4f} show the same person. Cosine {result.cosine:.4f}.")
    say(NOTE)
