"""The command line: ``python -m pipeline --help``."""

import sys

from pipeline.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
