"""Proxies that an object names: as requests takes them, and SOCKS5 for connections that are not HTTP.

Proxies never come from the environment, and no text made here holds their credentials.
"""

from __future__ import annotations

import socket
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
        timeout_s: seconds for each step; it stays the socket's timeout.

    Raises:
        SocksError: the proxy cannot be reached, or it refused.
        AuthenticationError: AuthenticationFailed, credentials that SOCKS5 has no room for.
    """
    _check_login(proxy)
    address = urlsplit(proxy.address)
    try:
        made: socket.socket = socks.create_connection(
            (host, port),
            timeout=timeout_s,
            proxy_type=socks.SOCKS5,
            proxy_addr=address.hostname,
            proxy_port=address.port or SOCKS_PORT,
            proxy_username=proxy.username or None,
            proxy_password=proxy.password or None,
            proxy_rdns=True,
        )
    except socks.ProxyError as error:
        raise SocksError(socks_words(error)) from error
    return made


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
