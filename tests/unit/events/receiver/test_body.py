"""Size, method and encoding of requests."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime

import pytest

from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import IncomingDelivery
from tagstream.events.receiver.body import BODY_LIMIT, admit, media_type
from tests.unit.webhook_builder import Case, signed

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def request(body: bytes, encoding: str = "", method: str = "POST") -> IncomingDelivery:
    headers = {"content-encoding": encoding} if encoding else {}
    return IncomingDelivery(method=method, path="/", headers=headers, body=body, received_at=NOW)


def raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(body) + stream.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", b'{"a": 1}'),
        ("identity", b'{"a": 1}'),
        ("gzip", gzip.compress(b'{"a": 1}', mtime=0)),
        ("X-GZIP", gzip.compress(b'{"a": 1}', mtime=0)),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("deflate", raw_deflate(b'{"a": 1}')),
    ],
)
def test_a_body_is_decoded_once_and_admitting_twice_changes_nothing(encoding: str, body: bytes) -> None:
    admitted = admit(request(body, encoding))
    assert admitted.body == b'{"a": 1}'
    assert admit(admitted) == admitted


@pytest.mark.parametrize(
    ("encoding", "body", "refusal"),
    [
        ("", b"a" * (BODY_LIMIT + 1), (413, "size")),
        ("gzip", gzip.compress(b"\0" * (BODY_LIMIT + 1), mtime=0), (413, "size")),
        ("gzip", gzip.compress(b"\0" * (50 * 1024 * 1024), compresslevel=1, mtime=0), (413, "size")),
        ("deflate", zlib.compress(b"\0" * (BODY_LIMIT + 1)), (413, "size")),
        ("gzip", b"not gzip", (400, "encoding")),
        ("gzip", b"", (400, "encoding")),
        ("gzip", gzip.compress(b"a" * 100, mtime=0)[:-6], (400, "encoding")),
        ("gzip", gzip.compress(b"a", mtime=0) + b"rest", (400, "encoding")),
        ("br", b"a", (415, "encoding")),
        ("gzip, gzip", gzip.compress(gzip.compress(b"a", mtime=0), mtime=0), (415, "encoding")),
    ],
)
def test_an_oversized_or_broken_body_is_refused(encoding: str, body: bytes, refusal: tuple[int, str]) -> None:
    with pytest.raises(RefusedDelivery) as refused:
        admit(request(body, encoding))
    assert (refused.value.status, refused.value.cause) == refusal


def test_a_body_of_exactly_the_limit_is_admitted() -> None:
    admitted = admit(request(gzip.compress(b"a" * BODY_LIMIT, mtime=0), "gzip"))
    assert len(admitted.body) == BODY_LIMIT


def test_a_signature_covers_the_decoded_body() -> None:
    headers = {"content-encoding": "gzip", "x-signature": "sha256=" + signed(b"body")}
    assert Case(kind="generic-hmac").send(gzip.compress(b"body", mtime=0), headers).all_resources


def test_the_media_type_has_no_parameters() -> None:
    typed = IncomingDelivery(
        method="POST", path="/", headers={"content-type": " Application/JSON ; charset=UTF-8"}, received_at=NOW
    )
    assert media_type(typed) == "application/json"
    assert media_type(request(b"")) == ""
