"""The command line of training: ``python -m train --help``, and the console script ``lookslikewho``."""

import sys

from pipeline.cli import python_version
from pipeline.interrupts import handle_interrupts


def lookslikewho() -> None:
    """The commands of the pipeline, and those of training below ``train``."""
    handle_interrupts()
    from train.cli.app import everything

    sys.exit(everything())


if __name__ == "__main__":
    python_version.check()
    handle_interrupts()
    from train.cli.app import main

    sys.exit(main())
