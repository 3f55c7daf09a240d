"""What a training uses of the machine."""

from __future__ import annotations

import resource
import sys
import time

# ru_maxrss is in bytes on macOS, in kilobytes elsewhere.
_UNITS_PER_MB = 2**20 if sys.platform == "darwin" else 2**10
# The columns of a history that differ from one training to the next of the same settings.
COLUMNS = ("seconds", "cpu_seconds", "peak_memory_mb", "data_seconds", "forward_seconds")


class Usage:
    """The clocks of this process at one time."""

    def __init__(self) -> None:
        self.wall, self.processor = time.perf_counter(), time.process_time()

    def since_then(self) -> dict[str, float]:
        """Since then: ``seconds``, and ``cpu_seconds`` of all threads. ``peak_memory_mb``: so far, in 2^20 bytes."""
        return {
            "seconds": time.perf_counter() - self.wall,
            "cpu_seconds": time.process_time() - self.processor,
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_PER_MB,
        }
