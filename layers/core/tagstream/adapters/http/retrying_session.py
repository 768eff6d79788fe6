"""Requests that are sent until their answer stands: retries, pauses and redirects, always within a deadline.

An answer may have any status that trying again does not change; credentials stay on the host they were given for.

Source: go-containerregistry pkg/v1/remote/transport (retry.go, bearer.go); distribution-spec "Error Codes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from urllib3.exceptions import DecodeError
from urllib3.response import BaseHTTPResponse

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.http.fault_text import MAX_BODY, Refusal, capped, read_refusal, redacted_url, server_text
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.host_pauses import HostPauses, host_of
from tagstream.adapters.http.retry import (
    BACKOFF_S,
    CODES,
    LONGEST_WAIT_S,
    RECONNECT_S,
    STATUSES,
    THROTTLED,
    requested_pause_s,
    wait_before_retry,
)
from tagstream.adapters.http.session import CHUNK, Request, Session
from tagstream.errors import RetryableError, ThrottledError, Unanswered
from tagstream.ports.runtime import Clock

REASON = "ReadOperationFailed"
MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Redirects that keep method and body.
_REPEATED = frozenset({307, 308})
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_FINAL = frozenset({401, 403, 404, 405})
_THROTTLED_CODE = "TOOMANYREQUESTS"
# Asking again changes nothing; asking for smaller pages does.
PAGE_SIZE_CODES = frozenset({"UNSUPPORTED", "TOO_MANY_TAGS_REQUESTED", "PAGINATION_NUMBER_INVALID"})

Receive = Callable[[BaseHTTPResponse], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    ``value`` is what ``receive`` made of a 200, ``refusal`` is set for any other status. ``reach`` is how far inside
    the server that answered is, ``first_reach`` that of the server which was asked first and may have redirected.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    challenges: tuple[str, ...]
    reach: Reach
    first_reach: Reach
    value: object = None
    refusal: Refusal | None = None
    retry_after_s: float | None = None


@dataclass(slots=True, kw_only=True)
class RetryingSession:
    """Requests of one listing or digest; ``requests`` counts them, ``warnings`` are what servers warned of.

    ``first_answer_s`` is how long a host that has not answered yet may take; None for all of the time.
    """

    session: Session
    pauses: HostPauses
    clock: Clock
    deadline_s: float
    first_answer_s: float | None = None
    requests: int = 0
    warnings: list[str] = field(default_factory=list)
    _answered: set[str] = field(default_factory=set)
    _first_answer_by_s: dict[str, float] = field(default_factory=dict)

    def send(self, request: Request, receive: Receive) -> Answer:
        """Send until the answer stands.

        Args:
            request: its Authorization stays on its own host.
            receive: reads a 200 while it streams; called anew for each attempt.

        Raises:
            ThrottledError: the host asks for a pause longer than we wait.
            Unanswered: the host has not answered at all, within the deadline and the attempts.
            RetryableError: no complete answer.
        """
        attempt = 1
        while True:
            self._wait_for_host(request)
            outcome = self._attempt(request, receive)
            pause = self._pause(outcome, attempt)
            if pause is None:
                break
            self._remember_throttling(request, outcome, pause)
            self.clock.sleep(pause)
            attempt += 1
        if isinstance(outcome, ConnectionFault):
            raise self._connection_error(request, outcome)
        self._remember_throttling(request, outcome, BACKOFF_S[-1])
        return outcome

    @property
    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self.deadline_s - self.clock.monotonic_s()

    def _wait_for_host(self, request: Request) -> None:
        wait = self.pauses.until_s(request.url) - self.clock.monotonic_s()
        if wait <= 0:
            return
        if wait > min(LONGEST_WAIT_S, self.left_s):
            host = host_of(request.url)
            text = f"{request.method} {redacted_url(request.url)}: TOOMANYREQUESTS: waiting as {host} asked"
            raise ThrottledError(text, reason=REASON, host=host, retry_after_s=wait)
        self.clock.sleep(wait)

    def _attempt(self, request: Request, receive: Receive) -> Answer | ConnectionFault:
        first_reach: Reach | None = None
        try:
            for _ in range(MAX_REDIRECTS):
                answer = self._once(request, receive, first_reach)
                first_reach = answer.first_reach
                if answer.status not in _REDIRECTS:
                    return answer
                location = answer.headers.get("Location")
                if not location:
                    return answer
                request = _redirected(request, location, answer)
        except ConnectionFault as fault:
            return fault
        return ConnectionFault(f"stopped after {MAX_REDIRECTS} redirects", temporary=False)

    def _once(self, request: Request, receive: Receive, first_reach: Reach | None) -> Answer:
        host = host_of(request.url)
        left_s, first_s = self.left_s, self._first_answer_left_s(host)
        if left_s <= 0 or (first_s is not None and first_s <= 0):
            raise ConnectionFault("context deadline exceeded", temporary=False)
        self.requests += 1
        with self.session.open(request, left_s, first_s) as (response, reach):
            self._answered.add(host)
            value, refusal, pause_s = None, None, None
            if response.status == 200:
                value = receive(response)
            else:
                pause_s = requested_pause_s(response.status, response.headers, self.clock.now())
                body = _first_bytes(response)
                refusal = read_refusal(request.method, request.url, response.status, body, request.secrets)
            if "Warning" in response.headers:
                self._note_warnings(response.headers.getlist("Warning"), request.secrets)
            return Answer(
                url=request.url,
                status=response.status,
                headers=response.headers,
                challenges=tuple(response.headers.getlist("WWW-Authenticate")),
                reach=reach,
                first_reach=reach if first_reach is None else first_reach,
                value=value,
                refusal=refusal,
                retry_after_s=pause_s,
            )

    def _first_answer_left_s(self, host: str) -> float | None:
        """Seconds until the first byte of the host's first answer must have come; None if any time is good."""
        if self.first_answer_s is None or host in self._answered:
            return None
        now_s = self.clock.monotonic_s()
        return self._first_answer_by_s.setdefault(host, now_s + self.first_answer_s) - now_s

    def _connection_error(self, request: Request, fault: ConnectionFault) -> RetryableError:
        """``Get "https://…": dial tcp: …``, as Go's HTTP client says it."""
        text = f'{request.method.capitalize()} "{redacted_url(request.url)}": {fault}'
        kind = RetryableError if host_of(request.url) in self._answered else Unanswered
        return kind(capped(text), reason=REASON)

    def _note_warnings(self, headers: Iterable[str], secrets: Iterable[str]) -> None:
        for header in headers:
            text = server_text(header.removeprefix("299 - ").strip().strip('"'), secrets)
            if text and text not in self.warnings and len(self.warnings) < 5:
                self.warnings.append(text)

    def _pause(self, outcome: Answer | ConnectionFault, attempt: int) -> float | None:
        if isinstance(outcome, ConnectionFault):
            return wait_before_retry(attempt, None, self.left_s, RECONNECT_S) if outcome.temporary else None
        if not _is_temporary(outcome):
            return None
        return wait_before_retry(attempt, outcome.retry_after_s, self.left_s, BACKOFF_S)

    def _remember_throttling(self, request: Request, outcome: Answer | ConnectionFault, pause_s: float) -> None:
        if isinstance(outcome, Answer) and is_throttled(outcome):
            wait_s = pause_s if outcome.retry_after_s is None else outcome.retry_after_s
            self.pauses.begin(request.url, self.clock.monotonic_s() + wait_s)


def is_throttled(answer: Answer) -> bool:
    """Whether the server asked us to slow down."""
    return answer.refusal is not None and (
        answer.status in THROTTLED or (_THROTTLED_CODE in answer.refusal.codes and answer.status not in _FINAL)
    )


class Refused(RetryableError):
    """An answer that is not 200; ``status`` is its status."""

    def __init__(self, message: str, *, status: int, retry_after_s: float | None) -> None:
        super().__init__(message, reason=REASON, retry_after_s=retry_after_s)
        self.status = status


def refused(answer: Answer) -> RetryableError:
    """The error of an answer that is not 200: ThrottledError if the server asks for a pause, else Refused."""
    text = answer.refusal.text if answer.refusal is not None else ""
    if is_throttled(answer):
        host = host_of(answer.url)
        return ThrottledError(text, reason=REASON, host=host, retry_after_s=answer.retry_after_s)
    return Refused(text, status=answer.status, retry_after_s=answer.retry_after_s)


def read_body(response: BaseHTTPResponse, limit: int) -> bytes:
    """The whole body.

    Raises:
        ConnectionFault: it is longer than ``limit`` bytes.
    """
    found = bytearray()
    for chunk in decoded_chunks(response):
        found += chunk
        if len(found) > limit:
            raise ConnectionFault(f"answer is longer than {limit} bytes", temporary=False)
    return bytes(found)


def decoded_chunks(response: BaseHTTPResponse) -> Iterator[bytes]:
    """The body in chunks of at most CHUNK bytes, without an encoding that nobody asked for.

    Raises:
        ConnectionFault: an encoding that cannot be removed.
    """
    if "Content-Encoding" in response.headers:
        encoding = response.headers["Content-Encoding"].strip().lower()
        if encoding not in _ENCODINGS:
            raise ConnectionFault(f"answer with Content-Encoding '{capped(encoding, 40)}' refused", temporary=False)
    return response.stream(CHUNK, decode_content=True)


def _first_bytes(response: BaseHTTPResponse) -> bytes:
    """The beginning of a refusal's body; a body that cannot be decoded says nothing."""
    found = bytearray()
    try:
        for chunk in decoded_chunks(response):
            found += chunk
            if len(found) >= MAX_BODY:
                break
    except (ConnectionFault, DecodeError):
        return b""
    return bytes(found[:MAX_BODY])


def same_origin(url: str, other: str) -> bool:
    """Whether credentials for one URL may go to another: the same host and port, never from https to http."""
    one, two = urlsplit(url), urlsplit(other)
    return one.netloc.lower() == two.netloc.lower() and (one.scheme == two.scheme or two.scheme == "https")


def _is_temporary(answer: Answer) -> bool:
    if answer.refusal is None or answer.status in _FINAL or answer.refusal.codes & PAGE_SIZE_CODES:
        return False
    codes = answer.refusal.codes
    return answer.status in STATUSES or bool(codes and codes <= CODES)


def _redirected(request: Request, location: str, answer: Answer) -> Request:
    try:
        url = urljoin(request.url, location)
        parts = urlsplit(url)
    except ValueError as error:
        raise ConnectionFault("redirect to an invalid URL", temporary=False) from error
    if parts.scheme not in ("http", "https") or (parts.scheme == "http" and request.url.startswith("https:")):
        raise ConnectionFault(f'redirect to scheme "{parts.scheme}" refused', temporary=False)
    if same_origin(request.url, url):
        return replace(_as_go_repeats(request, answer.status), url=url)
    if request.body is not None:
        # Bodies are credentials: Go would carry them to wherever a 307 points.
        raise ConnectionFault("redirect of a login to another host refused", temporary=False)
    headers = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
    return replace(request, url=url, headers=headers, allowed=min(request.allowed, answer.reach))


def _as_go_repeats(request: Request, status: int) -> Request:
    if request.body is None or status in _REPEATED:
        return request
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-type"}
    return replace(request, method="GET", body=None, headers=headers)
