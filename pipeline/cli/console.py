"""What every command line of the project shares: exit codes, argument types, tables, signs of life."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pipeline import storage
from pipeline.errors import UserError

_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENOTDIR)


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Run the command that the arguments name, and turn errors into exit codes.

    0, 1 for an error of the user's (one sentence on standard error), 2 for wrong arguments.
    """
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except UserError as error:
        print(error, file=sys.stderr)
        if error.command:
            print(f"Run: {error.command}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The same command goes on where it stopped.", file=sys.stderr)
        return 130
    except OSError as error:
        ours = error.filename is None or Path(error.filename).is_relative_to(storage.home())
        if error.errno not in _UNWRITABLE or not ours:
            raise
        print(
            f"The data folder {storage.home()} cannot be written: {error.strerror}. "
            "Make room in it, or set LOOKSLIKEWHO_HOME to another folder.",
            file=sys.stderr,
        )
        return 1
    return 0


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


def working(title: str) -> AbstractContextManager[object]:
    """A sign of life with the seconds so far, for steps whose length nothing tells; gone when the step is done."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(title), TimeElapsedColumn())
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    bar.add_task(title, total=None)
    return bar


@contextmanager
def counting(title: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """A bar for work whose length is known, on standard error; what it gives is told how much is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(f"{unit},"), TimeRemainingColumn())
    with Progress(*columns, TextColumn("left"), console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: set[int]) -> None:
    """A plain table with its columns lined up by what they take on the screen, wide letters included."""
    from rich.cells import cell_len

    table = [head, *rows]
    widths = [max(cell_len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        cells = []
        for column, text in enumerate(row):
            gap = " " * (widths[column] - cell_len(text))
            cells.append(gap + text if column in numbers else text + gap)
        print("  ".join(cells).rstrip())
