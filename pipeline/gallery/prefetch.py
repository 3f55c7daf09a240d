"""Overlapping two steps of work: one runs in a thread while the other produces its next input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply ``work`` to each item in a thread, while the next item is produced."""
    with ThreadPoolExecutor(1) as thread:
        running: Future[Result] | None = None
        for item in items:
            if running:
                yield running.result()
            running = thread.submit(work, item)
        if running:
            yield running.result()
