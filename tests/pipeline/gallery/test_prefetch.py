"""Overlapping two steps of work."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pipeline.gallery.prefetch import prefetch


def test_the_results_come_in_order():
    assert list(prefetch(lambda item: item * 2, range(5))) == [0, 2, 4, 6, 8]
    assert list(prefetch(lambda item: item, [])) == []


def test_the_next_item_is_produced_while_the_work_runs():
    produced = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        produced.set()
        yield 1

    assert list(prefetch(lambda item: item or produced.wait(10), items())) == [True, 1]


def test_an_error_in_the_work_is_raised():
    def fail(item: int) -> int:
        raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        list(prefetch(fail, range(2)))
