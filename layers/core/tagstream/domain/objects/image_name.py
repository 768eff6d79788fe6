"""Image names as Flux's registry client reads them, and their canonical form.

Source: go-containerregistry pkg/name (registry.go, repository.go, tag.go, digest.go); image-reflector-controller
internal/registry/helper.go (ParseImageReference); vectors registry/image_reference.json and reflector_reconcile.json
``parse_image_reference``, ``ecr_registry``.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from tagstream.domain.objects.model import CanonicalImage

DEFAULT_REGISTRY = "index.docker.io"
_REPOSITORY = re.compile(r"[a-z0-9_\-./]{1,255}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_.\-]{1,128}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}", re.ASCII)
# What net/url refuses in a host besides a colon: userinfo, blanks, escapes, slashes. A port follows the last colon.
# Written the other way round, with all letters up to the last one of Unicode, the pattern takes 4 ms to compile.
_NO_HOST = r"\x00-\x20#%/?@\[\\^`{|}\x7f"
_AUTHORITY = re.compile(rf"\[(?P<ipv6>[^]%]*)\](?::[0-9]*)?|[^:{_NO_HOST}]*|[^{_NO_HOST}]*:[0-9]*")
_PORT = "(?::[0-9]{1,5})?"
_LOCAL = re.compile(rf"localhost:.*|.*\.localhost{_PORT}|127\.0\.0\.1{_PORT}|::1|\[::1\]{_PORT}")
_PRIVATE = tuple(ipaddress.ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
ECR_HOSTS = (
    r"([0-9+]*).dkr[.-]ecr(?:-fips)?\.([^/.]*)\."
    r"(amazonaws\.com[.cn]*|amazonaws\.eu|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov|on\.aws)"
)
_ECR = re.compile(ECR_HOSTS, re.ASCII)
ECR_PUBLIC = "public.ecr.aws"


class InvalidImage(ValueError):
    """Not an image name; the message is Flux's."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """A repository on a registry, both normalised: ``index.docker.io`` and ``library/alpine``."""

    registry: str
    repository: str

    @property
    def canonical(self) -> CanonicalImage:
        """``index.docker.io/library/alpine``: the name that equal images share."""
        return CanonicalImage(f"{self.registry}/{self.repository}")

    def scheme(self, insecure: bool = False) -> str:
        """``http`` for insecure repositories, loopback, ``*.localhost`` and private addresses; else ``https``."""
        plain = insecure or _is_private(self.registry) or _LOCAL.fullmatch(self.registry) is not None
        return "http" if plain else "https"


def parse_repository_image(image: str) -> ImageName:
    """``spec.image`` of an ImageRepository: no scheme, no tag, no digest.

    Raises:
        InvalidImage: Flux's text, which becomes the reason ImageURLInvalid.
    """
    scheme, separator, _ = image.partition("://")
    if separator:
        raise InvalidImage(f"image '{image}' should not include URL scheme; remove '{scheme}://'")
    name = parse_reference(image)
    tagged = image.removeprefix(name.registry).split(":")
    if len(tagged) > 1:
        raise InvalidImage(f"image '{image}' should not include a tag; remove ':{tagged[1]}'")
    return name


def canonical_name(image: str) -> CanonicalImage | None:
    """Return the canonical image name of ``spec.image``; None if it cannot be parsed."""
    try:
        return parse_repository_image(image).canonical
    except InvalidImage:
        return None


def is_same_image(one: str, other: str) -> bool:
    """Whether two values of ``spec.image`` name the same image; two that cannot be parsed count as the same."""
    return one == other or canonical_name(one) == canonical_name(other)


def parse_image_name(image: str) -> ImageName:
    """Parse a repository's name from a webhook or an index: a tag or digest behind it is an error.

    Raises:
        InvalidImage: as ``parse_repository_image``.
    """
    return parse_repository_image(image)


def parse_reference(reference: str) -> ImageName:
    """The repository of ``name[:tag][@digest]``.

    Raises:
        InvalidImage: ``could not parse reference: …``.
    """
    base, at, digest = reference.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _unparsable(reference)
    head, colon, tag = base.rpartition(":")
    if colon and "/" not in tag:
        if not _TAG.fullmatch(tag):
            raise _unparsable(reference)
        base = head
    name = _repository(base, reference)
    # With a digest, go-containerregistry parses the canonical name again and checks its length again.
    return _repository(name.canonical, reference) if at else name


def _repository(name: str, reference: str) -> ImageName:
    registry, slash, repository = name.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        # go-containerregistry: the first part is a host only when it looks like one.
        registry, repository = DEFAULT_REGISTRY, name
    if not _REPOSITORY.fullmatch(repository) or not _is_authority(registry):
        raise _unparsable(reference)
    if registry == "docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return ImageName(registry, repository)


def _unparsable(reference: str) -> InvalidImage:
    return InvalidImage(f"could not parse reference: {reference}")


def _is_authority(registry: str) -> bool:
    found = _AUTHORITY.fullmatch(registry)
    return found is not None and (found["ipv6"] is None or _is_ipv6(found["ipv6"]))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def _is_private(registry: str) -> bool:
    try:
        address = ipaddress.IPv4Address(registry.split(":")[0])
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE)


def ecr_account(image: str) -> str | None:
    """The account of a private ECR registry; None for an image that is elsewhere.

    Args:
        image: as an ImageRepository names it.
    """
    host = image.partition("/")[0]
    account = host.partition(".")[0]
    is_private = ecr_region(host) not in (None, ECR_PUBLIC) and ".dkr" in host
    return account if is_private and account.isdecimal() and account.isascii() else None


def ecr_region(registry: str) -> str | None:
    """The region of a private ECR registry, ``public.ecr.aws`` for the public one, None for any other host.

    Args:
        registry: a host, or a host with a repository behind it.

    Source: fluxcd/pkg auth/aws (registry pattern); vectors reflector_reconcile.json ``ecr_registry``.
    """
    host = registry.split("/")[0]
    if host == ECR_PUBLIC:
        return ECR_PUBLIC
    found = _ECR.search(host)
    return found.group(2) if found else None
