"""Registries behind HTTP and SOCKS5 proxies, over plain HTTP and TLS."""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.session import Request, Session
from tagstream.adapters.registry.client import RegistryClient
from tagstream.errors import RetryableError
from tagstream.ports.connection import Proxy, TlsMaterial
from tagstream.ports.registry import RegistryAccess
from tests.contract.registry_calls import NAME, image, soon, with_secret
from tests.embedded.certificates import authority
from tests.embedded.distribution import alice, running_distribution
from tests.embedded.forward_proxy import PASSWORD, USER, HttpProxy, SocksProxy, running_proxy
from tests.embedded.push import push_image
from tests.embedded.registry import running_registry

KINDS = pytest.mark.parametrize(("scheme", "kind"), [("http", HttpProxy), ("socks5", SocksProxy)])
Kind = type[HttpProxy] | type[SocksProxy]


def through(scheme: str, proxy: HttpProxy | SocksProxy, password: str = PASSWORD) -> Proxy:
    host, port = proxy.server_address[:2]
    return Proxy(address=f"{scheme}://{host!s}:{port}", username=USER, password=password)


@KINDS
def test_tags_are_listed_through_a_proxy(scheme: str, kind: Kind) -> None:
    with running_registry() as registry, running_proxy(kind) as proxy:
        registry.add_tags(NAME, ["1.0.0"])
        access = RegistryAccess(proxy=through(scheme, proxy))
        tags = RegistryClient().list_tags(image(registry.address), access, soon()).tags
        assert tags == ("1.0.0",)
        assert proxy.targets == [registry.address]


@KINDS
def test_tls_goes_through_a_proxy_end_to_end(scheme: str, kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> None:
    ca = tmp_path_factory.mktemp("ca") / "ca.crt"
    ca.write_bytes(authority().ca)
    with running_distribution(passwords=True, tls=authority()) as registry, running_proxy(kind) as proxy:
        push_image(registry.url, NAME, "1.0.0", session=alice(ca))
        access = RegistryAccess(
            pull_secrets=with_secret(registry.address).pull_secrets,
            tls=TlsMaterial(ca_crt=authority().ca),
            proxy=through(scheme, proxy),
        )
        tags = RegistryClient().list_tags(image(registry.address), access, soon()).tags
        assert tags == ("1.0.0",)
        assert set(proxy.targets) == {registry.address}


def test_an_insecure_repository_is_listed_and_its_digest_read_without_tls() -> None:
    name = "registry.example.com:5000"
    with running_registry() as registry, running_proxy(HttpProxy) as proxy:
        digest = registry.add_tags(NAME, ["1.0.0"])
        proxy.names[name] = registry.address
        access = RegistryAccess(proxy=through("http", proxy), insecure=True)
        client = RegistryClient()
        tags = client.list_tags(image(name), access, soon()).tags
        found = client.digest(image(name), "1.0.0", access, soon())
        # Over TLS the proxy is asked for a tunnel, and there is nothing with a certificate at its end.
        assert tags == ("1.0.0",)
        assert found == digest
        assert set(proxy.targets) == {name}
        assert registry.requests[-1][0] == "HEAD"


@KINDS
def test_a_wrong_proxy_password_is_an_error_without_the_password(scheme: str, kind: Kind) -> None:
    with running_registry() as registry, running_proxy(kind) as proxy:
        access = RegistryAccess(proxy=through(scheme, proxy, "not-the-password"))
        with pytest.raises(RetryableError) as raised:
            RegistryClient().list_tags(image(registry.address), access, soon(5))
    message = raised.value.message
    assert message.startswith("scan failed: ")
    assert "not-the-password" not in message


class Dripping(StreamRequestHandler):
    """Answers a byte at a time, and never to an end."""

    def handle(self) -> None:
        self.connection.recv(4096)
        drip = self.server.drip  # type: ignore[attr-defined]
        with suppress(OSError):
            for number in itertools.count():
                self.connection.sendall(drip[number % len(drip)].to_bytes(1, "big"))
                time.sleep(0.3)


@pytest.mark.parametrize("url", ["https://registry.example.com/v2/", "http://registry.example.com/v2/"])
@pytest.mark.parametrize(
    ("scheme", "drip"),
    [("http", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 9999), ("socks5", b"\x05\x00\x05\x00\x00\x03\xff" + b"a" * 999)],
)
def test_a_proxy_that_never_stops_answering_does_not_outlast_the_timeout(url: str, scheme: str, drip: bytes) -> None:
    with ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads, server.block_on_close = True, False
        server.drip = drip  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        proxy = Proxy(address=f"{scheme}://127.0.0.1:{server.server_address[1]}")
        begun = time.monotonic()
        request = Request(method="GET", url=url, headers={})
        with (
            pytest.raises(ConnectionFault, match="context deadline exceeded"),
            Session(None, proxy).open(request, 1.5),
        ):
            pass
        assert time.monotonic() - begun < 5
        server.shutdown()
