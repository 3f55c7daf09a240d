"""What every command shares: exit codes, option types, tables and progress bars."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from pipeline import notices
from pipeline.errors import UserError
from pipeline.interrupts import STOPPED, was_interrupted
from pipeline.names import JOINERS
from pipeline.quiet import silence_libraries
from pipeline.registries import Entry, describe

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from pipeline.setting_up import Report

_Item = TypeVar("_Item")
# Longer lists of choices would push the help texts aside; those texts name the choices too.
_METAVAR_MAX = 36
# A closed pipe, a full disk.
_OUTPUT_ERRORS = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO)
# Characters that a terminal obeys or hides instead of showing them: controls, invisible ones, line separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


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

    0: done. 1: user error, explained in one sentence on standard error; or the output was closed, as by ``head``.
    2: wrong arguments. 130: stopped by Ctrl-C. The arguments are the ``obj`` of the command's context.
    """
    silence_libraries()
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal may not have all letters, and file names may not be text.
            stream.reconfigure(errors="backslashreplace")
    with _printed_notices():
        try:
            return _run(app, given, program)
        except OSError as error:
            # Our own files raise StorageError, and other files are named.
            if error.errno not in _OUTPUT_ERRORS or error.filename is not None:
                raise
            # Python flushes the output once more at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                warn(f"The output cannot be written: {error.strerror}.")
            return 1


def _run(app: typer.Typer, arguments: list[str], program: str) -> int:
    code = 0
    try:
        app(arguments, prog_name=program, obj=arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    except UserError as error:
        code = 1
        warn(str(error))
        if error.command:
            warn(f"Run: {error.command}")
    except Exception:
        if not was_interrupted():
            raise
        code = STOPPED
    if code == STOPPED:
        warn("Stopped. Run the same command again to continue.")
    if sys.stdout:
        sys.stdout.flush()
    return code


@contextmanager
def _printed_notices() -> Iterator[None]:
    """Print what :mod:`pipeline.notices` tells."""
    handler = logging.Handler()
    handler.emit = lambda record: warn(record.getMessage())  # type: ignore[method-assign]
    notices.LOGGER.addHandler(handler)
    try:
        yield
    finally:
        notices.LOGGER.removeHandler(handler)


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


def number(help_text: str | None = None, *, most: int | None = None, **more: Any) -> Any:
    """An option that takes a whole number of 1 or more."""
    return typer.Option(help=help_text, min=1, max=most, metavar="N", **more)


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


def say(text: str = "") -> None:
    """Print a line of the result."""
    print(printable(text))


def warn(text: str) -> None:
    """Print a line about the result, or an error, on standard error."""
    with suppress(OSError):  # Nobody listens.
        print(printable(text), file=sys.stderr)


def say_json(values: Any) -> None:
    """Print values as JSON: escaped where the terminal lacks letters."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8" if sys.stdout else False
    print(json.dumps(values, indent=2, ensure_ascii=ascii_only, default=str))


def printable(text: str) -> str:
    """Text as a terminal can show it: control characters and invisible ones, as in names of files, are escaped."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _UNSEEN and character not in JOINERS
        else character
        for character in text
    )


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
        table.add_row(*(Text(printable(cell)) for cell in row))
    if not console.is_terminal:
        console.width = 100_000
    with console.capture() as output:
        console.print(table)
    for line in output.get().splitlines():
        print(line.rstrip())


@contextmanager
def progress(*, transient: bool = False, as_json: bool = False) -> Iterator[Report]:
    """A bar for each stage, on standard error so that output can be piped.

    transient: for short steps; the bar vanishes at the end and is shown on a terminal only. as_json: no bars, but a
    line of JSON on standard output for each report.
    """
    if as_json:
        yield _report_as_json
        return
    bars = _bars(transient=transient)
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


def _bars(*, transient: bool) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    return Progress(
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


def _report_as_json(stage: str, done: int = 0, total: int = 0, detail: str = "") -> None:
    values = {"stage": stage, "done": done, "total": total, "detail": detail}
    print(json.dumps(values), flush=True)


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
