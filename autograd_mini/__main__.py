"""Lets ``python -m autograd_mini`` be the ``autograd-mini`` command."""

import sys

from .command.cli import main

if __name__ == "__main__":
    sys.exit(main())
