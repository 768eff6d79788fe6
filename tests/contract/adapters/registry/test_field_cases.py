"""Registries as people met them: pages without links, odd pauses, redirects, encodings and secrets that do not fit."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tagstream.adapters.http.faults import PLAIN_HTTP
from tagstream.adapters.registry.client import RegistryClient
from tagstream.adapters.registry.pages import Limits
from tagstream.errors import RetryableError, ThrottledError
from tagstream.ports.registry import PullSecret, RegistryAccess, TagListing
from tests.contract.registry_calls import NAME, image, soon, with_secret
from tests.contract.skipping_clock import SkippingClock
from tests.embedded.fault_proxy import Fault, FaultProxy, Received, running_fault_proxy
from tests.embedded.registry import running_registry

LIST = f"/v2/{NAME}/tags/list"


@pytest.fixture
def server() -> Iterator[FaultProxy]:
    with running_fault_proxy() as running:
        yield running


def listed(
    server: FaultProxy, access: RegistryAccess | None = None, client: RegistryClient | None = None
) -> TagListing:
    """The tag list of the repository."""
    return (client or RegistryClient()).list_tags(image(server.address), access or RegistryAccess(), soon())


def refusal(server: FaultProxy, access: RegistryAccess | None = None) -> RetryableError:
    """Why the repository's tags cannot be listed."""
    with pytest.raises(RetryableError) as raised:
        listed(server, access)
    return raised.value


def page(tags: list[str], *headers: tuple[str, str]) -> Fault:
    """A page of a tag list."""
    return Fault(headers=headers, body=json.dumps({"name": NAME, "tags": tags}).encode())


def unauthorized(server: FaultProxy, scope: str) -> Fault:
    """A challenge to fetch a token from the server itself."""
    return Fault(
        status=401,
        headers=(("WWW-Authenticate", f'Bearer realm="http://{server.address}/token",service="s",scope="{scope}"'),),
    )


def token_for(request: Received) -> Fault:
    """A token that names the first scope that was asked for."""
    scope = parse_qs(urlsplit(request.path).query)["scope"][0]
    return Fault(body=json.dumps({"token": scope.replace(":", "-").replace("/", "_"), "expires_in": 300}).encode())


# Pages without links


def paging(tags: list[str], limit: int = 10_000) -> object:
    """A server that obeys ``n`` up to its own limit and ``last``, and never sends a link."""

    def respond(request: Received) -> Fault:
        query = parse_qs(urlsplit(request.path).query)
        size = min(int(query.get("n", ["100000"])[0]), limit)
        last = query.get("last", [""])[0]
        return page([tag for tag in tags if tag > last][:size])

    return respond


@pytest.mark.parametrize(
    ("count", "limit", "requests"),
    [(1300, 10_000, 2), (1000, 10_000, 2), (2000, 10_000, 3), (999, 10_000, 1), (260, 100, 3), (250, 50, 6)],
)
def test_pages_without_links_are_followed_by_their_last_tag(
    server: FaultProxy, count: int, limit: int, requests: int
) -> None:
    tags = [f"main-{1_700_000_000 + 3600 * number}" for number in range(count)]
    server.respond = paging(tags, limit)  # type: ignore[assignment]
    listing = listed(server)
    assert list(listing.tags) == tags
    assert listing.requests == requests


def test_a_server_without_last_that_sends_all_it_has_is_believed(server: FaultProxy) -> None:
    tags = [f"1.0.{number}" for number in range(1000)]
    server.respond = lambda request: page(tags)
    assert list(listed(server).tags) == tags


def test_a_server_that_refuses_last_is_believed_only_where_its_page_was_not_full(server: FaultProxy) -> None:
    server.respond = lambda request: Fault(status=400) if "last=" in request.path else page(tags)
    tags = [f"1.0.{number}" for number in range(100)]
    assert list(listed(server).tags) == tags
    tags = [f"1.0.{number}" for number in range(1000)]
    assert "unexpected status code 400" in refusal(server).message


def test_pages_that_overlap_without_links_are_refused(server: FaultProxy) -> None:
    tags = [f"1.0.{number}" for number in range(1000)]
    server.respond = lambda request: page([*tags[500:], "2.0.0"]) if "last=" in request.path else page(tags)
    assert refusal(server).message.endswith(
        "tag list refused: pages without a Link header overlap, so that the list may not be complete"
    )


def test_an_inclusive_last_is_understood(server: FaultProxy) -> None:
    tags = [f"1.{number:04}.0" for number in range(1500)]
    server.respond = lambda request: page(tags[999:]) if "last=" in request.path else page(tags[:1000])
    assert list(listed(server).tags) == tags


def test_lists_of_one_length_are_asked_for_more_until_the_length_is_no_limit(server: FaultProxy) -> None:
    server.respond = lambda request: page([] if "last=" in request.path else [f"1.{n}.0" for n in range(100)])
    client = RegistryClient()
    assert [listed(server, client=client).requests for _ in range(5)] == [2, 2, 2, 1, 1]


def test_pages_without_links_end_at_the_limit(server: FaultProxy) -> None:
    server.respond = paging([f"{number:06}" for number in range(9000)])  # type: ignore[assignment]
    client = RegistryClient(limits=Limits(pages=20, tags=5000))
    with pytest.raises(RetryableError, match="more than 5000 tags"):
        listed(server, client=client)


# Pauses


@pytest.mark.parametrize(
    ("name", "ahead_s", "unit", "asked_s"),
    [
        ("Retry-After", 30, 1, 30),
        ("Retry-After", 30, 1000, 30),
        ("Retry-After", 30, 10**9, 30),
        ("Retry-After", 7200, 1, 3600),
        ("X-RateLimit-Reset", 40, 1, 40),
        ("X-RateLimit-Reset", 40, 1000, 40),
    ],
)
def test_a_pause_until_a_unix_time_is_that_long(
    server: FaultProxy, name: str, ahead_s: int, unit: int, asked_s: int
) -> None:
    until = int((datetime.now(UTC).timestamp() + ahead_s) * unit)
    server.respond = lambda request: Fault(status=429, headers=((name, str(until)),), body=b'{"detail": "limit"}')
    error = refusal(server)
    assert isinstance(error, ThrottledError)
    assert error.retry_after_s == pytest.approx(asked_s, abs=2)
    assert f"; {server.address} is left alone for " in error.message


@pytest.mark.parametrize("headers", [{"RateLimit-Reset": "30"}, {"RateLimit": "limit=100, remaining=0, reset=30"}])
def test_the_reset_of_a_rate_limit_is_a_pause_where_nothing_else_is(
    server: FaultProxy, headers: dict[str, str]
) -> None:
    server.respond = lambda request: Fault(status=429, headers=tuple(headers.items()))
    assert refusal(server).retry_after_s == 30


def test_a_failure_that_is_no_throttling_is_tried_again_whatever_its_rate_limit(server: FaultProxy) -> None:
    server.script = [Fault(status=503, headers=(("X-RateLimit-Reset", "3000"),))]
    server.respond = lambda request: page(["1.0.0"])
    clock = SkippingClock()
    client = RegistryClient(clock=clock)
    found = client.list_tags(image(server.address), RegistryAccess(), clock.monotonic_s() + 20)
    assert found.tags == ("1.0.0",)


@pytest.mark.parametrize("value", ["9999999999", "500000", "99999999999999999999999"])
def test_a_number_that_is_no_pause_is_not_taken_for_one(server: FaultProxy, value: str) -> None:
    server.respond = lambda request: Fault(status=429, headers=(("Retry-After", value),))
    clock = SkippingClock()
    with pytest.raises(ThrottledError) as raised:
        RegistryClient(clock=clock).list_tags(image(server.address), RegistryAccess(), clock.monotonic_s() + 20)
    assert raised.value.retry_after_s is None


# Redirects


@pytest.mark.parametrize("method", ["list", "digest"])
def test_a_redirect_to_another_repository_gets_a_token_of_its_own(server: FaultProxy, method: str) -> None:
    digest = "sha256:" + "a" * 64

    def respond(request: Received) -> Fault:
        own = request.headers.get("Authorization", "")
        if request.path.startswith("/token"):
            return token_for(request)
        if request.path.startswith("/v2/team/library/app/"):
            if own == "Bearer repository-team_library_app-pull":
                return page(["1.0.0"], ("Docker-Content-Digest", digest))
            return unauthorized(server, "repository:team/library/app:pull")
        if not own:
            return unauthorized(server, f"repository:{NAME}:pull")
        return Fault(status=301, headers=(("Location", request.path.replace("team/app", "team/library/app")),))

    server.respond = respond
    client = RegistryClient()
    for _ in range(2):
        if method == "list":
            assert listed(server, client=client).tags == ("1.0.0",)
        else:
            assert client.digest(image(server.address), "1.0.0", RegistryAccess(), soon()) == digest
    assert len([one for one in server.received if one.path.startswith("/token")]) == 2


def test_a_server_that_refuses_every_token_is_asked_for_one_a_hop(server: FaultProxy) -> None:
    def respond(request: Received) -> Fault:
        if request.path.startswith("/token"):
            return token_for(request)
        return unauthorized(server, f"repository:{NAME}:pull")

    server.respond = respond
    assert "401" in refusal(server).message
    assert [one.path.partition("?")[0] for one in server.received] == [LIST, "/token", LIST]


def test_pages_behind_a_redirect_may_be_as_far_inside_as_the_registry() -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(running_fault_proxy()) for _ in range(2))
        first.respond = lambda request: Fault(
            status=307, headers=(("Location", f"http://{second.address}{request.path}"),)
        )

        def respond(request: Received) -> Fault:
            if "last=" in request.path:
                return page(["1.1.0"])
            return page(["1.0.0"], ("Link", f'<{LIST}?n=1000&last=1.0.0>; rel="next"'))

        second.respond = respond
        assert listed(first).tags == ("1.0.0", "1.1.0")


def test_scopes_of_another_action_are_asked_for_again_only_when_a_token_ends(server: FaultProxy) -> None:
    def respond(request: Received) -> Fault:
        if request.path.startswith("/token"):
            return token_for(request)
        name = request.path.removeprefix("/v2/").removesuffix("/tags/list?n=1000")
        if request.headers.get("Authorization") == f"Bearer repository-{name.replace('/', '_')}-metadata_read":
            return page(["1.0.0"])
        return unauthorized(server, f"repository:{name}:metadata_read")

    server.respond = respond
    client = RegistryClient()
    for name in ("team/app", "team/other", "team/app"):
        found = client.list_tags(image(server.address, name), RegistryAccess(), soon())
        assert found.tags == ("1.0.0",)


def test_basic_after_a_refused_token_leaves_the_other_repositories_alone(server: FaultProxy) -> None:
    def respond(request: Received) -> Fault:
        if request.path.startswith("/token"):
            return token_for(request)
        if "Authorization" not in request.headers:
            return unauthorized(server, "repository:team/app:pull")
        if "/team/closed/" in request.path:
            return Fault(status=401, headers=(("WWW-Authenticate", 'Basic realm="harbor"'),))
        return page(["1.0.0"])

    server.respond = respond
    client = RegistryClient()
    with pytest.raises(RetryableError):
        client.list_tags(image(server.address, "team/closed"), RegistryAccess(), soon())
    assert listed(server, client=client).tags == ("1.0.0",)


@pytest.mark.parametrize("secret", [True, False])
def test_a_token_server_on_another_host_gives_tokens_for_all_pages(secret: bool) -> None:
    with ExitStack() as stack:
        registry, issuer = (stack.enter_context(running_fault_proxy()) for _ in range(2))
        challenge = f'Bearer realm="http://{issuer.address}/token",service="other",scope="repository:{NAME}:pull"'

        def respond(request: Received) -> Fault:
            if request.headers.get("Authorization") != f"Bearer repository-{NAME.replace('/', '_')}-pull":
                return Fault(status=401, headers=(("WWW-Authenticate", challenge),))
            if "last=" in request.path:
                return page(["1.1.0"])
            return page(["1.0.0"], ("Link", f'<{LIST}?n=1000&last=1.0.0>; rel="next"'))

        registry.respond = respond
        issuer.respond = token_for
        access = with_secret(registry.address) if secret else RegistryAccess()
        assert listed(registry, access).tags == ("1.0.0", "1.1.0")
        query = parse_qs(urlsplit(issuer.received[0].path).query)
        assert (query["service"], query["scope"]) == (["other"], [f"repository:{NAME}:pull"])
        assert len(issuer.received) == 1
        assert ("Authorization" in issuer.received[0].headers) is secret


# Encoded bodies

ENCODINGS = pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("X-GZIP", gzip.compress), ("deflate", zlib.compress)]
)


@ENCODINGS
def test_a_digest_is_that_of_the_manifest_and_not_of_its_encoding(
    server: FaultProxy, encoding: str, encode: object
) -> None:
    manifest = b'{"schemaVersion": 2}'
    server.respond = lambda request: Fault(
        headers=(("Content-Encoding", encoding),),
        body=b"" if request.method == "HEAD" else encode(manifest),  # type: ignore[operator]
    )
    found = RegistryClient().digest(image(server.address), "1.0.0", RegistryAccess(), soon())
    assert found == f"sha256:{hashlib.sha256(manifest).hexdigest()}"


@ENCODINGS
def test_tags_are_read_from_a_body_that_nobody_asked_to_encode(
    server: FaultProxy, encoding: str, encode: object
) -> None:
    server.respond = lambda request: Fault(
        headers=(("Content-Encoding", encoding),),
        body=encode(json.dumps({"tags": ["1.0.0"]}).encode()),  # type: ignore[operator]
    )
    assert listed(server).tags == ("1.0.0",)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br"])
def test_an_encoding_that_cannot_be_removed_is_refused(server: FaultProxy, encoding: str) -> None:
    server.respond = lambda request: Fault(headers=(("Content-Encoding", encoding),), body=b"\x1b\x03")
    assert f"answer with Content-Encoding '{encoding}' refused" in refusal(server).message


def test_a_small_body_does_not_grow_beyond_the_limit_of_a_page(server: FaultProxy) -> None:
    bomb = gzip.compress(b'{"tags":["a"' + b" " * 30_000_000 + b"]}")
    server.respond = lambda request: Fault(headers=(("Content-Encoding", "gzip"),), body=bomb)
    client = RegistryClient(limits=Limits(page_bytes=1_000_000))
    with pytest.raises(RetryableError, match=r"invalid tag list|more than 1000000 bytes"):
        listed(server, client=client)


# Secrets and TLS


def test_a_pull_secret_without_an_entry_for_the_registry_is_named(server: FaultProxy) -> None:
    server.respond = lambda request: Fault(status=401, headers=(("WWW-Authenticate", 'Basic realm="r"'),))
    text = refusal(server, with_secret("ghcr.io")).message
    assert text.endswith(f"; pull secret 'pull' has no entry for {server.address}; its entries: ghcr.io")


def test_a_secret_of_another_kind_is_named(server: FaultProxy) -> None:
    server.respond = lambda request: Fault(status=403)
    secret = PullSecret(name="login", data={"username": b"u", "password": b"hunter22"})
    text = refusal(server, RegistryAccess(pull_secrets=(secret,))).message
    assert text.endswith("; secret 'login' has no .dockerconfigjson or .dockercfg, so that it is no pull secret")
    assert "hunter22" not in text


def test_a_refusal_of_the_secrets_own_credentials_says_nothing_of_entries(server: FaultProxy) -> None:
    server.respond = lambda request: Fault(status=403)
    assert "pull secret" not in refusal(server, with_secret(server.address)).message


def test_https_to_a_port_of_plain_http_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def resolved(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == "registry.example.com" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with running_registry() as registry:
        address = registry.address.replace("127.0.0.1", "registry.example.com")
        with pytest.raises(RetryableError) as raised:
            RegistryClient().list_tags(image(address), RegistryAccess(), soon())
    assert raised.value.message.endswith(f"{PLAIN_HTTP}; set spec.insecure if the registry has no TLS")
