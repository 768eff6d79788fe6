"""The HTTPAdapter of every session: connections look where they lead before they send, and keep to a deadline."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from tagstream.adapters.http.address_guard import Reach, check_address, check_reach
from tagstream.adapters.http.timed_socket import TimedSocket

MAX_CONNECTIONS = 32
MAX_HOSTS = 64


class CallReach(threading.local):
    """How far inside the request of this thread may reach, and how far inside its server was."""

    allowed: Reach = Reach.LOOPBACK
    reached: Reach = Reach.PUBLIC


class GuardedAdapter(HTTPAdapter):
    """Pools of guarded connections with one TLS configuration.

    Args:
        tls: makes the TLS context, asked for when the first https URL is.
        reach: of the calling thread, read and written by its connections.
        proxy: URL of the proxy that every request goes through; addresses are not checked then, because the peer is
            the proxy.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext], reach: CallReach, proxy: str = "") -> None:
        self._tls = tls
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
    return type("GuardedPool", (kind,), {"ConnectionCls": connection})


class _Guarded:
    """Mixed into urllib3's connections: the peer's address is checked before the first byte is sent."""

    _reach: ClassVar[CallReach]
    _checks_addresses: ClassVar[bool]
    host: str
    sock: Any
    _peer: Reach = Reach.PUBLIC

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.sock = TimedSocket(self.sock)

    def _new_conn(self) -> socket.socket:
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
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
