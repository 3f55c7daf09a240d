"""The command line of training: ``python -m train --help``."""

import sys

from train.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
