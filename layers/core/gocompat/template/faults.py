"""What goes wrong while a template runs.

In: nothing. Out: two errors, one of templates and one of the functions they call.
"""

from __future__ import annotations


class ExecutionError(ValueError):
    """A template that fails while it runs; the message is Go's."""


class CallError(ValueError):
    """What a function refuses; templates show it behind ``error calling NAME:``."""
