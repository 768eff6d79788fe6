"""What is shortened on a terminal, and how columns share its width."""

from __future__ import annotations

import pytest

from tagstream.cli.layout import Column, brief, fitted

SOFT, LONG, NAME = Column(title="Message", soft=True), Column(title="Image", keeps_end=True), Column(title="Name")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"main@sha1:{'0123456789abcdef' * 2}01234567", "main@sha1:01234567"),
        (f"app:1@sha256:{'ab' * 32}", "app:1@sha256:abababab"),
        ("0b5a0c11-1111-2222-3333-444455556666", "0b5a0c11"),
        ("cli:arn:aws:iam::123456789012:user/ann", "cli:ann"),
        ("arn:aws:sts::1:assumed-role/Admin/ann@example.com: no reason", "ann@example.com: no reason"),
        ("one\n two", "one two"),
        ("a\x1b[31mb", "a\\u001b[31mb"),
        ("20260102-abcdef12", "20260102-abcdef12"),
        ("deadbeef" * 6, "deadbeef" * 6),
    ],
)
def test_checksums_ids_and_callers_are_shortened_and_nothing_else(text: str, shown: str) -> None:
    assert brief(text) == shown


@pytest.mark.parametrize(
    ("widths", "total", "expected"),
    [
        ([20, 30, 10], 60, [20, 30, 10]),
        ([90, 20, 10], 60, [30, 20, 10]),
        ([90, 30, 10], 60, [28, 22, 10]),
        ([90, 40, 10], 50, [26, 14, 10]),
        ([90, 40, 30], 50, [12, 14, 24]),
        ([90, 40, 30], 12, [4, 4, 4]),
        ([90, 40, 30], 3, [4, 4, 4]),
    ],
)
def test_messages_give_way_first_then_images_then_names(widths: list[int], total: int, expected: list[int]) -> None:
    assert fitted(widths, [SOFT, LONG, NAME], total) == expected
