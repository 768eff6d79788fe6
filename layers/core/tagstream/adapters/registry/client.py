"""The Registry port over HTTP, for every registry that speaks the distribution protocol.

In: an image, how to talk to its registry, a deadline. Out: a complete TagListing, a Digest, or the errors of
``errors.py``. One instance per process: it keeps tokens, challenges and page sizes in memory.

Source: image-reflector-controller internal/controller/imagerepository_controller.go (scan) and internal/policy
(digest reflection); distribution-spec.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from urllib3.response import BaseHTTPResponse

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.http.cloud_call import CloudCall
from tagstream.adapters.http.exchange import REASON, Exchange, read_body
from tagstream.adapters.http.expiring_cache import ExpiringCache
from tagstream.adapters.http.fault_text import redacted_url
from tagstream.adapters.http.host_memory import HostMemory
from tagstream.adapters.http.session import Request, Session, Sessions
from tagstream.adapters.registry.authenticate import Visit
from tagstream.adapters.registry.login_aws import OpenApi, open_boto3_api
from tagstream.adapters.registry.logins import Logins
from tagstream.adapters.registry.pages import Limits, all_tags
from tagstream.domain.objects.image_name import ImageName
from tagstream.domain.objects.model import Digest
from tagstream.errors import RetryableError, ThrottledError
from tagstream.ports.connection import Proxy, TlsMaterial
from tagstream.ports.registry import RegistryAccess, TagListing
from tagstream.ports.runtime import Clock

MANIFEST_TYPES = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
MAX_MANIFEST = 8 * 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", re.ASCII)


class RegistryClient:
    """Reads tags and digests; safe for many threads.

    Args:
        clock: waits and deadlines.
        limits: beyond which a tag list is refused.
        open_api: opens ECR's token APIs.
        open_session: opens connections.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        open_api: OpenApi = open_boto3_api,
        open_session: Callable[[TlsMaterial | None, Proxy | None], Session] = Session,
    ) -> None:
        self._clock: Clock = clock or SystemClock()
        self._limits = limits or Limits()
        self._memory = HostMemory()
        self._tokens: ExpiringCache[str] = ExpiringCache(self._clock)
        self._sessions = Sessions(open_session)
        self._logins = Logins(self._clock, open_api)

    def list_tags(self, image: ImageName, access: RegistryAccess, deadline_s: float) -> TagListing:
        """All tags, or an error: never a partial list.

        Args:
            image: the repository.
            access: credentials, TLS, proxy.
            deadline_s: on the monotonic clock.

        Raises:
            AuthenticationError: AuthenticationFailed, credentials or certificates that cannot be used.
            ThrottledError: ReadOperationFailed, with the seconds the registry asked for.
            RetryableError: ReadOperationFailed, ``scan failed: GET URL: CODE: message``.
        """
        try:
            visit, warnings = self._visit(image, access, deadline_s)
            tags = all_tags(visit, self._limits)
        except RetryableError as error:
            raise _prefixed("scan failed: ", error, image) from error
        return TagListing(tags=tags, requests=visit.exchange.requests, warnings=(*warnings, *visit.exchange.warnings))

    def digest(self, image: ImageName, tag: str, access: RegistryAccess, deadline_s: float) -> Digest:
        """The digest a tag points to (for a multi-arch image, of its index).

        Args:
            image: the repository.
            tag: its tag.
            access: credentials, TLS, proxy.
            deadline_s: on the monotonic clock.

        Raises:
            AuthenticationError: AuthenticationFailed, credentials or certificates that cannot be used.
            ThrottledError: ReadOperationFailed, with the seconds the registry asked for.
            RetryableError: ReadOperationFailed, ``HEAD URL: …``.
        """
        try:
            visit, _ = self._visit(image, access, deadline_s)
            return _digest(visit, f"{visit.base}/manifests/{tag}")
        except RetryableError as error:
            raise _prefixed("", error, image) from error

    def _visit(self, image: ImageName, access: RegistryAccess, deadline_s: float) -> tuple[Visit, tuple[str, ...]]:
        session = self._sessions.get(access.tls, access.proxy)
        exchange = Exchange(session=session, clock=self._clock, deadline_s=deadline_s)
        login = self._logins.login(image, access, CloudCall(exchange=exchange, memory=self._memory))
        visit = Visit(
            image=image,
            scheme="https" if image.registry in self._memory.secure else image.scheme(access.insecure),
            login=login,
            exchange=exchange,
            memory=self._memory,
            tokens=self._tokens,
        )
        return visit, login.warnings


def _digest(visit: Visit, url: str) -> Digest:
    headers = {"Accept": MANIFEST_TYPES}
    # HEAD does not count against Docker Hub's pull limit, GET does.
    answer = visit.success(visit.fetch(Request(method="HEAD", url=url, headers=headers), lambda _: None))
    digest = answer.headers.get("Docker-Content-Digest")
    if digest is None:
        answer = visit.success(visit.fetch(Request(method="GET", url=url, headers=headers), _content_digest))
        digest = str(answer.value)
    if not _DIGEST.fullmatch(digest):
        text = f"HEAD {redacted_url(url)}: response did not include a valid Docker-Content-Digest header"
        raise RetryableError(text, reason=REASON)
    return Digest(digest)


def _content_digest(response: BaseHTTPResponse) -> str:
    return f"sha256:{hashlib.sha256(read_body(response, MAX_MANIFEST)).hexdigest()}"


def _prefixed(prefix: str, error: RetryableError, image: ImageName) -> RetryableError:
    text = prefix + error.message
    if isinstance(error, ThrottledError):
        # Whoever throttled, token server or registry: it is this registry that has to be left alone.
        return ThrottledError(text, reason=error.reason, host=image.registry, retry_after_s=error.retry_after_s)
    return RetryableError(text, reason=error.reason, retry_after_s=error.retry_after_s)
