"""What went wrong on the way to a complete HTTP answer, in the words of Go's HTTP client.

No text made here may quote a header's value or a body: both can hold secrets.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

import socks
import urllib3
from urllib3.exceptions import NewConnectionError, ProxyError

from tagstream.adapters.http.address_guard import RefusedAddress
from tagstream.adapters.http.proxies import SocksError, socks_words

MAX_CAUSES = 8
PLAIN_HTTP = "http: server gave HTTP response to HTTPS client"
# What OpenSSL calls an answer that is not TLS, by its versions.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})


class ConnectionFault(Exception):
    """No complete answer arrived.

    Args:
        message: what went wrong, without secrets.
        temporary: whether trying again can help.
    """

    def __init__(self, message: str, *, temporary: bool = True) -> None:
        super().__init__(message)
        self.temporary = temporary


def as_fault(error: Exception) -> ConnectionFault:
    """Translate what requests, urllib3 or a socket raised.

    urllib3 reports every failed connection as a timeout, so the causes below an error are looked at first.
    """
    causes = list(_causes(error))
    fault = next((found for one in causes if (found := _known(one)) is not None), None)
    if fault is None:
        fault = ConnectionFault(_type_and_text(error))
    if any(isinstance(one, ProxyError) for one in causes):
        return ConnectionFault(f"proxyconnect tcp: {fault}", temporary=fault.temporary)
    return fault


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, the errors it was raised from, and the errors it carries as arguments."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < MAX_CAUSES:
        chain.append(cause)
    yield from chain
    yield from (argument for argument in error.args if isinstance(argument, BaseException))


def _known(error: BaseException) -> ConnectionFault | None:
    if isinstance(error, RefusedAddress):
        return ConnectionFault(str(error), temporary=False)
    if isinstance(error, SocksError):
        return ConnectionFault(str(error))
    if isinstance(error, socks.ProxyError):
        # The negotiation has the same deadline as the exchange; whichever notices it first, the words are the same.
        is_timeout = isinstance(error.socket_err, TimeoutError)
        return ConnectionFault("context deadline exceeded" if is_timeout else socks_words(error))
    if isinstance(error, ssl.SSLError):
        return _tls_fault(error)
    if isinstance(error, socket.gaierror):
        return ConnectionFault("dial tcp: lookup failed: no such host")
    if isinstance(error, ConnectionRefusedError):
        return ConnectionFault("dial tcp: connect: connection refused")
    if isinstance(error, http.client.HTTPException):
        return _answer_fault(error)
    is_timeout = isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError)
    if is_timeout and not isinstance(error, NewConnectionError):
        return ConnectionFault("context deadline exceeded")
    if isinstance(error, OSError) and error.errno and error.strerror:
        return ConnectionFault(error.strerror.lower())
    return None


def _tls_fault(error: ssl.SSLError) -> ConnectionFault:
    reason = getattr(error, "verify_message", "") or error.reason or "handshake failed"
    if error.reason in _NO_TLS:
        return ConnectionFault(PLAIN_HTTP, temporary=False)
    return ConnectionFault(f"tls: {reason}", temporary=not isinstance(error, ssl.SSLCertVerificationError))


def _answer_fault(error: http.client.HTTPException) -> ConnectionFault | None:
    if isinstance(error, http.client.IncompleteRead):
        return ConnectionFault("unexpected EOF")
    if isinstance(error, http.client.RemoteDisconnected):
        return ConnectionFault("EOF")
    if isinstance(error, http.client.BadStatusLine):
        return ConnectionFault("malformed HTTP response")
    return None


def _type_and_text(error: Exception) -> str:
    inner = next((one for one in error.args if isinstance(one, BaseException)), error)
    return f"{type(inner).__name__}: {inner}"[:200]
