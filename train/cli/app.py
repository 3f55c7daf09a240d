"""The commands of ``python -m train``, and of ``lookslikewho``, which has those of the pipeline as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.cli import console
from pipeline.cli.app import add_commands
from train.cli.compare import compare
from train.cli.evaluate import evaluate
from train.cli.finetune import finetune
from train.cli.fit import fit
from train.cli.release import release
from train.cli.transfer import export, import_history
from train.cli.tune import tune

app = console.new_app("Learn a similarity from a gallery.")
_COMMANDS: dict[str, Callable[..., None]] = {
    "fit": fit,
    "evaluate": evaluate,
    "tune": tune,
    "finetune": finetune,
    "release": release,
    "compare": compare,
    "export": export,
    "import": import_history,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code, as :func:`pipeline.cli.console.run` says."""
    return console.run(app, arguments, "python -m train")


def everything() -> int:
    """Run one command of ``lookslikewho``: those of the pipeline, and those of training below ``train``."""
    commands = console.new_app("Find look-alikes.")
    add_commands(commands)
    commands.add_typer(app, name="train")
    return console.run(commands, None, "lookslikewho")
