"""Calls of a Git host's JSON API over the guarded session, and what its refusals mean.

Nothing is sent twice here: whoever asked comes back later. No text made here holds a secret.

Source: RFC 9110; GitHub REST API "Rate limits" and "Best practices"; GitLab "Rate limits"; Gitea, Bitbucket and Azure
DevOps answer in the same forms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode, urljoin, urlsplit

from urllib3.response import BaseHTTPResponse

from tagstream.adapters.http.cloud_call import secure_url
from tagstream.adapters.http.fault_text import capped, without_secrets
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.retry import is_limit, requested_pause_s
from tagstream.adapters.http.retrying_session import read_body, same_origin
from tagstream.adapters.http.session import Request, Session
from tagstream.errors import (
    AuthenticationError,
    ImageAutomationError,
    RetryableError,
    StalledError,
    ThrottledError,
    Unanswered,
)
from tagstream.ports.pull_requests import FAILED, INVALID, HostAccess
from tagstream.ports.runtime import Clock

MAX_ANSWER = 4_194_304
MAX_SAID = 400
MAX_WORDS, MAX_DEPTH = 12, 4
MAX_REDIRECTS = 3
DEFAULT_PAUSE_S = 60.0
"""What GitHub asks for where a limit names no time."""
# The whole exchange; an API that needs longer than this holds up a branch's lease.
LONGEST_CALL_S = 15.0
# A host from which nothing has come by then hangs.
FIRST_BYTE_S = 10.0
NO_TIME = "no time is left to ask the Git host's API"
_REDIRECTS = frozenset({301, 302, 307, 308})
# Azure DevOps answers a token that it does not take with the page for signing in, and this status.
SIGN_IN_PAGE = 203
_SAID_IN = ("message", "error", "error_description", "detail", "errors", "code", "field", "fields")

Json = Mapping[str, object]


class RefusedValue(RetryableError):
    """The host does not take what was sent (400, 409, 422), or answers with a status that nobody expects.

    Args:
        status: of the answer.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, reason=FAILED)
        self.status = status


class NotFound(AuthenticationError):
    """HTTP 404: there is no such thing, or the token may not see it."""


class Forbidden(AuthenticationError):
    """HTTP 403: the token is good, and does not have the right to do this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostApi:
    """The API of one host with one set of credentials.

    Attributes:
        base: its URL, without a slash at the end.
        headers: authenticate every call.
        secrets: what must not come back in any text: tokens, and the header that was made of them.
        session: of the repository's TLS and proxy.
        clock: for pauses that the host asks for until a time.
        timeout_s: of one call.
        needs: which right the calls need, as the host names it; shown when it is missing.
        deadline_s: on the monotonic clock, of all calls; None for none.
    """

    base: str
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    session: Session
    clock: Clock
    timeout_s: float
    needs: str
    deadline_s: float | None = None

    def get(self, path: str, query: Mapping[str, str] | None = None) -> object:
        """The JSON of a 2xx; errors as ``send``."""
        return self.send("GET", path, query=query)

    def send(
        self, method: str, path: str, document: object = None, *, query: Mapping[str, str] | None = None
    ) -> object:
        """Send one call.

        Args:
            method: of HTTP.
            path: below the base, each part of it quoted already.
            document: the body as JSON; None for none.
            query: parameters.

        Returns:
            The JSON that was answered; None for an empty answer.

        Raises:
            ThrottledError: a limit, with the pause that the host asks for.
            NotFound, Forbidden: the token lacks a right.
            AuthenticationError: the token is refused.
            RefusedValue: the host does not take what was sent.
            Unanswered: nothing came of the host.
            RetryableError: the host fails, or no time is left.
        """
        url = self.base + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", **self.headers}
        body = None
        if document is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(document).encode()
        request = Request(method=method, url=url, headers=headers, body=body, secrets=self.secrets)
        for _ in range(1 + MAX_REDIRECTS):
            status, answered, found = self._exchange(request, f"{method} {path}")
            location = answered.get("Location")
            if status not in _REDIRECTS or not location:
                break
            request = replace(request, url=self._moved_to(request.url, location, f"{method} {path}"))
        if 200 <= status < 300 and status != SIGN_IN_PAGE:
            return found
        raise self._refusal(f"{method} {path}", status, answered, found)

    def said(self, found: object) -> str:
        """What an answer says went wrong, in one line and without secrets."""
        return capped(self._censored("; ".join(dict.fromkeys(_words(found)))), MAX_SAID)

    def _exchange(self, request: Request, shown: str) -> tuple[int, Mapping[str, str], object]:
        within_s = self._within_s(shown)
        kind: type[RetryableError] = Unanswered
        try:
            with self.session.open(request, within_s, min(within_s, FIRST_BYTE_S)) as (response, _):
                kind = RetryableError
                return response.status, response.headers, _json(response)
        except ConnectionFault as fault:
            raise kind(f"{shown}: {capped(self._censored(str(fault)))}", reason=FAILED) from None

    def _within_s(self, shown: str) -> float:
        """How long the next exchange may take, in seconds."""
        within_s = min(self.timeout_s, LONGEST_CALL_S)
        if self.deadline_s is None:
            return within_s
        left_s = self.deadline_s - self.clock.monotonic_s()
        if left_s <= 0:
            raise RetryableError(f"{shown}: {NO_TIME}", reason=FAILED)
        return min(within_s, left_s)

    def _moved_to(self, url: str, location: str, shown: str) -> str:
        """A renamed repository answers from another path of the same host."""
        try:
            new = urljoin(url, location)
            is_here = same_origin(url, new) and urlsplit(new).scheme == urlsplit(url).scheme
        except ValueError:
            is_here = False
        if not is_here:
            raise RetryableError(f"{shown}: the host redirects elsewhere", reason=FAILED)
        return new

    def _refusal(self, shown: str, status: int, headers: Mapping[str, str], found: object) -> ImageAutomationError:
        words = self.said(found)
        text = f"{shown}: HTTP status {status}{f': {words}' if words else ''}"
        if is_limit(status, headers, words):
            pause_s = _pause_s(headers, self.clock)
            return ThrottledError(text, reason=FAILED, host=urlsplit(self.base).netloc, retry_after_s=pause_s)
        if status in (401, SIGN_IN_PAGE):
            return AuthenticationError(f"{text}: the token is not valid", reason=FAILED)
        if status == 403:
            return Forbidden(f"{text}: the token needs {self.needs}", reason=FAILED)
        if status == 404:
            return NotFound(f"{text}: no such thing, or the token needs {self.needs}", reason=FAILED)
        if status >= 500:
            return RetryableError(text, reason=FAILED)
        return RefusedValue(text, status=status)

    def _censored(self, text: str) -> str:
        return without_secrets(text, self.secrets)


def host_api(
    access: HostAccess, clock: Clock, *, base: str, headers: Mapping[str, str], secrets: tuple[str, ...], needs: str
) -> HostApi:
    """The API of a repository's host, over a session with the repository's TLS and proxy.

    Args:
        access: of the repository.
        clock: for pauses.
        base, headers, secrets, needs: as of ``HostApi``.
    """
    return HostApi(
        base=base,
        headers=headers,
        secrets=secrets,
        session=Session(access.git.tls, access.git.proxy),
        clock=clock,
        timeout_s=access.git.timeout_s,
        needs=needs,
        deadline_s=access.deadline_s,
    )


def api_url(access: HostAccess, default: str) -> str:
    """Where the API is, without a slash at the end.

    Args:
        access: names it, or not.
        default: where this kind of host has it.

    Raises:
        StalledError: InvalidPullRequest, credentials must not be sent there.
    """
    url = (access.api_url or default).rstrip("/")
    try:
        one, repository = urlsplit(url), urlsplit(access.git.url)
        is_of_repository = (one.scheme, one.netloc) == (repository.scheme, repository.netloc.rpartition("@")[2])
        # As with Git itself, whoever wrote http into the GitRepository takes it for safe to that very host.
        if not (one.scheme == "http" and one.hostname and is_of_repository):
            secure_url(url, "api-url")
    except (ValueError, AuthenticationError):
        raise StalledError(
            "the URL of the Git host's API must be an https URL, or of the repository's own scheme and host",
            reason=INVALID,
        ) from None
    return url


def web_address(url: str) -> str:
    """Scheme, host and port of the host that a repository is on; https for a repository that is reached by SSH."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return f"https://{parts.hostname or ''}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def text_of(document: Json, *names: str) -> str:
    """A text below nested members; empty if there is none."""
    found: object = document
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def member(document: Json, name: str) -> Json:
    """An object in an object; an empty one if there is none."""
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def objects(found: object) -> list[Json]:
    """The objects of a list; none if it is no list."""
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def one_object(found: object, shown: str) -> Json:
    """An answer that must be an object.

    Raises:
        RetryableError: PullRequestFailed, it is none.
    """
    if not isinstance(found, Mapping):
        raise RetryableError(f"{shown}: the answer is not a JSON object", reason=FAILED)
    return found


def _json(response: BaseHTTPResponse) -> object:
    body = read_body(response, MAX_ANSWER)
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def _pause_s(headers: Mapping[str, str], clock: Clock) -> float:
    """The pause that a limit asks for.

    Where the counted limit has something left, the refusal is one of a secondary limit, whose end the counted one's
    reset does not tell.
    """
    is_counted = headers.get("X-RateLimit-Remaining") in (None, "0")
    asked = requested_pause_s(429 if is_counted else 403, headers, clock.now())
    return DEFAULT_PAUSE_S if asked is None else asked


def _words(found: object, depth: int = 0) -> Iterator[str]:
    """What a refusal says: the texts below the members in which hosts put them."""
    if depth > MAX_DEPTH:
        return
    if isinstance(found, str) and found.strip():
        yield " ".join(found.split())
    elif isinstance(found, list):
        for one in found[:MAX_WORDS]:
            yield from _words(one, depth + 1)
    elif isinstance(found, Mapping):
        # GitLab names fields where others have one text.
        names = _SAID_IN if depth < 2 and any(name in found for name in _SAID_IN) else tuple(found)[:MAX_WORDS]
        for name in names:
            yield from _words(found.get(name), depth + 1)
