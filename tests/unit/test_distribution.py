"""The distribution registry's notifications: who may send them."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import Case

REGISTRY = Case(kind="generic", sender="distribution")


@pytest.mark.parametrize("value", ["Bearer hook-token-123", "hook-token-123"])
def test_the_configured_header_is_the_token_with_or_without_bearer(value: str) -> None:
    assert REGISTRY.send({}, {"authorization": value}).sender == "distribution"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "bearer hook-token-123", "Basic hook-token-123"])
def test_another_header_is_refused(value: str) -> None:
    assert REGISTRY.refusal({}, {"authorization": value}) == (404, "signature")
