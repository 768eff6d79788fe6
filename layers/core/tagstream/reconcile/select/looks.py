"""How many images one gate may look at in one evaluation, so that it never asks a registry about all of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Looks:
    """The looks that a gate has left. An answer that is kept costs no look, but it needs the tag's digest.

    Args:
        most_asked: how many images the registry is asked about.
        most_compared: of how many tags the digest is asked for.
    """

    most_asked: int
    most_compared: int
    _asked: int = 0
    _compared: int = 0

    def may_compare(self) -> bool:
        """Whether one more tag may be looked at; the tag then counts."""
        if self._asked >= self.most_asked or self._compared >= self.most_compared:
            return False
        self._compared += 1
        return True

    def count_question(self) -> None:
        """Count an image about which the registry is asked."""
        self._asked += 1
