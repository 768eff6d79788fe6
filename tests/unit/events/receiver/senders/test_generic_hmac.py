"""The generic-hmac Receiver."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.receiver import SIGNATURE_MAX_AGE
from tests.unit.webhook_builder import NOW, TOKEN, Case, signed

PLAIN = Case(kind="generic-hmac", secret={"token": b"new", "token-previous": TOKEN})
TIMED = Case(kind="generic-hmac", annotations={SIGNATURE_MAX_AGE: "300"})
UNIX = int(NOW.timestamp())


def timed(timestamp: str, body: bytes = b"body") -> dict[str, str]:
    return {
        "x-signature": "sha256=" + signed(timestamp.encode() + b"." + body),
        "x-signature-timestamp": timestamp,
    }


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_each_of_fluxs_algorithms_is_accepted_with_any_token_in_force(algorithm: str) -> None:
    assert PLAIN.send(b"body", {"x-signature": f"{algorithm}={signed(b'body', algorithm)}"}).all_resources


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sha256=",
        signed(b"body"),
        "sha224=" + signed(b"body", "sha224"),
        "sha256=" + signed(b"bodz"),
        "sha512=" + "0" * 128,
    ],
)
def test_another_signature_is_refused(value: str) -> None:
    assert PLAIN.refusal(b"body", {"x-signature": value}) == (404, "signature")


@pytest.mark.parametrize("offset", [-300, 0, 300])
def test_a_signed_timestamp_within_the_maximum_age_is_accepted(offset: int) -> None:
    assert TIMED.send(b"body", timed(str(UNIX + offset))).all_resources


@pytest.mark.parametrize("timestamp", [str(UNIX - 301), str(UNIX + 301), "0", "-1", "1e9", "9" * 13, "٣"])
def test_a_stale_or_unreadable_timestamp_is_refused(timestamp: str) -> None:
    assert TIMED.refusal(b"body", timed(timestamp)) == (404, "stale")


def test_a_changed_timestamp_breaks_the_signature() -> None:
    headers = timed(str(UNIX - 1000)) | {"x-signature-timestamp": str(UNIX)}
    assert TIMED.refusal(b"body", headers) == (404, "signature")


def test_a_signature_without_timestamp_is_refused_when_one_is_required() -> None:
    assert TIMED.refusal(b"body", {"x-signature": "sha256=" + signed(b"body")}) == (404, "stale")


def test_a_timed_delivery_is_recognised_by_its_proof_however_that_is_written() -> None:
    headers = timed(str(UNIX))
    upper = headers | {"x-signature": "sha256=" + headers["x-signature"].removeprefix("sha256=").upper()}
    others = timed(str(UNIX + 1))
    sent = ((headers, "a"), (upper, "b"), (others, "a"))
    found = [TIMED.send(b"body", one | {"x-delivery-id": name}) for one, name in sent]
    assert [one.replay_s for one in found] == [600.0] * 3
    assert found[0].delivery_id == found[1].delivery_id
    assert found[0].delivery_id != found[2].delivery_id
