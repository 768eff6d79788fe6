"""The two errors of a running template: that of the template, and that of a function it calls."""

from __future__ import annotations


class ExecutionError(ValueError):
    """A template failed while it ran; the message is Go's, with name, line and column."""


class CallError(ValueError):
    """A function refused its arguments. The template's error is ``error calling NAME:`` and this message."""
