"""Checks of keys and certificates before they are stored, so that a run does not fail on them later."""

from __future__ import annotations

from typing import Protocol


class InvalidMaterial(ValueError):
    """The key, certificate or host key list cannot be used; the message says why and never repeats a byte of it."""


class MaterialChecks(Protocol):
    """Reads keys and certificates exactly as the Git and registry adapters read them."""

    def private_key(self, identity: bytes, passphrase: bytes) -> None:
        """Check an SSH private key and its passphrase.

        Raises:
            InvalidMaterial: it cannot be read, is locked, or is of a kind that SSH servers refuse.
        """

    def known_hosts(self, source: bytes, host: str, port: int) -> None:
        """Check a ``known_hosts`` file, and that it has a key or an authority for a host.

        Raises:
            InvalidMaterial: with the number of the line.
        """

    def certificates(self, authority: bytes, certificate: bytes, key: bytes) -> None:
        """Check PEM certificates, each empty if not given, and that the key belongs to the client certificate.

        Raises:
            InvalidMaterial: with the member that is wrong.
        """
