"""Smart HTTP: two kinds of requests to one repository, with credentials, own CA, proxy and limits.

In: a service and a request body. Out: a reader of the answer, or an error that names the URL without credentials.

Source: gitprotocol-http(5).
"""

from __future__ import annotations

import base64
import gzip
import itertools
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from urllib3.response import BaseHTTPResponse

from tagstream.adapters.git.pktline import ByteReader
from tagstream.adapters.git.replies import REASON, BrokenReply, UnexpectedStatus, censored, failed, words
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.session import Request, Session
from tagstream.errors import AuthenticationError
from tagstream.ports.git import GitAccess

CHUNK = 65_536
MAX_ANSWER = 2**31
COMPRESS_FROM = 1024
UPLOAD = "git-upload-pack"
GREETING = "/info/refs"
MAX_REDIRECTS = 3
MAX_TOLD = 1024
PORTS = {"http": 80, "https": 443}


class _Moved(Exception):
    """The server's greeting is elsewhere; ``args[0]`` is the address as it was given."""


class HttpTransport:
    """One repository over HTTP or HTTPS.

    As for Git and for Flux only the greeting may be redirected, and what follows goes to where it was found.

    Args:
        access: URL, credentials, TLS, proxy, timeout.
        addresses: where repositories have moved to, by their own address; filled here.
    """

    is_stateless = True

    def __init__(self, access: GitAccess, addresses: dict[str, str] | None = None) -> None:
        parts = urlsplit(access.url)
        netloc = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
        self._addresses = {} if addresses is None else addresses
        self._headers = _authorization(access, parts.username, parts.password)
        self._secrets = secrets_of(access)
        self._timeout_s = access.timeout_s
        self._session = Session(access.tls, access.proxy)
        self.requests = 0

    @contextmanager
    def advertisement(self, service: str) -> Iterator[ByteReader]:
        """``GET info/refs``.

        Args:
            service: ``git-upload-pack`` or ``git-receive-pack``.
        """
        with ExitStack() as stack:
            yield self._greeted(service, stack)

    def _greeted(self, service: str, stack: ExitStack) -> ByteReader:
        for _ in range(1 + MAX_REDIRECTS):
            url = f"{self._address}{GREETING}?service={service}"
            try:
                return stack.enter_context(self._open(Request(method="GET", url=url, headers=self._headed(service))))
            except _Moved as moved:
                self._addresses[self.url] = self._moved_to(url, moved.args[0])
        raise failed(f"unable to reach '{self.url}'", "the server redirects in a circle")

    @property
    def _address(self) -> str:
        return self._addresses.get(self.url, self.url)

    def _moved_to(self, url: str, location: str) -> str:
        """Credentials go to the host they were given for, and never from TLS to plain HTTP."""
        try:
            old, new = urlsplit(url), urlsplit(urljoin(url, location))
            places = [(one.scheme, one.port or PORTS.get(one.scheme)) for one in (old, new)]
        except ValueError:
            raise failed(f"unable to reach '{self.url}'", "the server redirects to what is no address") from None
        is_upgrade = (old.scheme, new.scheme) == ("http", "https")
        is_here = new.hostname == old.hostname and (is_upgrade or places[0] == places[1])
        if not is_here or not new.path.endswith(GREETING):
            raise failed(
                f"unable to reach '{self.url}'", "the server redirects elsewhere: name the final address in spec.url"
            )
        netloc = new.netloc.rpartition("@")[2]
        return urlunsplit((new.scheme, netloc, new.path.removesuffix(GREETING), "", ""))

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
        with self._open(Request(method="POST", url=f"{self._address}/{service}", headers=headers, body=body)) as reader:
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
                self._check(response, request)
                yield ByteReader(_chunks(response), MAX_ANSWER)
        except ConnectionFault as fault:
            raise failed(f"unable to reach '{self.url}'", str(fault)) from fault

    def _check(self, response: BaseHTTPResponse, request: Request) -> None:
        status = response.status
        if status == 200:
            return
        said = censored(_words(response), self._secrets)
        if status in (401, 403):
            cause = f"HTTP status {status}{said}"
            raise AuthenticationError(f"authentication required by '{self.url}': {cause}", reason=REASON)
        cause = "repository not found" if status == 404 else f"HTTP status {status}"
        if status in (301, 302, 303, 307, 308):
            location = response.headers.get("Location", "")
            if request.method == "GET" and location:
                raise _Moved(location)
            # Only greetings lead elsewhere: the next one is asked for at the repository's own address.
            self._addresses.pop(self.url, None)
            cause, said = "the server redirects: name the final address in spec.url", ""
        raise UnexpectedStatus(f"unable to reach '{self.url}': {cause}{said}", reason=REASON)


def _words(response: BaseHTTPResponse) -> str:
    """What the server said beside its status, where that is text for people and not a page."""
    if not response.headers.get("Content-Type", "").startswith("text/plain"):
        return ""
    said = words(b"".join(itertools.islice(_chunks(response, MAX_TOLD), 1))[:MAX_TOLD])
    return f": {said}" if said else ""


def secrets_of(access: GitAccess) -> tuple[str, ...]:
    """Texts that must not be shown even when a server repeats them."""
    parts = urlsplit(access.url)
    header = _authorization(access, parts.username, parts.password).get("Authorization", "")
    return (access.password, access.bearer_token, unquote(parts.password or ""), header.rpartition(" ")[2])


def _authorization(access: GitAccess, username: str | None, password: str | None) -> Mapping[str, str]:
    if access.bearer_token:
        return {"Authorization": f"Bearer {access.bearer_token}"}
    # Credentials in the URL count only when the secret has none (fluxcd/pkg git).
    name, word = access.username or unquote(username or ""), access.password or unquote(password or "")
    if not name and not word:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{word}".encode()).decode()}


def _chunks(response: BaseHTTPResponse, size: int = CHUNK) -> Iterator[bytes]:
    """The answer's bytes, inflated when the server compressed them."""
    inflater = zlib.decompressobj(31) if response.headers.get("Content-Encoding") == "gzip" else None
    while chunk := response.read(size):
        try:
            yield inflater.decompress(chunk) if inflater else chunk
        except zlib.error as error:
            raise BrokenReply(f"the server's answer is not gzip: {error}") from error
