"""The HTTPAdapter of every session: connections look where they lead before they send, and keep to a deadline."""

from __future__ import annotations

import base64
import math
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry
from urllib3.response import BaseHTTPResponse

from tagstream.adapters.http.address_guard import Reach, check_address, check_reach
from tagstream.adapters.http.proxies import SOCKS_PORT, socks_connection
from tagstream.adapters.http.short_way import IdleConnections, ShortWay
from tagstream.adapters.http.time_limit import time_limit
from tagstream.adapters.http.timed_socket import CONNECT_S, TimedSocket

MAX_CONNECTIONS = 32
MAX_HOSTS = 64
USER_AGENT = "tagstream"
DEFAULT_PORTS = {"http": "80", "https": "443"}
PLAIN_URL = re.compile(
    r"(https?)://([a-z0-9.\-]+)(?::([1-5]?[0-9]{1,4}|6[0-4][0-9]{3}))?(/[A-Za-z0-9._~:/?=&,+%\-]*)", re.ASCII
)
"""What nearly every URL of a registry is: nothing to encode, to lower or to translate.

Its groups are scheme, host, port and target. Ports from 65000 on are left to requests, which checks their range.
"""

# What every short request says, by its name in lower case.
_FIELDS = {"accept-encoding": "Accept-Encoding: identity\r\n", "user-agent": f"User-Agent: {USER_AGENT}\r\n"}


class CallReach(threading.local):
    """How far inside the request of this thread may reach, and how far inside its server was.

    ``first_answer_s`` is how long its first byte may take; None for the whole time-out. ``until_s`` is when the
    exchange must have ended, on the monotonic clock.
    """

    until_s: float = math.inf
    allowed: Reach = Reach.LOOPBACK
    reached: Reach = Reach.PUBLIC
    first_answer_s: float | None = None


class GuardedAdapter(HTTPAdapter):
    """Pools of guarded connections with one TLS configuration.

    Args:
        tls: makes the TLS context, asked for when the first https URL is.
        reach: of the calling thread, read and written by its connections.
        proxy: URL of the proxy that every request goes through; addresses are not checked then, because the peer is
            the proxy.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext], reach: CallReach, proxy: str = "") -> None:
        self._tls, self._proxy = tls, proxy
        self._pool = lru_cache(MAX_HOSTS)(self._new_pool)
        super().__init__(MAX_HOSTS, MAX_CONNECTIONS, max_retries=Retry(False))
        if proxy:
            # An https proxy is verified by the same TLS context as what is behind it.
            options = {"proxy_ssl_context": tls()} if proxy.startswith("https:") else {}
            pools = self.proxy_manager_for(proxy, **options)
        else:
            pools = self.poolmanager
        members = {"_reach": reach, "_checks_addresses": not proxy}
        pools.pool_classes_by_scheme = {
            scheme: _guarded_pool(kind, members) for scheme, kind in pools.pool_classes_by_scheme.items()
        }

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """The proxy's credentials in UTF-8 as Go sends them; requests would encode them as Latin-1."""
        parts = urlsplit(proxy)
        if not parts.username:
            return {}
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        return {"Proxy-Authorization": f"Basic {base64.b64encode(login).decode()}"}

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """The pool of the URL's host. requests works it out anew for each request, in a tenth of a short exchange."""
        plain = None if self._proxy else PLAIN_URL.fullmatch(request.url or "")
        if plain is None:
            return super().get_connection_with_tls_context(request, verify, proxies, cert)
        return self._pool(plain[1], plain[2], plain[3])

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """What to ask the host for."""
        plain = None if self._proxy else PLAIN_URL.fullmatch(request.url or "")
        return super().request_url(request, proxies) if plain is None else plain[4]

    def ask(
        self, method: str, plain: re.Match[str], headers: Mapping[str, str], timeout: tuple[float, float]
    ) -> BaseHTTPResponse:
        """Send a request without a body, not through a proxy.

        Args:
            method: GET or HEAD.
            plain: its URL, matched by ``PLAIN_URL``.
            headers: names are tokens, values are printable ASCII. They take the place of those that are sent anyway.
            timeout: seconds for the connection to be made, and for the exchange.

        Raises:
            HTTPError: no connection could be made.
            OSError: it broke, or was too slow.
            HTTPException: what came is no answer.
        """
        scheme, host, port, target = plain.groups()
        at = host if port is None or DEFAULT_PORTS[scheme] == port else f"{host}:{port}"
        fields = {"host": f"Host: {at}\r\n", **_FIELDS}
        for name, value in headers.items():
            fields[name.lower()] = f"{name}: {value}\r\n"
        head = f"{method} {target} HTTP/1.1\r\n{''.join(fields.values())}\r\n"
        found: BaseHTTPResponse = self._pool(scheme, host, port).ask(method, target, head.encode("ascii"), timeout)
        return found

    def _new_pool(self, scheme: str, host: str, port: str | None) -> Any:
        options = {"ssl_context": self._tls()} if scheme == "https" else {}
        kind = self.poolmanager.pool_classes_by_scheme[scheme]
        return kind(host, int(port) if port else None, maxsize=MAX_CONNECTIONS, **options)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Scheme, host and port, and the TLS context in place of requests' own verification settings."""
        parts = urlsplit(request.url or "")
        host = {"scheme": parts.scheme, "host": parts.hostname, "port": parts.port}
        return host, {"ssl_context": self._tls()} if parts.scheme == "https" else {}

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """A response that is read through ``raw``: no cookies, no guess of its text's encoding."""
        response = requests.Response()
        response.request, response.raw, response.status_code = req, resp, resp.status
        return response

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: the TLS context verifies, and requests' CA bundle is not used."""


def _guarded_pool(kind: type[Any], members: dict[str, Any]) -> type[Any]:
    connection = type("GuardedConnection", (_Guarded, kind.ConnectionCls), members)
    return type("GuardedPool", (ShortWay, kind), {"ConnectionCls": connection, "QueueCls": IdleConnections})


class _Guarded:
    """Mixed into urllib3's connections: the peer's address is checked before the first byte is sent."""

    _reach: ClassVar[CallReach]
    _checks_addresses: ClassVar[bool]
    host: str
    port: int
    timeout: float | None
    sock: Any
    _raw: socket.socket | None = None
    _peer: Reach = Reach.PUBLIC

    def connect(self) -> None:
        if self._checks_addresses:
            super().connect()  # type: ignore[misc]
        else:
            with time_limit(float(self.timeout or CONNECT_S), self._end):
                super().connect()  # type: ignore[misc]
        self.sock = TimedSocket(self.sock)
        self._limit_exchange()

    @property
    def is_connected(self) -> bool:
        """As urllib3 asks before it uses a connection again: not if something has come that nobody has read."""
        return isinstance(self.sock, TimedSocket) and self.sock.is_silent

    def _end(self) -> None:
        """End a connection through a proxy, which may answer byte by byte: each read has a timeout of its own."""
        if self._raw is not None:
            with suppress(OSError):
                self._raw.shutdown(socket.SHUT_RDWR)

    def _new_conn(self) -> socket.socket:
        options = getattr(self, "_socks_options", None)
        made: socket.socket
        if options is None:
            made = super()._new_conn()  # type: ignore[misc]
        else:
            proxy = (str(options["proxy_host"]).strip("[]"), int(options["proxy_port"] or SOCKS_PORT))
            login = (options["username"], options["password"])
            made = socks_connection(proxy, login, (self.host, self.port), float(self.timeout or CONNECT_S))
        self._raw = made
        if not self._checks_addresses:
            return made
        try:
            self._peer = check_address(self.host, made.getpeername()[0], self._reach.allowed)
        except OSError:
            made.close()
            raise
        return made

    def request(self, *arguments: Any, **options: Any) -> None:
        if self.sock is not None:
            # A pooled connection may have been opened for a request that was allowed more.
            check_reach(self.host, self._peer, self._reach.allowed)
        super().request(*arguments, **options)  # type: ignore[misc]
        if self._checks_addresses:
            self._reach.reached = self._peer

    def endheaders(self, *arguments: Any, **options: Any) -> None:
        """Send a request with its body, which may take all the time; urllib3 allows it what a connection may take."""
        self._limit_exchange()
        super().endheaders(*arguments, **options)  # type: ignore[misc]

    def _limit_exchange(self) -> None:
        left_s = self._reach.until_s - time.monotonic()
        if self.sock is not None and left_s < math.inf:
            self.sock.settimeout(left_s)

    def send_head(self, head: bytes, timeout_s: float) -> None:
        """Send a request without a body."""
        check_reach(self.host, self._peer, self._reach.allowed)
        self._reach.reached = self._peer
        self.sock.first_answer_s = self._reach.first_answer_s
        self.sock.settimeout(timeout_s)
        try:
            self.sock.sendall(head)
        except (BrokenPipeError, ConnectionResetError):
            # The server may have answered before it closed the connection.
            return

    def getresponse(self) -> Any:
        self.sock.first_answer_s = self._reach.first_answer_s
        self.timeout = min(self.timeout or math.inf, self._reach.until_s - time.monotonic())
        return super().getresponse()  # type: ignore[misc]
