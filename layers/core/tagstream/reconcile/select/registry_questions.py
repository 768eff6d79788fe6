"""What an evaluation asks a registry: each question with the repository's login and a time limit.

A registry that does not answer is no verdict: every question then raises an error, and the evaluation is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from tagstream.domain.objects.image_name import ImageName, parse_repository_image
from tagstream.domain.objects.model import Digest, ImageRepository
from tagstream.domain.signatures.signed import Signed
from tagstream.errors import ImageAutomationError, RetryableError, StalledError
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.registry import RegistryAccess, ScanFindings
from tagstream.reconcile.credentials import registry_access
from tagstream.reconcile.registry_health import RegistryHealth

MIN_TIMEOUT_S = 1.0
# Of an index with more images, the others are not looked at.
MOST_IMAGES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryQuestions:
    """Questions about one repository's images.

    Attributes:
        stored: the ImagePolicy that is evaluated.
        repository: whose image is asked about.
        deadline_s: when the invocation ends, on the monotonic clock.
        health: says which registries are left alone.
        ports: everything.
    """

    stored: StoredObject
    repository: ImageRepository
    deadline_s: float
    health: RegistryHealth
    ports: Ports

    def image(self) -> ImageName:
        """The image that is asked about."""
        return parse_repository_image(self.repository.image)

    def digest(self, tag: str) -> Digest:
        """The digest that the registry has for a tag now.

        Raises:
            RetryableError: the registry does not answer.
        """
        image = self.image()
        with self._asking(image, "digest", f":{tag}") as access:
            return self.ports.registry.digest(image, tag, access, self._limit_s())

    def platforms(self, digest: Digest) -> frozenset[str]:
        """The platforms of an image.

        Raises:
            RetryableError: the registry does not answer.
        """
        image = self.image()
        with self._asking(image, "platforms", f"@{digest}") as access:
            return self.ports.registry.platforms(image, digest, access, self._limit_s())

    def created(self, digest: Digest) -> datetime | None:
        """When an image was created (aware UTC); None if it does not say.

        Raises:
            RetryableError: the registry does not answer.
        """
        image = self.image()
        with self._asking(image, "the creation time", f"@{digest}") as access:
            return self.ports.registry.created(image, digest, access, self._limit_s())

    def findings(self, digest: Digest) -> Sequence[ScanFindings]:
        """What ECR's scans have found in the images of a digest, of an index in all of them.

        Raises:
            StalledError: NotScanned, the registry is not ECR.
            RetryableError: ECR does not answer.
        """
        image = self.image()
        with self._asking(image, "scan findings", f"@{digest}") as access:
            images = self.ports.registry.images(image, digest, access, self._limit_s())[:MOST_IMAGES]
            return [self.ports.registry.scan_findings(image, one, access, self._limit_s()) for one in images]

    def signed(self, digest: Digest) -> Iterator[Signed]:
        """What the registry keeps as signatures of an image; nobody has checked them.

        Raises:
            RetryableError: the registry does not answer.
        """
        image = self.image()
        with self._asking(image, "signatures", f"@{digest}") as access:
            yield from self.ports.registry.signatures(image, digest, access, self._limit_s())

    @contextmanager
    def _asking(self, image: ImageName, what: str, which: str) -> Iterator[RegistryAccess]:
        """Ask with a limit for the first answer, unless the registry is left alone."""
        access = registry_access(self.repository, self.ports.secrets)
        try:
            self.health.check(self.stored, image, access)
            with self.health.watched(self.stored, image, access) as bounded:
                yield bounded
        except StalledError:
            raise
        except ImageAutomationError as error:
            raise RetryableError(
                f"failed fetching {what} of {self.repository.image}{which}: {error.message}", reason="Failed"
            ) from error

    def _limit_s(self) -> float:
        """When a request to the registry is given up, on the monotonic clock."""
        repository = self.repository
        timeout_s = max(MIN_TIMEOUT_S, repository.timeout_s or repository.interval_s or MIN_TIMEOUT_S)
        return min(self.deadline_s, self.ports.clock.monotonic_s() + timeout_s)
