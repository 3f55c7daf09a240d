"""How the server begins."""

from __future__ import annotations

import sys

import pytest

from tests.processes import in_a_process

# Prints how many heaps glibc has made for sixteen threads at the same time.
HEAPS = """
import ctypes, tempfile, threading
libc, together = ctypes.CDLL(None), threading.Barrier(17)
libc.fopen.restype = ctypes.c_void_p
def allocate():
    held = [bytearray(1000) for _ in range(1000)]
    together.wait()
for _ in range(16):
    threading.Thread(target=allocate).start()
together.wait()
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count(b"<heap nr="))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no heap for each thread")
def test_threads_share_two_heaps_so_that_memory_goes_back_to_the_system():
    assert int(in_a_process(f"from server import lifecycle; lifecycle.share_memory(){HEAPS}").strip()) <= 2
    assert int(in_a_process(HEAPS).strip()) > 2
