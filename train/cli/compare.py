"""``compare``: every system under one protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.console import named, number, print_table, say, switch, whole
from pipeline.errors import UserError
from train.cli.shared import loading_tensorflow


def compare(
    systems: Annotated[
        list[str] | None,
        typer.Argument(metavar="SYSTEM", help="Names, as --list prints them. Without any: all.", show_default=False),
    ] = None,
    list_systems: Annotated[bool, switch("--list", "Print the names of the systems and exit.")] = False,
    lfw: Annotated[
        Path | None, named("Where lfw/ and pairs.txt are.", "FOLDER", show_default="LOOKSLIKEWHO_LFW")
    ] = None,
    embedder: Annotated[
        list[str] | None, named("An ONNX model of your own. May be repeated.", "MODEL.onnx", show_default=False)
    ] = None,
    steps: Annotated[int, number("Batches in an epoch.")] = 50,
    epochs: Annotated[int, number("Epochs.")] = 10,
    seed: Annotated[int, whole("Seed of everything random.")] = 0,
) -> None:
    """Compare every system on LFW.

    Runs embedders, classifiers, similarity nets, last layers and networks trained from scratch under one protocol on
    Labeled Faces in the Wild, and prints them side by side. Finished systems are not run again.
    """
    with loading_tensorflow():
        from train.datasets.lfw import LFW
        from train.systems import registry, results
        from train.systems.compare import compare_systems
        from train.systems.inputs import LFWInputs
        from train.systems.system import Budget

    known = registry.systems(embedder or [])
    if list_systems:
        print_table(("name", "system"), [(name, system.title) for name, system in known.items()])
        return
    unknown = [name for name in systems or [] if name not in known]
    if unknown:
        raise UserError(f"There is no system {unknown[0]}.", command="python -m train compare --list")
    budget = Budget(steps, epochs, seed=seed)
    inputs = LFWInputs(LFW(lfw), budget)
    rows = compare_systems([known[name] for name in systems or known], inputs)
    finished = [row for row in rows if "rank_1" in row]
    print_table(results.HEAD, [results.cells(row) for row in finished], numbers=range(1, 10))
    for row in rows:
        if "reason" in row:
            say(f"{row['system']}: {row['reason']}")
