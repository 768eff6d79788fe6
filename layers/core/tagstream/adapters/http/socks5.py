"""A TCP connection through a SOCKS5 proxy, names resolved by the proxy.

In: a socket connected to the proxy, a target. Out: the same socket, connected to the target.

Source: RFC 1928, RFC 1929.
"""

from __future__ import annotations

import socket

from tagstream.ports.connection import Proxy

_NO_AUTH, _USER_PASS = 0, 2
_FAILURES = (
    "general failure",
    "connection not allowed by ruleset",
    "network unreachable",
    "host unreachable",
    "connection refused",
    "TTL expired",
    "command not supported",
    "address type not supported",
)


class SocksError(OSError):
    """The proxy refused; the message says why and never holds credentials."""


def connect_through(proxied: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Ask the proxy to connect.

    Args:
        proxied: connected to the proxy, with a timeout.
        proxy: credentials, when it wants them.
        host: name or address of the target.
        port: the target's port.

    Raises:
        SocksError: refused, or not a SOCKS5 proxy.
    """
    _authenticate(proxied, proxy)
    name = host.strip("[]").encode("idna")
    proxied.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
    _, status, _, kind = _exactly(proxied, 4)
    if status:
        cause = _FAILURES[status - 1] if status <= len(_FAILURES) else f"error {status}"
        raise SocksError(f"socks5 proxy: {cause}")
    length = {1: 4, 4: 16}.get(kind) or _exactly(proxied, 1)[0]
    _exactly(proxied, length + 2)


def _authenticate(proxied: socket.socket, proxy: Proxy) -> None:
    method = _USER_PASS if proxy.username else _NO_AUTH
    proxied.sendall(bytes([5, 1, method]))
    version, chosen = _exactly(proxied, 2)
    if version != 5:
        raise SocksError("socks5 proxy: not a SOCKS5 server")
    if chosen != method:
        raise SocksError("socks5 proxy: no acceptable authentication method")
    if method == _USER_PASS:
        user, password = proxy.username.encode(), proxy.password.encode()
        if len(user) > 255 or len(password) > 255:
            raise SocksError("socks5 proxy: username and password must have at most 255 bytes")
        proxied.sendall(b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password)
        if _exactly(proxied, 2)[1]:
            raise SocksError("socks5 proxy: username or password refused")


def _exactly(proxied: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = proxied.recv(count - len(found))
        if not part:
            raise SocksError("socks5 proxy: connection closed")
        found += part
    return found
