"""Proxies that an object names: as requests takes them, and SOCKS5 for connections that are not HTTP.

Proxies never come from the environment, and no text made here holds their credentials.
"""

from __future__ import annotations

import socket
import time
from typing import Any
from urllib.parse import quote, urlsplit

import socks
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from tagstream.errors import unusable_login
from tagstream.ports.connection import Proxy

SOCKS_PORT = 1080
# RFC 1929 has one byte for each length; PySocks writes longer ones as two bytes.
MAX_SOCKS_LOGIN = 127
_SCHEMES = ("http", "https", "socks5")


class SocksError(OSError):
    """The proxy cannot be reached, or it refused; the message says why."""


def proxy_url(proxy: Proxy) -> str:
    """The proxy as requests takes it; a SOCKS5 proxy also resolves the names, as in Go.

    Raises:
        AuthenticationError: AuthenticationFailed, an address or credentials that cannot be used.
    """
    scheme, _, rest = proxy.address.partition("://")
    try:
        host = parse_url(proxy.address).host
    except LocationParseError:
        host = None
    if scheme not in _SCHEMES or not host:
        raise unusable_login("the proxy's 'address' is not an http, https or socks5 URL")
    if scheme == "socks5":
        _check_login(proxy)
        scheme = "socks5h"
    login = f"{quote(proxy.username, safe='')}:{quote(proxy.password, safe='')}@" if proxy.username else ""
    return f"{scheme}://{login}{rest}"


def through_socks(proxy: Proxy, host: str, port: int, timeout_s: float) -> socket.socket:
    """A TCP connection through a SOCKS5 proxy, which resolves the host's name.

    Args:
        proxy: its ``address`` is a ``socks5://`` URL.
        host: name or address of the target.
        port: the target's port.
        timeout_s: seconds until the connection stands; it stays the socket's timeout.

    Raises:
        SocksError: the proxy cannot be reached, or it refused.
        AuthenticationError: AuthenticationFailed, credentials that SOCKS5 has no room for.
    """
    _check_login(proxy)
    address = urlsplit(proxy.address)
    where = (address.hostname or "", address.port or SOCKS_PORT)
    try:
        return socks_connection(where, (proxy.username or None, proxy.password or None), (host, port), timeout_s)
    except socks.ProxyError as error:
        raise SocksError(socks_words(error)) from error


def socks_connection(
    proxy: tuple[str, int], login: tuple[str | None, str | None], target: tuple[str, int], timeout_s: float
) -> socket.socket:
    """A TCP connection through a SOCKS5 proxy.

    Args:
        proxy: its host and port.
        login: user name and password, or None.
        target: host, which the proxy resolves, and port.
        timeout_s: seconds until the connection stands; it stays the socket's timeout.

    Raises:
        socks.ProxyError: the proxy cannot be reached, or it refused.
        OSError: the proxy's name cannot be resolved.
    """
    failure: Exception | None = None
    until_s = time.monotonic() + timeout_s
    for family, kind, protocol, _, _ in socket.getaddrinfo(*proxy, type=socket.SOCK_STREAM):
        made = _SocksSocket(family, kind, protocol)
        try:
            made.set_proxy(socks.SOCKS5, *proxy, True, *login)
            made.negotiate(target, max(0.1, until_s - time.monotonic()))
        except OSError as error:
            failure = error
            made.close()
        else:
            socket.socket.settimeout(made, timeout_s)
            return made
    raise failure or OSError("the proxy has no address")


class _SocksSocket(socks.socksocket):  # type: ignore[misc]
    """PySocks' socket with one deadline for the negotiation; PySocks waits as long again for every byte."""

    _until_s: float | None = None

    def negotiate(self, target: tuple[str, int], timeout_s: float) -> None:
        """Connect to the proxy, and have it connect to the target."""
        self._until_s = time.monotonic() + timeout_s
        self.settimeout(timeout_s)
        self.connect(target)
        self._until_s = None

    def recv_into(self, *arguments: Any) -> int:
        """As ``socket.recv_into``, within what is left of the time while the proxy is negotiated with."""
        if self._until_s is not None:
            left_s = self._until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("timed out")
            socket.socket.settimeout(self, left_s)
        return socket.socket.recv_into(self, *arguments)


def socks_words(error: socks.ProxyError) -> str:
    """``socks5 proxy: connection refused``: why a SOCKS5 proxy is of no use."""
    cause = error.socket_err
    if isinstance(cause, ConnectionRefusedError):
        return "socks5 proxy: connection refused"
    if isinstance(cause, socks.ProxyError):
        return socks_words(cause)
    # PySocks puts the reply's number before its meaning: ``0x05: Connection refused``.
    words = str(error.msg).partition(": ")[2] or str(error.msg)
    return f"socks5 proxy: {words[:1].lower()}{words[1:]}"


def _check_login(proxy: Proxy) -> None:
    if max(len(proxy.username.encode()), len(proxy.password.encode())) > MAX_SOCKS_LOGIN:
        raise unusable_login(f"username and password of a socks5 proxy must have at most {MAX_SOCKS_LOGIN} bytes")
