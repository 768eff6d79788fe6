"""The Git client over HTTP: dulwich's protocol on the guarded HTTP session, with credentials, own CA and proxy.

Source: gitprotocol-http(5).
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from dulwich.client import default_user_agent_string
from urllib3.response import BaseHTTPResponse

from tagstream.adapters.git.bounded_answer import BoundedAnswer
from tagstream.adapters.git.clients import (
    LIST_REFS,
    LISTED_WITHIN_S,
    UPLOAD,
    KnownServers,
    RepositoryClient,
    Response,
    TimeLeft,
)
from tagstream.adapters.git.replies import REASON, BrokenReply, UnexpectedStatus, censored, failed, unanswered, words
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.session import Request, Session
from tagstream.errors import AuthenticationError
from tagstream.ports.git import GitAccess

CHUNK = 65_536
COMPRESS_FROM = 1024
GREETING = "/info/refs"
MAX_REDIRECTS = 3
MAX_SAID = 1024
PORTS = {"http": 80, "https": 443}
# Some hosts serve only agents whose name begins with "git/", as dulwich's does.
USER_AGENT = f"{default_user_agent_string()} tagstream"


class HttpClient(RepositoryClient):
    """One repository over HTTP or HTTPS.

    As with Git and with Flux only the greeting may be redirected; what follows goes to where it was found.

    Args:
        access: URL, credentials, TLS, proxy, timeout.
        known: what is known of servers; filled here.
    """

    def __init__(self, access: GitAccess, known: KnownServers) -> None:
        parts = urlsplit(access.url)
        netloc = parts.netloc.rpartition("@")[2]
        super().__init__(urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", "")), known)
        self._access, self._secrets = access, secrets_of(access)
        self._headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **_authorization(access)}
        self._session, self._left = Session(access.tls, access.proxy), TimeLeft(access)
        self._has_answered = False

    def renew(self) -> None:
        """Every request is answered anew."""

    def _get_url(self, path: str | bytes) -> str:
        return self.known.addresses.get(self.url, self.url) + "/"

    def _http_request(
        self, url: str, headers: dict[str, str] | None = None, data: Any = None, raise_for_status: bool = True
    ) -> Any:
        # dulwich fetches a pack from wherever the server says that it is, with the repository's credentials.
        if not url.startswith(self._get_url("")):
            raise BrokenReply("the server sends to another address for a pack, which nobody asked it to")
        headers = {**self._headers, **(headers or {})}
        headers.pop("Content-Length", None)
        if data is None:
            return self._greeting(Request(method="GET", url=url, headers=headers))
        body = data if isinstance(data, bytes) else b"".join(data)
        lists_refs = LIST_REFS in body[: 4 + len(LIST_REFS)]
        if url.endswith(UPLOAD.decode()) and len(body) > COMPRESS_FROM:
            # As git does: the ids of thousands of objects are text. Packs are compressed already.
            body, headers["Content-Encoding"] = gzip.compress(body, compresslevel=6, mtime=0), "gzip"
        return self._exchange(Request(method="POST", url=url, headers=headers, body=body), lists_refs=lists_refs)

    def _greeting(self, request: Request) -> Any:
        for redirects in range(1 + MAX_REDIRECTS):
            try:
                response, read = self._exchange(request, lists_refs=True)
            except _Moved as moved:
                request = replace(request, url=self._moved_to(request.url, moved.args[0]))
                continue
            if redirects:
                response.redirect_location = request.url
                self.known.addresses[self.url] = request.url.rpartition(GREETING)[0]
            return response, read
        raise failed(f"unable to reach '{self.url}'", "the server redirects in a circle")

    def _exchange(self, request: Request, *, lists_refs: bool) -> tuple[Response, Callable[[int], bytes]]:
        """Send a request; what dulwich wants to know of its answer, and what reads it."""
        self.requests += 1
        first_s = LISTED_WITHIN_S if lists_refs else None
        with ExitStack() as stack:
            try:
                answer, _ = stack.enter_context(self._session.open(request, self._left.seconds(), first_s))
                self._has_answered = True
                self._check(answer, request)
            except ConnectionFault as fault:
                told = failed if self._has_answered else unanswered
                raise told(f"unable to reach '{self.url}'", str(fault)) from fault
            kept = stack.pop_all()
        bounded = BoundedAnswer(self._chunks(answer, kept))
        bounded.begin(lists_refs=lists_refs)
        return Response(answer.headers["Content-Type"], kept.close), bounded.read

    def _chunks(self, answer: BaseHTTPResponse, kept: ExitStack) -> Iterator[bytes]:
        try:
            with kept:
                while chunk := answer.read(CHUNK, decode_content=True):
                    yield chunk
        except ConnectionFault as fault:
            raise failed(f"unable to reach '{self.url}'", str(fault)) from fault

    def _check(self, answer: BaseHTTPResponse, request: Request) -> None:
        status, kind = answer.status, answer.headers.get("Content-Type", "")
        if status == 200:
            # dulwich takes a greeting of another type for that of a server without Git's protocol, and reads on.
            if not kind.startswith("application/x-git-"):
                raise BrokenReply(f"not a Git server: it answers with {kind or 'no type'}")
            return
        said = censored(_said(answer), self._secrets)
        if status in (401, 403):
            cause = f"HTTP status {status}{said}"
            raise AuthenticationError(f"authentication required by '{self.url}': {cause}", reason=REASON)
        cause = "repository not found" if status == 404 else f"HTTP status {status}"
        if status in (301, 302, 303, 307, 308):
            location = answer.headers.get("Location", "")
            if request.method == "GET" and location:
                raise _Moved(location)
            # Only greetings lead elsewhere: the next one is asked for at the repository's own address.
            self.known.addresses.pop(self.url, None)
            cause, said = "the server redirects: name the final address in spec.url", ""
        raise UnexpectedStatus(f"unable to reach '{self.url}': {cause}{said}", reason=REASON)

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
        return urlunsplit((new.scheme, new.netloc.rpartition("@")[2], new.path, old.query, ""))


class _Moved(Exception):
    """The server's greeting is elsewhere; ``args[0]`` is the address as it was given."""


def _said(answer: BaseHTTPResponse) -> str:
    """What the server said beside its status, where that is text for people and not a page."""
    if not answer.headers.get("Content-Type", "").startswith("text/plain"):
        return ""
    said = words(answer.read(MAX_SAID, decode_content=True)[:MAX_SAID])
    return f": {said}" if said else ""


def secrets_of(access: GitAccess) -> tuple[str, ...]:
    """Texts that must not be shown even when a server repeats them."""
    header = _authorization(access).get("Authorization", "")
    return (
        access.password,
        access.bearer_token,
        unquote(urlsplit(access.url).password or ""),
        header.rpartition(" ")[2],
    )


def _authorization(access: GitAccess) -> dict[str, str]:
    if access.bearer_token:
        return {"Authorization": f"Bearer {access.bearer_token}"}
    # Credentials in the URL count only when the secret has none (fluxcd/pkg git).
    parts = urlsplit(access.url)
    name, word = access.username or unquote(parts.username or ""), access.password or unquote(parts.password or "")
    if not name and not word:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{word}".encode()).decode()}
