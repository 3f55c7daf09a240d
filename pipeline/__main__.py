"""The command line: ``python -m pipeline --help``."""

import sys

from pipeline.cli import python_version
from pipeline.interrupts import handle_interrupts

if __name__ == "__main__":
    python_version.check()
    handle_interrupts()
    from pipeline.cli.app import main

    sys.exit(main())
