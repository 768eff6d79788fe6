"""The port to container registries, and the values it speaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from tagstream.domain.objects.image_name import ImageName
from tagstream.domain.objects.model import Digest, Provider
from tagstream.domain.signatures.signed import Signed
from tagstream.ports.connection import Proxy, TlsMaterial


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSecret:
    """One secret with registry credentials; ``data`` has ``.dockerconfigjson`` or ``.dockercfg``."""

    name: str
    data: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccess:
    """How to talk to one image's registry; secrets are already read.

    ``first_answer_s`` is how long a host may take for its first answer; None for all of the time that there is.
    """

    provider: Provider = "generic"
    insecure: bool = False
    pull_secrets: tuple[PullSecret, ...] = field(default=(), repr=False)
    tls: TlsMaterial | None = field(default=None, repr=False)
    proxy: Proxy | None = field(default=None, repr=False)
    first_answer_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagListing:
    """A complete tag list, in the registry's order without duplicates.

    ``requests`` counts HTTP requests of this listing; ``warnings`` are sentences for the status.
    """

    tags: tuple[str, ...]
    requests: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFindings:
    """What ECR says of the scan of one image.

    Attributes:
        state: ``complete``, ``pending`` while the scan is under way, ``unavailable`` if there is none.
        counts: how many vulnerabilities were found of each severity.
        problem: why there is no scan, in ECR's words.
    """

    state: Literal["complete", "pending", "unavailable"]
    counts: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


class Registry(Protocol):
    """Reads tags and digests; ``deadline_s`` is on the monotonic clock."""

    def list_tags(self, image: ImageName, access: RegistryAccess, deadline_s: float) -> TagListing:
        """All tags, or an error: never a partial list."""

    def digest(self, image: ImageName, tag: str, access: RegistryAccess, deadline_s: float) -> Digest:
        """The digest a tag points to (for a multi-arch image, of its index)."""

    def platforms(self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float) -> frozenset[str]:
        """The platforms of an image, such as ``linux/arm64``; of an index, those of all its images."""

    def created(self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float) -> datetime | None:
        """When an image was created (aware UTC), by its configuration; None if it does not say, or is no image."""

    def labels(self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float) -> Mapping[str, str]:
        """What an image's annotations and labels say of its source, by their names; nobody has checked it."""

    def images(self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float) -> tuple[Digest, ...]:
        """The digests of the images of an index, without attestations; of a single image, its own."""

    def scan_findings(
        self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float
    ) -> ScanFindings:
        """What ECR's scan has found in a single image."""

    def signatures(
        self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float
    ) -> Iterator[Signed]:
        """What the registry keeps as signatures of an image; nobody has checked them."""
