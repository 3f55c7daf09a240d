"""A function of a gallery's rows, block by block on all cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

# So many that what is made of them on the way stays in a core's cache.
ROWS = 4096
# One gallery at a time, as each takes all cores.
_ALONE = threading.Lock()


def apply(function: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    """``function`` of rows (n, columns), called on at most ``ROWS`` of them at a time: float32 (n,).

    OpenBLAS keeps to one thread meanwhile. Its own would wait for each other busily, which on a machine with other
    work to do takes tens of milliseconds.
    """
    rows = np.asarray(rows)
    blocks = [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
    with _ALONE, _blas().limit(limits=1, user_api="blas"):
        found = _threads().map(function, blocks) if len(blocks) > 1 else map(function, blocks)
        return np.concatenate([np.empty(0, np.float32), *found])


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), "blocks")


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
