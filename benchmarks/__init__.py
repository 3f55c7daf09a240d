"""Benchmarks: one command each; tables are printed and written to ``benchmarks/results/``."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipeline.errors import UserError

T = TypeVar("T")
LINES = "Table in docs/speed.md"


@dataclass(frozen=True)
class Line:
    """A row of the table in ``docs/speed.md``, compared with what one would use instead.

    times: how many times faster this is, NaN if there is nothing to compare with. aim: the target.
    """

    what: str
    here: str
    beside: str
    times: float
    aim: str
    reached: bool


def report(name: str, tables: dict[str, Sequence[dict[str, Any]]], lines: Sequence[Line] = ()) -> None:
    """Print tables (a list of rows each, by title) as Markdown and write them to ``benchmarks/results/NAME.json``.

    ``lines`` are the rows for the table in ``docs/speed.md``.
    """
    if lines:
        tables = tables | {LINES: [asdict(line) for line in lines]}
    for title, rows in tables.items():
        columns = list(rows[0])
        print(f"\n{title}\n")
        print("| " + " | ".join(columns) + " |")
        print("|" + " --- |" * len(columns))
        for row in rows:
            print("| " + " | ".join(_text(row[column]) for column in columns) + " |")
    path = Path(__file__).parent / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    path.write_text(json.dumps({"machine": machine, **tables}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def times(run: Callable[[], T], rounds: int) -> tuple[float, T]:
    """Median time of ``run`` in seconds, and its last result."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), result


def explained(error: UserError) -> str:
    """An error's text, followed by the command that solves it."""
    return f"{error}\nRun: {error.command}" if error.command else str(error)


@contextmanager
def data_folder(place: Path) -> Iterator[None]:
    """Use another data folder, for temporary galleries."""
    variables = dict(os.environ)
    os.environ["LOOKSLIKEWHO_HOME"] = str(place)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(variables)


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The exponent with which a cost grows with size: least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def _text(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
