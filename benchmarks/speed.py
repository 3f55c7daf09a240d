"""``make benchmarks``: run all speed benchmarks one after the other, then fill the table in ``docs/speed.md``."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import tables


def main() -> None:
    """Run the benchmarks named on the command line, or all of them."""
    # A process each: a benchmark must not inherit the memory and threads of the one before.
    for name in sys.argv[1:] or tables.SPEED:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
    tables.fill("speed")


if __name__ == "__main__":
    main()
