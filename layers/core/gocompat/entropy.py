"""Random numbers for the few functions of sprig that want them.

In: nothing. Out: bytes and numbers that nobody can foresee, from the cryptography library's generator.
"""

from __future__ import annotations


def random_block() -> bytes:
    """16 random bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM.generate_key(128)


def below(limit: int) -> int:
    """A number from 0 to below ``limit``; 128 bits make the bias of the remainder immeasurable."""
    return int.from_bytes(random_block()) % limit
