"""Reads the label selectors that are typed: ``app=web,tier!=test,env in (dev, prod),!legacy``."""

from __future__ import annotations

from tagstream.cli.console import CommandFailed
from tagstream.domain.objects.model import LabelSelector
from tagstream.domain.objects.selector import InvalidSelector, read_selector


def read_label_selector(text: str) -> LabelSelector:
    """Read a selector.

    Raises:
        CommandFailed: it is none.
    """
    try:
        return read_selector(text)
    except InvalidSelector as error:
        raise CommandFailed(f"--label-selector '{text}': {error}") from error
