"""The commands of ``python -m pipeline``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import typer

from pipeline.answers import NOTE
from pipeline.cli import console
from pipeline.cli.check import check
from pipeline.cli.find import compare, find
from pipeline.cli.galleries import build, list_galleries, merge, remove, rename
from pipeline.cli.map import map_gallery
from pipeline.cli.setup import setup

app = console.new_app(f"Find look-alikes. {NOTE}")
_COMMANDS: dict[str, Callable[..., None]] = {
    "find": find,
    "compare": compare,
    "build": build,
    "remove": remove,
    "rename": rename,
    "merge": merge,
    "map": map_gallery,
    "galleries": list_galleries,
    "check": check,
    "setup": setup,
}


def add_commands(to: typer.Typer) -> None:
    """Add the commands to a command line."""
    for name, command in _COMMANDS.items():
        to.command(name, epilog=NOTE)(command)


add_commands(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code, as :func:`pipeline.cli.console.run` says."""
    return console.run(app, arguments, "python -m pipeline")
