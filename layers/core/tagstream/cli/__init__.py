"""The ``tagstream`` command line."""

from __future__ import annotations

from collections.abc import Sequence

from tagstream.cli.imported import imported


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit code.

    Args:
        argv: the arguments without the program's name; None takes those of the process.
    """
    code: int = imported("tagstream.cli.entry:main")(argv)
    return code
