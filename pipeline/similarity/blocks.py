"""A function of a gallery's rows, block by block on all cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

# So many that what is made of them on the way stays in a core's cache.
ROWS = 4096
# One gallery at a time, as each takes all cores.
_ALONE = threading.Lock()


def apply(function: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    """``function`` of rows (n, columns), called on at most ``ROWS`` of them at a time: (n, …).

    OpenBLAS keeps to one thread meanwhile. Its own would wait for each other busily, which on a machine with other
    work to do takes tens of milliseconds.
    """
    rows = np.asarray(rows)
    return np.concatenate(each(function, [rows[start : start + ROWS] for start in range(0, max(len(rows), 1), ROWS)]))


def each(function: Callable[[T], np.ndarray], parts: Sequence[T]) -> list[np.ndarray]:
    """``function`` of each part, on all cores, as in :func:`apply`."""
    with _ALONE, _blas().limit(limits=1, user_api="blas"):
        return list(_threads().map(function, parts) if len(parts) > 1 else map(function, parts))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), "blocks")


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
