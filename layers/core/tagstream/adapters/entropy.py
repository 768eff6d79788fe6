"""The machine's source of unpredictable bytes, for everything that must not take chance from the interpreter."""

from __future__ import annotations

import secrets


def system_entropy(size: int) -> bytes:
    """``size`` unpredictable bytes from the operating system."""
    return secrets.token_bytes(size)
