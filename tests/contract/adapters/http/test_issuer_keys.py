"""Keys of OIDC issuers over loopback HTTP: how long they keep, how often an issuer is asked, what is not believed."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tagstream.adapters.http.issuer_keys import LIMIT_BYTES, WELL_KNOWN, IssuerKeys
from tagstream.errors import RetryableError
from tests.contract.skipping_clock import SkippingClock


class Issuer(ThreadingHTTPServer):
    """``asked`` are the paths asked for; the other members are what it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.discovery: dict[str, object] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.body = b""
        self.keys: dict[str, object] = {}

    def rounds(self) -> int:
        return self.asked.count(WELL_KNOWN)


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        keys = self.server.keys or {"keys": [{"kid": f"round-{self.server.rounds()}"}]}
        body = json.dumps(self.server.discovery if self.path == WELL_KNOWN else keys).encode()
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body or body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.mark.parametrize(
    ("headers", "kept_s"),
    [
        ({}, 3600),
        ({"Cache-Control": "public, max-age=600, must-revalidate"}, 600),
        ({"Cache-Control": "max-age=600", "Age": "200"}, 400),
        ({"Cache-Control": "s-max-age=5, Max-Age=600"}, 600),
        ({"Cache-Control": "max-age=1"}, 60),
        ({"Cache-Control": "no-store"}, 60),
        ({"Cache-Control": "max-age=999999999"}, 86_400),
        ({"Cache-Control": "max-age=soon"}, 3600),
    ],
)
def test_keys_are_kept_as_long_as_the_issuer_says_within_bounds(
    issuer: Issuer, headers: dict[str, str], kept_s: float
) -> None:
    clock = SkippingClock()
    keys = IssuerKeys(clock=clock)
    issuer.headers = headers
    keys(issuer.url, False)
    clock.sleep(kept_s - 30)
    keys(issuer.url, False)
    before = issuer.rounds()
    clock.sleep(31)
    keys(issuer.url, False)
    assert (before, issuer.rounds()) == (1, 2)


def test_a_flood_of_unknown_key_ids_asks_the_issuer_once_a_minute(issuer: Issuer) -> None:
    clock = SkippingClock()
    keys = IssuerKeys(clock=clock)
    for _ in range(100):
        keys(issuer.url, False)
        keys(issuer.url, True)
    first = issuer.rounds()
    clock.sleep(61)
    found = [keys(issuer.url, True) for _ in range(100)]
    assert (first, issuer.rounds(), found[-1]) == (1, 2, {"keys": [{"kid": "round-2"}]})


def test_an_issuer_out_of_reach_is_left_alone_for_a_moment_and_asked_again(issuer: Issuer) -> None:
    clock = SkippingClock()
    keys = IssuerKeys(clock=clock)
    issuer.status = 500
    for _ in range(10):
        with pytest.raises(RetryableError):
            keys(issuer.url, False)
    failed = issuer.rounds()
    issuer.status = 200
    clock.sleep(11)
    assert (failed, keys(issuer.url, False)) == (1, {"keys": [{"kid": "round-2"}]})


def test_kept_keys_outlive_a_failed_refresh_and_end_with_their_time(issuer: Issuer) -> None:
    clock = SkippingClock()
    keys = IssuerKeys(clock=clock)
    known = keys(issuer.url, False)
    issuer.status = 503
    clock.sleep(61)
    still = [keys(issuer.url, True), keys(issuer.url, False)]
    clock.sleep(3600)
    with pytest.raises(RetryableError):
        keys(issuer.url, False)
    assert still == [known, known]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 302, "headers": {"Location": "https://other.example/keys"}},
        {"body": b"<html>"},
        {"body": b"[1]"},
        {"body": b"[" * 100_000},
        {"body": b'{"a": "' + b"x" * LIMIT_BYTES + b'"}'},
        {"discovery": {"issuer": "https://other.example", "jwks_uri": "https://other.example/keys"}},
        {"discovery": {}},
    ],
)
def test_an_answer_that_is_no_issuers_is_not_believed(issuer: Issuer, answer: dict[str, object]) -> None:
    for name, value in answer.items():
        setattr(issuer, name, value)
    with pytest.raises(RetryableError):
        IssuerKeys(clock=SkippingClock())(issuer.url, False)


@pytest.mark.parametrize(
    "place", ["http://169.254.169.254/keys", "file:///etc/passwd", "ftp://h.example/k", "", "/keys"]
)
def test_keys_come_from_https_alone(issuer: Issuer, place: str) -> None:
    issuer.discovery["jwks_uri"] = place
    with pytest.raises(RetryableError, match="https"):
        IssuerKeys(clock=SkippingClock())(issuer.url, False)


@pytest.mark.parametrize("issuer_url", ["https://[::1", "://", "http://localhost:80@other.example"])
def test_an_issuer_whose_url_is_none_is_out_of_reach(issuer_url: str) -> None:
    with pytest.raises(RetryableError):
        IssuerKeys(clock=SkippingClock())(issuer_url, False)


def test_an_issuer_leads_to_no_other_port_of_this_machine(issuer: Issuer) -> None:
    with Issuer() as runtime_api:
        threading.Thread(target=runtime_api.serve_forever, daemon=True).start()
        issuer.discovery["jwks_uri"] = f"{runtime_api.url}/2018-06-01/runtime/invocation/next"
        with pytest.raises(RetryableError, match="names keys elsewhere on this machine"):
            IssuerKeys(clock=SkippingClock())(issuer.url, False)
        runtime_api.shutdown()
    assert runtime_api.asked == []


def rsa_key(bits: int, kid: str) -> dict[str, object]:
    """A public RSA key of a JWKS."""
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key().public_numbers()
    packed = urlsafe_b64encode(numbers.n.to_bytes(bits // 8, "big")).rstrip(b"=").decode()
    return {"kty": "RSA", "kid": kid, "e": "AQAB", "n": packed}


def test_rsa_keys_that_can_be_broken_are_not_used(issuer: Issuer) -> None:
    weak, strong = rsa_key(1024, "weak"), rsa_key(2048, "strong")
    issuer.keys = {"keys": [weak, strong]}
    assert IssuerKeys(clock=SkippingClock())(issuer.url, False) == {"keys": [strong]}


def test_an_issuer_with_nothing_but_broken_keys_is_refused(issuer: Issuer) -> None:
    issuer.keys = {"keys": [rsa_key(1024, "weak")]}
    with pytest.raises(RetryableError, match="only RSA keys of less than 2048 bits"):
        IssuerKeys(clock=SkippingClock())(issuer.url, False)
