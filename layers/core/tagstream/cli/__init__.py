"""The ``tagstream`` command line."""

from __future__ import annotations

from tagstream.cli.entry import main

__all__ = ["main"]
