"""Smart HTTP: two kinds of requests to one repository, with credentials, own CA, proxy and limits.

In: a service and a request body. Out: a reader of the answer, or an error that names the URL without credentials.

Source: gitprotocol-http(5).
"""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit, urlunsplit

from urllib3.response import BaseHTTPResponse

from tagstream.adapters.git.pktline import ByteReader
from tagstream.adapters.git.replies import REASON, BrokenReply, UnexpectedStatus, failed
from tagstream.adapters.registry.session import ConnectionFault, Request, Session
from tagstream.errors import AuthenticationError
from tagstream.ports import GitAccess

CHUNK = 65_536
MAX_ANSWER = 2**31
COMPRESS_FROM = 1024
UPLOAD = "git-upload-pack"


class HttpTransport:
    """One repository over HTTP or HTTPS.

    Args:
        access: URL, credentials, TLS, proxy, timeout.
    """

    is_stateless = True

    def __init__(self, access: GitAccess) -> None:
        parts = urlsplit(access.url)
        host = parts.hostname or ""
        netloc = host if parts.port is None else f"{host}:{parts.port}"
        self.url = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
        self._headers = _authorization(access, parts.username, parts.password)
        self._timeout_s = access.timeout_s
        self._session = Session(access.tls, access.proxy)
        self.requests = 0

    @contextmanager
    def advertisement(self, service: str) -> Iterator[ByteReader]:
        """``GET info/refs``.

        Args:
            service: ``git-upload-pack`` or ``git-receive-pack``.
        """
        url = f"{self.url}/info/refs?service={service}"
        with self._open(Request(method="GET", url=url, headers=self._headed(service))) as reader:
            yield reader

    @contextmanager
    def call(self, service: str, body: bytes) -> Iterator[ByteReader]:
        """``POST`` a request of the service."""
        headers = self._headed(service) | {
            "Content-Type": f"application/x-{service}-request",
            "Accept": f"application/x-{service}-result",
        }
        if service == UPLOAD and len(body) > COMPRESS_FROM:
            # As git does: the ids of thousands of objects are text. Packs are compressed already.
            body, headers = gzip.compress(body, compresslevel=6, mtime=0), headers | {"Content-Encoding": "gzip"}
        with self._open(Request(method="POST", url=f"{self.url}/{service}", headers=headers, body=body)) as reader:
            yield reader

    def renew(self) -> None:
        """Every request is answered anew."""

    def close(self) -> None:
        """Connections are pooled: they end with the session's memory."""

    def _headed(self, service: str) -> dict[str, str]:
        # Only fetching has a version 2; a server that does not know it answers in version 0.
        version = {"Git-Protocol": "version=2"} if service == UPLOAD else {}
        return {**self._headers, **version, "Accept-Encoding": "gzip"}

    @contextmanager
    def _open(self, request: Request) -> Iterator[ByteReader]:
        self.requests += 1
        try:
            with self._session.open(request, self._timeout_s) as (response, _):
                self._check(response)
                yield ByteReader(_chunks(response), MAX_ANSWER)
        except ConnectionFault as fault:
            raise failed(f"unable to reach '{self.url}'", str(fault)) from fault

    def _check(self, response: BaseHTTPResponse) -> None:
        status = response.status
        if status == 200:
            return
        if status in (401, 403):
            raise AuthenticationError(f"authentication required by '{self.url}': HTTP status {status}", reason=REASON)
        cause = "repository not found" if status == 404 else f"HTTP status {status}"
        if status in (301, 302, 303, 307, 308):
            cause = "the server redirects: name the final address in spec.url"
        raise UnexpectedStatus(f"unable to reach '{self.url}': {cause}", reason=REASON)


def _authorization(access: GitAccess, username: str | None, password: str | None) -> Mapping[str, str]:
    if access.bearer_token:
        return {"Authorization": f"Bearer {access.bearer_token}"}
    # Credentials in the URL count only when the secret has none (fluxcd/pkg git).
    name, word = access.username or unquote(username or ""), access.password or unquote(password or "")
    if not name and not word:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{word}".encode()).decode()}


def _chunks(response: BaseHTTPResponse) -> Iterator[bytes]:
    """The answer's bytes, inflated when the server compressed them."""
    inflater = zlib.decompressobj(31) if response.headers.get("Content-Encoding") == "gzip" else None
    while chunk := response.read(CHUNK):
        try:
            yield inflater.decompress(chunk) if inflater else chunk
        except zlib.error as error:
            raise BrokenReply(f"the server's answer is not gzip: {error}") from error
