"""The generic Receiver."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import Case


@pytest.mark.parametrize("body", [b"", b"\xff", b"{}", b"text"])
def test_any_body_asks_for_all_resources(body: bytes) -> None:
    delivery = Case(kind="generic").send(body)
    assert delivery.all_resources is True
    assert delivery.remark == ""
    assert delivery.hints == ()


def test_a_caller_may_name_its_delivery() -> None:
    assert Case(kind="generic").send(b"", {"x-delivery-id": "build-42"}).delivery_id == "build-42"
