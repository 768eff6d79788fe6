"""The port that checks signatures with given public keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol


class PublicKeys(Protocol):
    """The keys of one secret."""

    @property
    def identity(self) -> str:
        """Hex digits that are the same for the same set of keys, and others for any other set."""

    def have_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether one of the keys made a signature of a message."""


ReadPublicKeys = Callable[[Mapping[str, bytes]], PublicKeys]
"""Reads the keys of a secret's members; it raises InvalidMaterial (ports/material.py) for what is no public key."""
