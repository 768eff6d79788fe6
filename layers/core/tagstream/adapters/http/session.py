"""The HTTP session of registries, token services, Git servers and issuers, on requests.

Nothing comes from the environment: no netrc, no proxies, no cookies, no CA bundle. Redirects are never followed here,
because whoever sent a request must decide whether its credentials may go along.

Source: image-reflector-controller internal/registry/options.go (transport); fluxcd/pkg runtime/secrets (TLS, proxy).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from gocompat.quote import quote
from tagstream.adapters.http.address_guard import Reach, check_literal
from tagstream.adapters.http.faults import ConnectionFault, as_fault
from tagstream.adapters.http.guarded_adapter import PLAIN_URL, USER_AGENT, CallReach, GuardedAdapter
from tagstream.adapters.http.proxies import proxy_url
from tagstream.adapters.http.timed_socket import CONNECT_S
from tagstream.adapters.http.tls import tls_context
from tagstream.ports.connection import Proxy, TlsMaterial

CHUNK = 65_536
"""Bytes to read from an answer at a time."""
MAX_SESSIONS = 64
# RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request.

    ``allowed`` is the farthest inside that its host's address may be; ``secrets`` must not come back in any text.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    allowed: Reach = Reach.LOOPBACK
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Session(requests.Session):
    """Connections with one TLS and proxy configuration, shared by threads.

    Args:
        tls: a CA to trust beside the system's, and a client certificate.
        proxy: for every request.

    Raises:
        AuthenticationError: AuthenticationFailed, certificates or a proxy that cannot be used.
    """

    def __init__(self, tls: TlsMaterial | None = None, proxy: Proxy | None = None) -> None:
        super().__init__()
        self.trust_env = False
        if tls is not None:
            tls_context(tls)
        through = "" if proxy is None else proxy_url(proxy)
        if through:
            self.proxies = dict.fromkeys(("http", "https"), through)
        self._reach = CallReach()
        self._adapter = GuardedAdapter(partial(tls_context, tls), self._reach, through)
        self.mount("http://", self._adapter)
        self.mount("https://", self._adapter)

    @contextmanager
    def open(
        self, request: Request, timeout_s: float, first_answer_s: float | None = None
    ) -> Iterator[tuple[BaseHTTPResponse, Reach]]:
        """Send a request and hand over its answer while it streams.

        The connection is kept when the answer was read to its end.

        Args:
            request: what to send.
            timeout_s: seconds for the whole exchange, reading the answer included.
            first_answer_s: seconds until the first byte of the answer; None for all of the time-out.

        Yields:
            The response, and how far inside its server is.

        Raises:
            ConnectionFault: no answer; also raised while the answer is read.
        """
        response: BaseHTTPResponse | None = None
        _check_headers(request.headers)
        plain = PLAIN_URL.fullmatch(request.url)
        self._reach.allowed, self._reach.first_answer_s = request.allowed, first_answer_s
        self._reach.until_s = time.monotonic() + timeout_s
        try:
            host = plain[2] if plain else urlsplit(request.url).hostname or ""
            # Behind a proxy only addresses that are written out are known; the proxy resolves names.
            self._reach.reached = check_literal(host, request.allowed)
            first_s = timeout_s if first_answer_s is None else first_answer_s
            response = self._response(request, plain, (min(CONNECT_S, timeout_s, first_s), timeout_s))
            yield response, self._reach.reached
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
            raise as_fault(error) from error
        finally:
            if response is not None:
                _release(response)

    def _response(
        self, request: Request, plain: re.Match[str] | None, timeout: tuple[float, float]
    ) -> BaseHTTPResponse:
        if plain is not None and not self.proxies and request.body is None and request.method in ("GET", "HEAD"):
            return self._adapter.ask(request.method, plain, request.headers, timeout)
        prepared = _prepared(request)
        if plain is None:
            prepared.prepare_url(request.url, None)
        found: BaseHTTPResponse = self.send(prepared, stream=True, timeout=timeout, proxies=self.proxies).raw
        return found

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As requests sends, without hooks, cookies and redirects.

        For the sake of a next request requests would read the body of every redirect without a bound.
        """
        kwargs.pop("allow_redirects", None)
        return self.get_adapter(request.url or "").send(request, **kwargs)


@dataclass(slots=True)
class Sessions:
    """Sessions by their TLS and proxy configuration: connections are shared by all who need the same."""

    _open: Callable[[TlsMaterial | None, Proxy | None], Session] = Session
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sessions: dict[tuple[TlsMaterial | None, Proxy | None], Session] = field(default_factory=dict)

    def get(self, tls: TlsMaterial | None, proxy: Proxy | None) -> Session:
        """The session of a configuration; errors as ``Session``."""
        with self._lock:
            session = self._sessions.get((tls, proxy))
            if session is None:
                while len(self._sessions) >= MAX_SESSIONS:
                    self._sessions.pop(next(iter(self._sessions)))
                session = self._sessions[(tls, proxy)] = self._open(tls, proxy)
            return session


def _prepared(request: Request) -> requests.PreparedRequest:
    """Prepared by hand: ``prepare`` would replace our Authorization by a user in the URL."""
    prepared = requests.PreparedRequest()
    prepared.method, prepared.url, prepared.body = request.method, request.url, request.body
    headers = {"User-Agent": USER_AGENT, **request.headers}
    if request.body is not None:
        headers["Content-Length"] = str(len(request.body))
    prepared.headers = CaseInsensitiveDict(headers)
    return prepared


def _check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers as Go does. http.client refuses such values too, and quotes them: they may be passwords.

    Raises:
        ConnectionFault: a name is no token, or a value is not printable ASCII.
    """
    for name, value in headers.items():
        if _TOKEN.fullmatch(name) is None:
            raise ConnectionFault(f"net/http: invalid header field name {quote(name)}", temporary=False)
        if not (value.isascii() and value.isprintable()):
            raise ConnectionFault(f'net/http: invalid header field value for "{name}"', temporary=False)


def _release(response: BaseHTTPResponse) -> None:
    # A connection with an unread rest cannot be used again; reading the rest could take for ever.
    if response.closed:
        response.release_conn()
    elif getattr(response, "length_remaining", None) == 0:
        # Reads nothing, and ends the answer's file: only then the connection knows of bytes behind the answer.
        response.read(decode_content=False)
        response.release_conn()
    else:
        response.close()
        response.release_conn()
