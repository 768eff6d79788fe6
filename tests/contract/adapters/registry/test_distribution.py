"""The real docker-registry behind passwords, tokens, TLS and client certificates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tagstream.adapters.registry.client import RegistryClient
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports.connection import TlsMaterial
from tagstream.ports.registry import RegistryAccess
from tests.contract.registry_calls import NAME, image, soon, with_secret
from tests.contract.skipping_clock import SkippingClock
from tests.embedded.certificates import Authority, authority
from tests.embedded.distribution import Distribution, alice, running_distribution
from tests.embedded.push import push_image
from tests.embedded.token_server import IDENTITY, PASSWORD, USER, TokenServer, running_token_server, signed

PUBLIC = "public/app"


@pytest.fixture(scope="module")
def locked() -> Iterator[str]:
    with running_distribution(passwords=True) as registry:
        push_image(registry.address, NAME, "1.0.0", session=alice())
        yield registry.address


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with running_token_server() as server:
        yield server


@pytest.fixture
def token_registry(tokens: TokenServer) -> Iterator[str]:
    with running_distribution(token_realm=tokens.realm) as registry:
        for name in (NAME, PUBLIC):
            push_image(registry.address, name, "1.0.0", session=token_holder(name))
        yield registry.address


def token_holder(name: str) -> requests.Session:
    session = requests.Session()
    access = [{"type": "repository", "name": name, "actions": ["pull", "push"]}]
    session.headers["Authorization"] = f"Bearer {signed(USER, access, 300)}"
    return session


def refusal(address: str, access: RegistryAccess, name: str = NAME) -> str:
    with pytest.raises(RetryableError) as raised:
        RegistryClient().list_tags(image(address, name), access, soon())
    return raised.value.message


def test_a_password_lets_in_and_the_second_scan_is_one_request(locked: str) -> None:
    client = RegistryClient()
    listings = [client.list_tags(image(locked), with_secret(locked), soon()) for _ in range(2)]
    assert [(one.tags, one.requests) for one in listings] == [(("1.0.0",), 2), (("1.0.0",), 1)]


def test_a_wrong_password_is_refused_without_repeating_it(locked: str) -> None:
    client, access = RegistryClient(), with_secret(locked, username=USER, password="not-the-password")
    messages = []
    for _ in range(2):
        with pytest.raises(RetryableError) as raised:
            client.list_tags(image(locked), access, soon())
        messages.append(raised.value.message)
    start = f"scan failed: GET http://{locked}/v2/{NAME}/tags/list?n=1000: UNAUTHORIZED: authentication required"
    assert [(one.startswith(start), "not-the-password" in one) for one in messages] == [(True, False)] * 2


def test_without_credentials_a_locked_registry_refuses(locked: str) -> None:
    assert "UNAUTHORIZED: authentication required" in refusal(locked, RegistryAccess())


def test_a_token_is_fetched_once_and_used_again(token_registry: str, tokens: TokenServer) -> None:
    client = RegistryClient()
    listings = [client.list_tags(image(token_registry), with_secret(token_registry), soon()) for _ in range(2)]
    asked = [(method, query["scope"], query["service"]) for method, query in tokens.requests]
    assert [one.requests for one in listings] == [3, 1]
    assert asked == [("GET", [f"repository:{NAME}:pull"], ["test-registry"])]


def test_a_second_repository_goes_straight_to_the_token_server(token_registry: str) -> None:
    client = RegistryClient()
    requests_made = [
        client.list_tags(image(token_registry, name), with_secret(token_registry), soon()).requests
        for name in (NAME, PUBLIC)
    ]
    assert requests_made == [3, 2]


def test_anonymous_tokens_open_public_repositories_only(token_registry: str) -> None:
    listing = RegistryClient().list_tags(image(token_registry, PUBLIC), RegistryAccess(), soon())
    assert listing.tags == ("1.0.0",)
    assert "UNAUTHORIZED" in refusal(token_registry, RegistryAccess())


def test_an_identity_token_is_posted(token_registry: str, tokens: TokenServer) -> None:
    access = with_secret(token_registry, identitytoken=IDENTITY)
    listing = RegistryClient().list_tags(image(token_registry), access, soon())
    assert listing.tags == ("1.0.0",)
    assert [method for method, _ in tokens.requests] == ["POST"]


def test_a_token_server_without_post_is_asked_by_get(token_registry: str, tokens: TokenServer) -> None:
    tokens.knows_post = False
    access = with_secret(token_registry, identitytoken=IDENTITY, username=USER, password=PASSWORD)
    listing = RegistryClient().list_tags(image(token_registry), access, soon())
    assert listing.tags == ("1.0.0",)
    assert [method for method, _ in tokens.requests] == ["POST", "GET"]


def test_a_registry_token_is_used_as_it_is(token_registry: str, tokens: TokenServer) -> None:
    token = signed(USER, [{"type": "repository", "name": NAME, "actions": ["pull"]}], 300)
    access = with_secret(token_registry, registrytoken=token)
    assert RegistryClient().list_tags(image(token_registry), access, soon()).tags == ("1.0.0",)
    assert tokens.requests == []


def test_an_expired_token_is_fetched_again(token_registry: str, tokens: TokenServer) -> None:
    tokens.lifetime_s = 1
    clock = SkippingClock()
    client = RegistryClient(clock=clock)
    for _ in range(2):
        client.list_tags(image(token_registry), with_secret(token_registry), clock.monotonic_s() + 20)
        tokens.lifetime_s = 300
        clock.sleep(1.0)
    assert len(tokens.requests) == 2


def test_a_wrong_password_at_the_token_server_is_named(token_registry: str, tokens: TokenServer) -> None:
    message = refusal(token_registry, with_secret(token_registry, username=USER, password="not-the-password"))
    assert message == (
        f"scan failed: GET {tokens.realm}?scope=repository%3Ateam%2Fapp%3Apull&service=test-registry:"
        " UNAUTHORIZED: wrong password"
    )


def test_a_digest_needs_the_same_token(token_registry: str) -> None:
    client = RegistryClient()
    digest = client.digest(image(token_registry), "1.0.0", with_secret(token_registry), soon())
    assert digest.startswith("sha256:")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Distribution]:
    ca = tmp_path_factory.mktemp("ca") / "ca.crt"
    ca.write_bytes(authority().ca)
    with running_distribution(passwords=True, tls=authority()) as registry:
        push_image(registry.url, NAME, "1.0.0", session=alice(ca))
        yield registry


def over_tls(registry: Distribution, ca: bytes) -> RegistryAccess:
    return RegistryAccess(pull_secrets=with_secret(registry.address).pull_secrets, tls=TlsMaterial(ca_crt=ca))


def test_an_own_ca_is_trusted_and_an_address_that_looks_plain_is_asked_over_tls(secure: Distribution) -> None:
    client, access = RegistryClient(), over_tls(secure, authority().ca)
    listings = [client.list_tags(image(secure.address), access, soon()) for _ in range(2)]
    assert [(one.tags, one.requests) for one in listings] == [(("1.0.0",), 3), (("1.0.0",), 1)]


@pytest.mark.parametrize("ca", [b"", authority("another CA").ca], ids=["the system's CAs", "another CA"])
def test_an_unknown_ca_is_refused(secure: Distribution, ca: bytes) -> None:
    message = refusal(secure.address, over_tls(secure, ca))
    url = f"https://{secure.address}/v2/{NAME}/tags/list?n=1000"
    assert message.startswith(f'scan failed: Get "{url}": tls: ')


@pytest.mark.parametrize(
    "tls",
    [authority("old CA", rfc_5280=False), authority("intermediate CA", intermediate=True)],
    ids=["older than RFC 5280", "not a root"],
)
def test_a_given_ca_is_trusted_as_go_trusts_it(tls: Authority) -> None:
    with running_distribution(tls=tls) as registry:
        assert "NAME_UNKNOWN" in refusal(registry.address, RegistryAccess(tls=TlsMaterial(ca_crt=tls.ca)))


def test_a_client_certificate_opens_a_registry_that_demands_one(tmp_path: Path) -> None:
    tls = authority()
    with running_distribution(tls=tls, client_certificates=True) as registry:
        material = TlsMaterial(ca_crt=tls.ca, tls_crt=tls.client.certificate, tls_key=tls.client.key)
        known = refusal(registry.address, RegistryAccess(tls=material))
        unknown = refusal(registry.address, RegistryAccess(tls=TlsMaterial(ca_crt=tls.ca)))
    assert "NAME_UNKNOWN" in known
    assert "NAME_UNKNOWN" not in unknown


def test_pem_that_does_not_parse_is_unusable_configuration() -> None:
    access = RegistryAccess(tls=TlsMaterial(ca_crt=b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"))
    with pytest.raises(AuthenticationError) as raised:
        RegistryClient().list_tags(image("127.0.0.1:1"), access, soon())
    assert raised.value.message == "failed to configure authentication options: failed to parse CA certificate"
    assert raised.value.reason == "AuthenticationFailed"


def test_a_read_only_registry_is_read(tmp_path: Path) -> None:
    with running_distribution(read_only=True) as registry:
        assert "NAME_UNKNOWN" in refusal(registry.address, RegistryAccess())
