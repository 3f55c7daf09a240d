"""Files of arrays: written in pieces, and read so that nothing that happens to them later ends the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Smaller files are read into memory, where nothing that happens to them later matters.
MAPPED_MIN_BYTES = 64_000_000


@contextmanager
def array_writer(path: Path, shape: tuple[int, int]) -> Iterator[Callable[[NDArray[np.float32]], object]]:
    """Write a ``.npy`` file of ``shape``, float32, in pieces. Yields a function that takes the next rows.

    Not through a memory map: where the disk is full, a map is a crash of the process instead of an error.
    """
    header = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        yield lambda rows: file.write(np.ascontiguousarray(rows, np.float32).data)


def open_array(path: Path) -> NDArray[Any]:
    """The array in a ``.npy`` file, read-only; a large one is memory-mapped: see :func:`is_cut_off`.

    Raises OSError or ValueError if it is damaged.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if is_mapped(path) else None, allow_pickle=False)
        array.flags.writeable = False
    except (EOFError, TypeError, OverflowError, MemoryError, RecursionError, SyntaxError, TokenError) as error:
        # What a damaged header leads to, which NumPy reads as Python.
        raise ValueError(f"{path.name} cannot be read ({type(error).__name__})") from error
    return array


def is_mapped(path: Path) -> bool:
    """Whether a file is memory-mapped rather than read, because it is large. Raises OSError if there is none."""
    return path.stat().st_size > MAPPED_MIN_BYTES


def is_cut_off(path: Path, size: int) -> bool:
    """Whether a file that is mapped has become smaller than ``size``: reading what is missing ends the process.

    A file that was deleted can be read for as long as it is mapped.
    """
    try:
        return path.stat().st_size < size
    except FileNotFoundError:
        return False
