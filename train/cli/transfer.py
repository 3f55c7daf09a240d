"""``export`` and ``import``: runs for other tools, and from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.console import named, say
from pipeline.errors import UserError
from train.cli.shared import loading_tensorflow, run_name
from train.runs import catalogue
from train.runs.importing import import_csv


def export(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Runs, recorded ones as recorded/NAME.")],
    to: Annotated[str, named("Where to write.", "FOLDER")] = "tensorboard",
) -> None:
    """Write the curves of runs in TensorBoard's format, for tensorboard --logdir FOLDER."""
    known = {run.key: run for run in catalogue.all_runs()}
    keys = [name if name in known else run_name(name) for name in runs]
    for key in keys:
        if key not in known:
            raise UserError(f"There is no run {key}.")
    with loading_tensorflow():
        from train.runs.tensorboard import write_events
    for key in keys:
        write_events(known[key], Path(to))
    say(f"Wrote {', '.join(keys)}. Look at them with tensorboard --logdir {to}")


def import_history(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What Keras' CSVLogger wrote.", show_default=False)],
    run: Annotated[str, named("What the run is called here.")],
) -> None:
    """Make a run of a file of Keras' CSVLogger, to look at on the page Training."""
    path = Path(file)
    try:
        data = path.read_bytes()
    except OSError:
        raise UserError(f"The file {file} cannot be read.") from None
    made = import_csv(run, data, path.name)
    say(f"Imported {made.name} with {len(made.history)} epochs.")
