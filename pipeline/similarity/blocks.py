"""Array functions applied block by block, on all cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

T = TypeVar("T")

# Block size: intermediates fit in a core's cache.
BLOCK_ROWS = 4096
# Each call takes all cores, so calls take turns.
_TURN = threading.Lock()


def map_rows(function: Callable[[NDArray[Any]], NDArray[Any]], rows: ArrayLike) -> NDArray[Any]:
    """Apply a function to rows (n, columns) in blocks of at most ``BLOCK_ROWS``, and join the results: (n, …).

    OpenBLAS is limited to one thread meanwhile: its own threads spin while they wait for each other, which takes tens
    of milliseconds on a machine that has other work to do.
    """
    rows = np.asarray(rows)
    starts = range(0, max(len(rows), 1), BLOCK_ROWS)
    return np.concatenate(map_parallel(function, [rows[start : start + BLOCK_ROWS] for start in starts]))


def map_parallel(function: Callable[[T], NDArray[Any]], parts: Sequence[T]) -> list[NDArray[Any]]:
    """Apply a function to each part, on all cores, with OpenBLAS limited as in :func:`map_rows`."""
    with _TURN, _blas().limit(limits=1, user_api="blas"):
        return list(_threads().map(function, parts) if len(parts) > 1 else map(function, parts))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), "blocks")


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
