"""When an image was created, from its configuration, and which image of an index counts."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tagstream.domain.select.creation_time import first_image, read_creation_time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-24T08:00:00Z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24T08:00:00.123456789Z", datetime(2026, 11, 24, 8, 0, 0, 123456, UTC)),
        ("2026-11-24T08:00:00+02:00", datetime(2026, 11, 24, 6, tzinfo=UTC)),
    ],
)
def test_a_configuration_says_when_its_image_was_created(text: str, time: datetime) -> None:
    assert read_creation_time(json.dumps({"created": text}).encode()) == time


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b"\xff", b'{"created": 5}', b'{"created": "yesterday"}', b"[" * 9999]
)
def test_a_configuration_that_does_not_say_so_has_no_time(content: bytes) -> None:
    assert read_creation_time(content) is None


def test_the_first_image_of_an_index_counts_and_no_attestation() -> None:
    attestation = {"digest": "a", "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    index = {"manifests": [attestation, 7, {"digest": "b"}, {"digest": "c"}]}
    assert first_image(json.dumps(index).encode()) == "b"
    assert first_image(b'{"config": {"digest": "x"}}') is None
