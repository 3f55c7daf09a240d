"""What the commands of training share: names of runs, their lock, and what is written down about a gallery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from numpy.typing import NDArray

from pipeline.cli.console import working
from train.runs.files import run_folder

if TYPE_CHECKING:
    from pipeline.gallery.gallery import Gallery


def run_name(text: str) -> str:
    """The name of a run, spelt as that of the run that is there. Raises UserError if no run can have it."""
    return run_folder(text).name


def arguments_of(context: typer.Context) -> list[str]:
    """The arguments of ``python -m train`` that repeat this command."""
    given: list[str] = context.find_root().obj
    return given[given.index(context.info_name or "") :]


@contextmanager
def loading_tensorflow() -> Iterator[None]:
    """Load TensorFlow, and import in the block what needs it, with a sign of life."""
    with working("Loading TensorFlow"):
        from pipeline.tensorflow_loader import load_tensorflow

        load_tensorflow()
        yield


def about(opened: Gallery) -> dict[str, Any]:
    """What a run's settings say about the gallery it was trained on."""
    return {"gallery": opened.name, "embedding": opened.manifest["embedding"], "people": opened.people_count}


def names_of(opened: Gallery) -> NDArray[np.str_]:
    """The name of each row's person (faces,), spelt the same for every source."""
    return np.array([name.replace("_", " ") for name in opened.faces["name"].to_pylist()])
