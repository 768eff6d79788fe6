"""The Registry port over HTTP, for every registry that speaks the distribution protocol.

One instance serves a process: it keeps connections, tokens, challenges and page sizes in memory.

Source: image-reflector-controller internal/controller/imagerepository_controller.go (scan) and internal/policy
(digest reflection); distribution-spec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import cast

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.http.cloud_call import CloudCall
from tagstream.adapters.http.expiring_cache import ExpiringCache
from tagstream.adapters.http.faults import PLAIN_HTTP
from tagstream.adapters.http.host_pauses import HostPauses
from tagstream.adapters.http.retry import LONGEST_WAIT_S
from tagstream.adapters.http.retrying_session import Refused, RetryingSession
from tagstream.adapters.http.session import Session, Sessions
from tagstream.adapters.registry import login_aws, login_gcp
from tagstream.adapters.registry.authenticate import AuthenticatedRepository
from tagstream.adapters.registry.ecr_findings import ScanApi, fetch_findings
from tagstream.adapters.registry.host_memory import HostMemory
from tagstream.adapters.registry.login_aws import OpenApi
from tagstream.adapters.registry.logins import Logins, secret_login
from tagstream.adapters.registry.manifests import MalformedDigest, fetch_digest, fetch_verified
from tagstream.adapters.registry.pages import Limits, all_tags
from tagstream.adapters.registry.signatures import find_signatures
from tagstream.domain.objects.image_name import ImageName, ecr_account, ecr_region
from tagstream.domain.objects.model import Digest
from tagstream.domain.select.creation_time import first_image, images_of_index, read_creation_time
from tagstream.domain.select.platforms import (
    UnreadableManifest,
    configuration_digest,
    platforms_of_configuration,
    platforms_of_index,
)
from tagstream.domain.signatures.signed import Signed
from tagstream.domain.update.image_labels import SOURCE_LABELS, labels_of_configuration, labels_of_manifest
from tagstream.errors import RetryableError, StalledError, ThrottledError, Unanswered
from tagstream.ports.connection import Proxy, TlsMaterial
from tagstream.ports.registry import RegistryAccess, ScanFindings, TagListing
from tagstream.ports.runtime import Clock

# Statuses of a registry that lacks our credentials; some hide with 404 what others may see.
DENIALS = frozenset({401, 403, 404})
# How long ``/v2/`` may take, which needs no work of a registry, if something else had no answer in time.
ALIVE_WITHIN_S = 5.0
# The same if the object's time is over, and perhaps the invocation's, of whose margin this is a part.
ALIVE_LATE_S = 1.5


class RegistryClient:
    """Reads tags and digests; safe for many threads.

    Args:
        clock: waits and deadlines.
        limits: beyond which a tag list is refused.
        open_api: opens ECR's token APIs as the function's role.
        identity: signs the role's identity for Google.
        open_session: opens connections.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        open_api: OpenApi = login_aws.no_role,
        identity: login_gcp.SignedIdentity = login_gcp.no_role,
        open_session: Callable[[TlsMaterial | None, Proxy | None], Session] = Session,
    ) -> None:
        self._clock: Clock = clock or SystemClock()
        self._limits = limits or Limits()
        self._memory = HostMemory()
        self._pauses = HostPauses()
        self._tokens: ExpiringCache[str] = ExpiringCache(self._clock)
        self._sessions = Sessions(open_session)
        self._open_api = open_api
        self._logins = Logins(self._clock, open_api, identity)

    def list_tags(self, image: ImageName, access: RegistryAccess, deadline_s: float) -> TagListing:
        """All tags, or an error: never a partial list.

        Args:
            image: the repository.
            access: credentials, TLS, proxy.
            deadline_s: on the monotonic clock.

        Raises:
            AuthenticationError: AuthenticationFailed, credentials or certificates that cannot be used.
            ThrottledError: ReadOperationFailed, with the seconds the registry asked for.
            Unanswered: ReadOperationFailed, nothing came from the registry, its proxy or its token service.
            RetryableError: ReadOperationFailed, ``scan failed: GET URL: CODE: message``.
        """
        with _explaining(image, access, "scan failed: "):
            repository, tags = self._listed(image, access, deadline_s)
        warnings = (*repository.login.warnings, *repository.session.warnings)
        return TagListing(tags=tags, requests=repository.session.requests, warnings=warnings)

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
        with _explaining(image, access):
            return fetch_digest(self._repository(image, access, deadline_s), tag)

    def platforms(self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float) -> frozenset[str]:
        """The platforms of an image: one request for an index, two for a single image; none of what is no image.

        Args:
            image: the repository.
            digest: of the index or the manifest; what comes is checked against it.
            access: credentials, TLS, proxy.
            deadline_s: on the monotonic clock.

        Raises:
            AuthenticationError: AuthenticationFailed, credentials or certificates that cannot be used.
            ThrottledError: ReadOperationFailed, with the seconds the registry asked for.
            RetryableError: ReadOperationFailed, the registry fails, or it sends something else than the digest says.
        """
        try:
            with _explaining(image, access):
                repository = self._repository(image, access, deadline_s)
                manifest = fetch_verified(repository, "manifests", digest)
                found = platforms_of_index(manifest)
                if found is not None:
                    return found
                return platforms_of_configuration(fetch_verified(repository, "blobs", configuration_digest(manifest)))
        except (UnreadableManifest, MalformedDigest):
            return frozenset()

    def created(self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float) -> datetime | None:
        """When an image was created: two requests for a single image, three for an index, whose first image counts.

        Args:
            image: the repository.
            digest: of the index or the manifest.
            access: credentials, TLS, proxy.
            deadline_s: on the monotonic clock.

        Raises:
            AuthenticationError: AuthenticationFailed, credentials or certificates that cannot be used.
            ThrottledError: ReadOperationFailed, with the seconds the registry asked for.
            RetryableError: ReadOperationFailed, the registry fails, or it sends something else than the digest says.
        """
        try:
            with _explaining(image, access):
                repository = self._repository(image, access, deadline_s)
                manifest = fetch_verified(repository, "manifests", digest)
                inner = first_image(manifest)
                if inner is not None:
                    manifest = fetch_verified(repository, "manifests", inner)
                return read_creation_time(fetch_verified(repository, "blobs", configuration_digest(manifest)))
        except (UnreadableManifest, MalformedDigest):
            return None

    def labels(self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float) -> Mapping[str, str]:
        """What an image says of its source: one to three requests, as deep as its annotations and labels lie.

        Args:
            image: the repository.
            digest: of the index or the manifest; of an index, the annotations come before those of its first image.
            access: credentials, TLS, proxy.
            deadline_s: on the monotonic clock.

        Raises:
            AuthenticationError: AuthenticationFailed, credentials or certificates that cannot be used.
            ThrottledError: ReadOperationFailed, with the seconds the registry asked for.
            RetryableError: ReadOperationFailed, the registry fails, or it sends something else than the digest says.
        """
        found: Mapping[str, str] = {}
        try:
            with _explaining(image, access):
                repository = self._repository(image, access, deadline_s)
                manifest = fetch_verified(repository, "manifests", digest)
                found = labels_of_manifest(manifest)
                inner = first_image(manifest)
                if inner is not None and len(found) < len(SOURCE_LABELS):
                    manifest = fetch_verified(repository, "manifests", inner)
                    found = {**labels_of_manifest(manifest), **found}
                if len(found) < len(SOURCE_LABELS):
                    configuration = fetch_verified(repository, "blobs", configuration_digest(manifest))
                    found = {**labels_of_configuration(configuration), **found}
        except (UnreadableManifest, MalformedDigest):
            # What is no image has no configuration.
            return found
        return found

    def images(self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float) -> tuple[Digest, ...]:
        """The digests of the images of an index, without attestations; of a single image, its own. One request.

        Args:
            image: the repository.
            digest: of the index or the manifest.
            access: credentials, TLS, proxy.
            deadline_s: on the monotonic clock.

        Raises:
            AuthenticationError: AuthenticationFailed, credentials or certificates that cannot be used.
            ThrottledError: ReadOperationFailed, with the seconds the registry asked for.
            RetryableError: ReadOperationFailed, the registry fails, or it sends something else than the digest says.
        """
        with _explaining(image, access):
            manifest = fetch_verified(self._repository(image, access, deadline_s), "manifests", digest)
        return tuple(Digest(one) for one in images_of_index(manifest)) or (digest,)

    def scan_findings(
        self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float
    ) -> ScanFindings:
        """What ECR's scan has found in a single image, asked as the function's role.

        Args:
            image: in a private ECR registry.
            digest: of the manifest.
            access: its proxy.
            deadline_s: on the monotonic clock.

        Raises:
            StalledError: NotScanned, the image is not in a private ECR registry.
            RetryableError: ReadOperationFailed, AWS fails.
        """
        account, region = ecr_account(image.registry), ecr_region(image.registry)
        if account is None or region is None:
            text = f"'{image.registry}' is not a private ECR registry, and only ECR is asked for vulnerabilities"
            raise StalledError(text, reason="NotScanned")
        left_s = deadline_s - self._clock.monotonic_s()
        api = cast("ScanApi", self._open_api("ecr", region, access.proxy, left_s))
        return fetch_findings(api, account, image.repository, digest)

    def signatures(
        self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float
    ) -> Iterator[Signed]:
        """What the registry keeps as signatures of an image; nobody has checked them.

        The registry is asked while the iterator is read.

        Args:
            image: the repository.
            digest: of the index or the manifest.
            access: credentials, TLS, proxy.
            deadline_s: on the monotonic clock.

        Raises:
            AuthenticationError: AuthenticationFailed, credentials or certificates that cannot be used.
            ThrottledError: ReadOperationFailed, with the seconds the registry asked for.
            RetryableError: ReadOperationFailed, the registry fails, or it sends something else than a digest says.
        """
        with _explaining(image, access):
            yield from find_signatures(self._repository(image, access, deadline_s), digest)

    def _listed(
        self, image: ImageName, access: RegistryAccess, deadline_s: float
    ) -> tuple[AuthenticatedRepository, tuple[str, ...]]:
        repository = self._repository(image, access, deadline_s)
        try:
            return repository, all_tags(repository, self._limits)
        except Unanswered:
            if access.first_answer_s is None or not self._is_alive(image, access, deadline_s):
                raise
        # Only this list is slow: it may take all the time that its object allows.
        repository = self._repository(image, replace(access, first_answer_s=None), deadline_s)
        try:
            return repository, all_tags(repository, self._limits)
        except Unanswered as error:
            raise RetryableError(error.message, reason=error.reason) from None

    def _is_alive(self, image: ImageName, access: RegistryAccess, deadline_s: float) -> bool:
        now_s = self._clock.monotonic_s()
        # An object with a short time-out must not make a registry look dead that lives.
        until_s = now_s + (ALIVE_WITHIN_S if deadline_s - now_s > ALIVE_WITHIN_S else ALIVE_LATE_S)
        return self._repository(image, replace(access, first_answer_s=ALIVE_WITHIN_S), until_s).is_alive()

    def _repository(self, image: ImageName, access: RegistryAccess, deadline_s: float) -> AuthenticatedRepository:
        session = RetryingSession(
            session=self._sessions.get(access.tls, access.proxy),
            pauses=self._pauses,
            clock=self._clock,
            deadline_s=deadline_s,
            first_answer_s=access.first_answer_s,
        )
        return AuthenticatedRepository(
            image=image,
            scheme="https" if image.registry in self._memory.secure else image.scheme(access.insecure),
            login=self._logins.login(image, access, CloudCall(session=session)),
            session=session,
            memory=self._memory,
            tokens=self._tokens,
        )


@contextmanager
def _explaining(image: ImageName, access: RegistryAccess, prefix: str = "") -> Iterator[None]:
    """Say with each failure of the registry what a person can do about it."""
    try:
        yield
    except RetryableError as error:
        raise _explained(prefix, error, image, access) from error


def _explained(prefix: str, error: RetryableError, image: ImageName, access: RegistryAccess) -> RetryableError:
    """The error with what a person can do about it."""
    text = prefix + error.message
    if isinstance(error, ThrottledError):
        if error.retry_after_s is not None and error.retry_after_s > LONGEST_WAIT_S:
            text += f"; {image.registry} is left alone for {error.retry_after_s:.0f} s"
        # Whoever throttled, token server or registry: it is this registry that has to be left alone.
        return ThrottledError(text, reason=error.reason, host=image.registry, retry_after_s=error.retry_after_s)
    if PLAIN_HTTP in text and not access.insecure:
        text += "; set spec.insecure if the registry has no TLS"
    if isinstance(error, Refused) and error.status in DENIALS and access.provider == "generic":
        hint = secret_login(image, access).hint
        text += f"; {hint}" if hint else ""
    if isinstance(error, Unanswered):
        return Unanswered(text, reason=error.reason)
    return RetryableError(text, reason=error.reason, retry_after_s=error.retry_after_s)
