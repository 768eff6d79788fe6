"""Runs the command line by ``python -m tagstream.cli``, for when the ``tagstream`` script is not on the path."""

from __future__ import annotations

import sys

from tagstream.cli import main

sys.exit(main())
