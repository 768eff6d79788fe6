"""The command line: ``tagstream``."""

from __future__ import annotations

from tagstream.cli.entry import main

__all__ = ["main"]
