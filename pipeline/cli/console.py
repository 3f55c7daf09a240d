"""What every command shares: exit codes, option types, tables and progress bars."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import typer

from pipeline import storage
from pipeline.errors import UserError
from pipeline.registries import Entry, describe

_Item = TypeVar("_Item")
STOPPED = 130
# Longer lists of choices would push the help texts aside; those texts name the choices too.
_METAVAR_MAX = 36
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENOTDIR)


def new_app(help_text: str, *, epilog: str | None = None) -> typer.Typer:
    """An empty command line that prints plain help and leaves tracebacks to Python."""
    return typer.Typer(
        help=help_text,
        epilog=epilog,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        subcommand_metavar="COMMAND",
    )


def run(app: typer.Typer, arguments: Sequence[str] | None, program: str) -> int:
    """Run the command that the arguments name, and return the exit code.

    0: done. 1: user error, explained in one sentence on standard error. 2: wrong arguments. 130: stopped by Ctrl-C.
    The arguments are the ``obj`` of the command's context.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(given, prog_name=program, obj=given)
    except SystemExit as end:
        if end.code == STOPPED:
            print("Stopped. Run the same command again to continue.", file=sys.stderr)
        return int(end.code or 0)
    except UserError as error:
        print(error, file=sys.stderr)
        if error.command:
            print(f"Run: {error.command}", file=sys.stderr)
        return 1
    except OSError as error:
        ours = error.filename is None or Path(error.filename).is_relative_to(storage.home())
        if error.errno not in _UNWRITABLE or not ours:
            raise
        print(
            f"The data folder {storage.home()} cannot be written: {error.strerror}. "
            "Free some space, or set LOOKSLIKEWHO_HOME to another folder.",
            file=sys.stderr,
        )
        return 1
    return 0


# Options ------------------------------------------------------------------------------------------------------------


def choice(names: Collection[str] | Mapping[str, Entry], help_text: str) -> Any:
    """An option that takes one of some names. The help text explains those of a registry."""
    known = list(names)
    joined = "|".join(known)
    if isinstance(names, Mapping):
        help_text = f"{help_text} {describe(names)}."

    def parse(value: str) -> str:
        if value not in known:
            raise typer.BadParameter(f"'{value}' is not one of {', '.join(known)}.")
        return value

    return typer.Option(help=help_text, parser=parse, metavar=joined if len(joined) <= _METAVAR_MAX else "NAME")


def number(help_text: str | None = None, *, most: int | None = None) -> Any:
    """An option that takes a whole number of 1 or more."""
    return typer.Option(help=help_text, min=1, max=most, metavar="N")


def whole(help_text: str) -> Any:
    """An option that takes any whole number."""
    return typer.Option(help=help_text, metavar="N")


def decimal(help_text: str) -> Any:
    """An option that takes a decimal number."""
    return typer.Option(help=help_text, metavar="X")


def named(help_text: str, metavar: str = "NAME", **more: Any) -> Any:
    """An option that takes a name or a path."""
    return typer.Option(help=help_text, metavar=metavar, **more)


def switch(flag: str, help_text: str) -> Any:
    """An option that is on or off, without a ``--no-`` form."""
    return typer.Option(flag, help=help_text)


# Output -------------------------------------------------------------------------------------------------------------


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number with its noun: "1 photo", "2,000 photos"."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int] = ()) -> None:
    """A table without lines. ``numbers``: columns aligned to the right. Never wraps where output is piped."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, title in enumerate(head):
        table.add_column(title, justify="right" if place in numbers else "left", no_wrap=place in numbers)
    for row in rows:
        # Names are text, not markup.
        table.add_row(*map(Text, row))
    if not console.is_terminal:
        console.width = 100_000
    with console.capture() as output:
        console.print(table)
    for line in output.get().splitlines():
        print(line.rstrip())


class Report(Protocol):
    """Tells how far a stage is. A stage ends when the next one begins; ``total`` 0 means that nobody knows."""

    def __call__(self, stage: str, done: int = 0, total: int = 0, detail: str = "") -> None:
        """Show ``done`` of ``total``, with ``detail`` beside the bar."""


@contextmanager
def progress(*, transient: bool = False) -> Iterator[Report]:
    """A bar for each stage, on standard error so that output can be piped.

    transient: for short steps; the bar vanishes at the end and is shown on a terminal only.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskID,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description:<22}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=transient,
        disable=transient and not console.is_terminal,
    )
    tasks: dict[str, TaskID] = {}

    def finish() -> None:
        for task in tasks.values():
            bars.update(task, total=1, completed=1)

    def report(stage: str, done: int = 0, total: int = 0, detail: str = "") -> None:
        if stage not in tasks:
            finish()
            tasks[stage] = bars.add_task(stage, total=None, detail=detail)
        bars.update(tasks[stage], completed=done, total=total or None, detail=detail)

    with bars:
        yield report
        finish()


@contextmanager
def working(title: str) -> Iterator[None]:
    """A sign of life with the elapsed time, for a step of unknown length."""
    with progress(transient=True) as report:
        report(title)
        yield


@contextmanager
def counting(title: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """A bar for work of known length. Yields a function that takes the number done so far."""
    with progress() as report:
        yield lambda done: report(title, done, total, f"{done:,} of {total:,} {unit}")


def tracked(items: Collection[_Item], title: str, unit: str) -> Iterator[_Item]:
    """The items one by one, with a bar of how many are done."""
    with counting(title, len(items), unit) as done:
        for number, item in enumerate(items):
            done(number)
            yield item
        done(len(items))
