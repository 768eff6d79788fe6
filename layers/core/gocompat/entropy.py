"""Unpredictable numbers for the sprig functions that draw lots, made from bytes that the caller supplies.

This package has no source of chance of its own: whoever loads the functions passes an `Entropy`.
"""

from __future__ import annotations

from collections.abc import Callable

Entropy = Callable[[int], bytes]
"""Returns as many unpredictable bytes as asked for, as ``secrets.token_bytes`` does."""

_BYTES_A_DRAW = 16


def below(limit: int, entropy: Entropy) -> int:
    """An unpredictable integer from 0 up to, but not including, ``limit``.

    It is the remainder of a 128-bit number, so that the bias towards small results cannot be measured.
    """
    return int.from_bytes(entropy(_BYTES_A_DRAW)) % limit
