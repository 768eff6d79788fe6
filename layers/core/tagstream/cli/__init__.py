"""The ``tagstream`` command line."""

from __future__ import annotations

import gc
from collections.abc import Sequence

COLLECTS_AFTER = 100_000
"""How many more objects must live before Python searches them for garbage: more than a short command makes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    # What is loaded lives as long as the process. With Python's 700, searching it took a twentieth of `diff`, so that
    # even loading must come after this.
    gc.set_threshold(COLLECTS_AFTER)
    from tagstream.cli import entry

    return entry.main(argv)
