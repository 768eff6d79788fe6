"""Numbers drawn from the bytes that a caller supplies."""

from __future__ import annotations

import secrets

from gocompat.entropy import below


def test_a_number_is_made_of_the_bytes_that_the_caller_supplies() -> None:
    assert below(10, bytes) == 0
    assert below(10, lambda size: bytes(size - 1) + b"\x07") == 7
    assert below(10, lambda size: bytes(size - 1) + b"\x0d") == 3


def test_every_number_below_the_limit_comes_up_and_no_other() -> None:
    assert {below(5, secrets.token_bytes) for _ in range(400)} == {0, 1, 2, 3, 4}
