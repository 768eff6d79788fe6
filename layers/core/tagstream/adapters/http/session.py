"""HTTP connections to registries and token servers: own CAs, client certificates, proxies, one deadline per answer.

In: method, URL, headers, seconds left, how far inside the host may be. Out: a streaming response, or ConnectionFault.
urllib3 directly and not requests: requests lets ~/.netrc replace our Authorization, takes proxies from the environment
and joins repeated WWW-Authenticate lines.

Source: image-reflector-controller internal/registry/options.go (transport); fluxcd/pkg runtime/secrets (TLS, proxy).
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError, ProxyError
from urllib3.response import BaseHTTPResponse

from tagstream.adapters.http.address_guard import Reach, RefusedAddress, check_address, check_literal, check_reach
from tagstream.adapters.http.socks5 import SocksError, connect_through
from tagstream.errors import AuthenticationError
from tagstream.ports.connection import Proxy, TlsMaterial

CONNECT_S = 10.0
CHUNK = 65_536
USER_AGENT = "tagstream"
MAX_CONNECTIONS = 32
MAX_HOSTS = 64


class ConnectionFault(Exception):
    """No complete answer arrived.

    Args:
        message: what went wrong, without secrets.
        temporary: whether trying again can help.
    """

    def __init__(self, message: str, *, temporary: bool = True) -> None:
        super().__init__(message)
        self.temporary = temporary


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; ``allowed`` is the farthest inside its host may be, ``secrets`` must not come back in texts."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    allowed: Reach = Reach.LOOPBACK
    secrets: tuple[str, ...] = field(default=(), repr=False)


class _Deadline(threading.local):
    """What the connection being opened by this thread may reach, and what it did reach."""

    allowed: Reach = Reach.LOOPBACK
    reached: Reach = Reach.PUBLIC


class _TimedReader(io.RawIOBase):
    """Every read gets what is left of the answer's time, so that a slow drip of bytes cannot outlast it."""

    def __init__(self, owner: _TimedSocket, inner: io.RawIOBase) -> None:
        self._owner = owner
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._owner.spend()
        return self._inner.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


class _TimedSocket:
    """A socket whose timeout, once set, bounds everything until it is set again."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._until = time.monotonic() + (inner.gettimeout() or CONNECT_S)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def settimeout(self, seconds: float | None) -> None:
        self._until = time.monotonic() + (CONNECT_S if seconds is None else seconds)
        self._inner.settimeout(seconds)

    def spend(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._inner.settimeout(left)

    def makefile(self, mode: str = "rb", buffering: int | None = None) -> io.BufferedReader:
        raw = self._inner.makefile(mode, buffering=0)  # type: ignore[call-overload]
        return io.BufferedReader(_TimedReader(self, raw))


class Session:
    """Connections with one TLS and proxy configuration, shared by threads.

    Raises:
        AuthenticationError: certificates that cannot be loaded.
    """

    def __init__(self, tls: TlsMaterial | None = None, proxy: Proxy | None = None) -> None:
        self._state = _Deadline()
        self._proxied = proxy is not None
        context = tls_context(tls)
        options: dict[str, Any] = {
            "num_pools": MAX_HOSTS,
            "maxsize": MAX_CONNECTIONS,
            "ssl_context": context,
            "retries": False,
        }
        if proxy is None or proxy.address.startswith("socks5"):
            self._pools: urllib3.PoolManager = urllib3.PoolManager(**options)
        else:
            self._pools = _proxy_pools(proxy, options)
        socks = proxy if proxy is not None and proxy.address.startswith("socks5") else None
        self._pools.pool_classes_by_scheme = _pool_classes(self._state, socks, checks=not self._proxied)

    @contextmanager
    def open(self, request: Request, timeout_s: float) -> Iterator[tuple[BaseHTTPResponse, Reach]]:
        """Send and hand over the answer while it streams; the connection is kept when the answer was read whole.

        Args:
            request: what to send; redirects are not followed.
            timeout_s: seconds for the whole exchange, reading the answer included.

        Yields:
            The response and how far inside its server is.

        Raises:
            ConnectionFault: here or while the answer is read.
        """
        response: BaseHTTPResponse | None = None
        _check_headers(request.headers)
        self._state.allowed = request.allowed
        try:
            # Behind a proxy only addresses written out are known; the proxy resolves names.
            self._state.reached = check_literal(urlsplit(request.url).hostname or "", request.allowed)
            response = self._pools.urlopen(
                request.method,
                request.url,
                headers={"User-Agent": USER_AGENT, **request.headers},
                body=request.body,
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=min(CONNECT_S, timeout_s), read=timeout_s),
            )
            yield response, self._state.reached
        except (HTTPError, OSError, ValueError) as error:
            raise _fault(error) from error
        finally:
            if response is not None:
                _release(response)


def tls_context(tls: TlsMaterial | None) -> ssl.SSLContext:
    """The system's CAs and the given one, with a client certificate when there is one.

    Raises:
        AuthenticationError: PEM that cannot be loaded; the cause names the member only.
    """
    context = ssl.create_default_context()
    # As Go, on every Python: a given CA may be an intermediate one, and old CAs lack key identifiers.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if tls is None:
        return context
    try:
        if tls.ca_crt:
            context.load_verify_locations(cadata=tls.ca_crt.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise _unusable("failed to parse CA certificate") from error
    try:
        if tls.tls_crt:
            _load_certificate(context, tls)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise _unusable("failed to parse certificate and key in 'tls.crt' and 'tls.key'") from error
    return context


def _load_certificate(context: ssl.SSLContext, tls: TlsMaterial) -> None:
    # The ssl module reads certificates from files only; this one is readable by us alone and gone at once.
    with tempfile.NamedTemporaryFile() as file:
        file.write(tls.tls_crt + b"\n" + tls.tls_key)
        file.flush()
        context.load_cert_chain(file.name, password=_no_passphrase)


def _no_passphrase() -> str:
    raise ValueError("the key is encrypted")


def _unusable(cause: str) -> AuthenticationError:
    return AuthenticationError(f"failed to configure authentication options: {cause}", reason="AuthenticationFailed")


def _proxy_pools(proxy: Proxy, options: dict[str, Any]) -> urllib3.ProxyManager:
    headers = None
    if proxy.username:
        headers = urllib3.make_headers(proxy_basic_auth=f"{proxy.username}:{proxy.password}")
    try:
        return urllib3.ProxyManager(proxy.address, proxy_headers=headers, **options)
    except (HTTPError, LocationValueError, ValueError) as error:
        raise _unusable("the proxy's 'address' is not an http, https or socks5 URL") from error


class _Bounded:
    """Mixed into urllib3's connections: address checks, SOCKS5, one deadline per answer."""

    _state: ClassVar[_Deadline]
    _socks: ClassVar[Proxy | None]
    _checks: ClassVar[bool]
    host: str
    port: int
    timeout: float
    sock: Any
    _peer: Reach = Reach.PUBLIC

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.sock = _TimedSocket(self.sock)

    def _new_conn(self) -> socket.socket:
        if self._socks is not None:
            return through_socks(self._socks, self.host, self.port, self.timeout)
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
        if not self._checks:
            return made
        try:
            self._peer = check_address(self.host, made.getpeername()[0], self._state.allowed)
        except OSError:
            made.close()
            raise
        return made

    def request(self, *arguments: Any, **options: Any) -> None:
        if self.sock is not None:
            # A pooled connection may have been opened for somebody who was allowed more.
            check_reach(self.host, self._peer, self._state.allowed)
        super().request(*arguments, **options)  # type: ignore[misc]
        if self._checks:
            self._state.reached = self._peer


def through_socks(proxy: Proxy, host: str, port: int, timeout_s: float) -> socket.socket:
    """A connection through a SOCKS5 proxy.

    Raises:
        SocksError: the proxy cannot be reached, or refuses.
    """
    address = urlsplit(proxy.address)
    try:
        made = socket.create_connection((address.hostname or "", address.port or 1080), timeout_s)
    except ConnectionRefusedError as error:
        raise SocksError("socks5 proxy: connection refused") from error
    try:
        connect_through(made, proxy, host, port)
    except (OSError, UnicodeError):
        made.close()
        raise
    return made


def _pool_classes(state: _Deadline, socks: Proxy | None, *, checks: bool) -> dict[str, type[HTTPConnectionPool]]:
    members = {"_state": state, "_socks": socks, "_checks": checks}
    plain = type("PlainConnection", (_Bounded, HTTPConnection), members)
    secure = type("SecureConnection", (_Bounded, HTTPSConnection), members)
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


def _check_headers(headers: Mapping[str, str]) -> None:
    # http.client refuses them too, and quotes the value: it may be a password.
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConnectionFault(f'net/http: invalid header field value for "{name}"', temporary=False)


def _release(response: BaseHTTPResponse) -> None:
    # A connection with an unread rest cannot be used again; reading the rest could take for ever.
    if response.closed or getattr(response, "length_remaining", None) == 0:
        response.release_conn()
    else:
        response.close()
        response.release_conn()


def _fault(error: Exception) -> ConnectionFault:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < 8:
        causes.append(cause)
    causes += [argument for argument in error.args if isinstance(argument, BaseException)]
    # urllib3 calls every failed connection a timeout: look for what lies below first.
    fault = next((found for one in causes if (found := _known(one)) is not None), ConnectionFault(_plain(error)))
    if isinstance(error, ProxyError):
        return ConnectionFault(f"proxyconnect tcp: {fault}", temporary=fault.temporary)
    return fault


def _known(error: BaseException) -> ConnectionFault | None:
    if isinstance(error, RefusedAddress | SocksError):
        return ConnectionFault(str(error), temporary=isinstance(error, SocksError))
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or "handshake failed"
        return ConnectionFault(f"tls: {reason}", temporary=not isinstance(error, ssl.SSLCertVerificationError))
    if isinstance(error, socket.gaierror):
        return ConnectionFault("dial tcp: lookup failed: no such host")
    if isinstance(error, ConnectionRefusedError):
        return ConnectionFault("dial tcp: connect: connection refused")
    if isinstance(error, http.client.IncompleteRead):
        return ConnectionFault("unexpected EOF")
    if isinstance(error, http.client.RemoteDisconnected):
        return ConnectionFault("EOF")
    if isinstance(error, http.client.BadStatusLine):
        return ConnectionFault("malformed HTTP response")
    is_timeout = isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError)
    if is_timeout and not isinstance(error, NewConnectionError):
        return ConnectionFault("context deadline exceeded")
    if isinstance(error, OSError) and error.errno and error.strerror:
        return ConnectionFault(error.strerror.lower())
    return None


def _plain(error: Exception) -> str:
    inner = next((one for one in error.args if isinstance(one, BaseException)), error)
    return f"{type(inner).__name__}: {inner}"[:200]
