"""Request values."""

from __future__ import annotations

from datetime import UTC, datetime

from tagstream.events.delivery import DeliveryAnswer, IncomingDelivery

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_a_header_is_read_without_surrounding_blanks() -> None:
    request = IncomingDelivery(method="POST", path="/", headers={"x-signature": " a "}, received_at=NOW)
    assert request.header("x-signature") == "a"
    assert request.header("absent") == ""


def test_a_request_prints_neither_headers_nor_query_nor_body() -> None:
    request = IncomingDelivery(
        method="POST", path="/", headers={"a": "s3cret"}, query={"b": "s3cret"}, body=b"s3cret", received_at=NOW
    )
    assert "s3cret" not in repr(request)


def test_the_usual_answer_is_an_empty_200() -> None:
    assert DeliveryAnswer() == DeliveryAnswer(status=200, headers={}, body=b"")
