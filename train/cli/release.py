"""``release``: rank all galleries of an embedder by a run's network."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import storage
from pipeline.cli.console import named, say, working
from pipeline.gallery import opening
from pipeline.gallery.layout import DEMONSTRATION
from train.cli.shared import loading_tensorflow, names_of, run_name
from train.runs.files import CONFIG, run_folder


def release(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A finished run.", show_default=False)],
    gallery: Annotated[
        str | None, named("Whose people the resemblance is fitted on.", show_default="the run's gallery")
    ] = None,
) -> None:
    """Rank all galleries of a run's embedder by its network.

    Fits the resemblance of the network, and of the cosine, on people whom the run was not trained on. Other galleries
    of the same embedder then use them without further options.
    """
    run = run_name(run)
    config = storage.read_json(run_folder(run) / CONFIG) or {}
    opened = opening.open_gallery(gallery or config.get("gallery", DEMONSTRATION))
    with loading_tensorflow():
        from train.releasing import release_run
    with working("Fitting the resemblance"):
        released = release_run(run, opened, names_of(opened))
    error = "" if released.error is None else f" Its expected calibration error is {released.error:.4f}."
    say(
        f"Released {run}: galleries of its embedder are ranked by it. The resemblance was fitted on "
        f"{released.people} people it was not trained on.{error} Delete {released.folder} to undo this."
    )
