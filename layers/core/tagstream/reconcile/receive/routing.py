"""Finds the ImageRepositories that watch the images which a delivery names.

A delivery never chooses a host to call: an image that nobody watches leads nowhere. Names are compared more leniently
than images are pulled (case of the host, default ports, other host names of Docker Hub and ECR), because a wrong match
costs one listing, and a missed one the time until the next interval.

Source: registries-and-webhooks: a webhook is a hint; the body never chooses a host to call. Names are compared more
leniently than images are pulled (case of the host, default ports, Docker Hub's and ECR's other host names): a wrong
match costs one listing, a missed one the time until the next interval.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tagstream.domain.objects.image_name import DEFAULT_REGISTRY, ECR_HOSTS, InvalidImage, parse_image_name
from tagstream.domain.objects.model import NamespacedName
from tagstream.events.delivery import PushHint
from tagstream.events.ecr import ecr_registry
from tagstream.ports.webhook import DeliveryStore

_ECR = re.compile(ECR_HOSTS, re.ASCII)
_DEFAULT_PORT = re.compile(r":(443|80)$", re.ASCII)
_HUB_HOSTS = frozenset({"docker.io", "registry-1.docker.io", "registry.hub.docker.com"})


@dataclass(frozen=True, slots=True)
class NamedImages:
    """The tags that a delivery names, by comparable image name, or by ``/path`` where it names no host."""

    tags: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, hints: Iterable[PushHint]) -> NamedImages:
        """The images that hints name; hints that are no image names are left out."""
        found: dict[str, set[str]] = {}
        for hint in hints:
            name = comparable_name(f"{hint.registry}/{hint.repository}") if hint.registry else f"/{hint.repository}"
            pushed = {hint.tag} if hint.tag and hint.action == "push" else set()
            if name:
                found.setdefault(name, set()).update(pushed)
        return cls({name: frozenset(tags) for name, tags in found.items()})

    def tags_of(self, image: str) -> frozenset[str] | None:
        """The tags pushed to an ImageRepository's image; None if the delivery is not for it.

        If a sender does not name its host, every image matches whose path is, or ends with, the one it names.
        """
        name = comparable_name(image)
        parts = name.split("/")
        endings = ("/" + "/".join(parts[start:]) for start in range(1, len(parts)))
        met = [self.tags[one] for one in (name, *endings) if one in self.tags]
        return frozenset().union(*met) if met else None


def comparable_name(image: str) -> str:
    """``host/path``, the same for all spellings of one repository; empty for what is no image name."""
    try:
        name = parse_image_name(image)
    except InvalidImage:
        return ""
    host, path = _DEFAULT_PORT.sub("", name.registry.lower()), name.repository
    ecr = _ECR.fullmatch(host)
    if ecr:
        host = ecr_registry(ecr[1], ecr[2])
    if host in _HUB_HOSTS:
        host, path = DEFAULT_REGISTRY, path if "/" in path else f"library/{path}"
    return f"{host}/{path}"


def canonical_names(hint: PushHint) -> tuple[str, ...]:
    """The canonical image names of a hint; empty when it is no image name, several for ECR's several hosts."""
    try:
        name = parse_image_name(f"{hint.registry}/{hint.repository}")
    except InvalidImage:
        return ()
    ecr = _ECR.fullmatch(name.registry)
    hosts = (name.registry, *(_other_ecr_hosts(ecr[1], ecr[2], ecr[3]) if ecr else ()))
    return tuple(f"{host}/{name.repository}" for host in hosts)


def pushed_tags(hints: Iterable[PushHint]) -> tuple[str, ...]:
    """The tags that were pushed, each once: what a scan should find."""
    return tuple(sorted({hint.tag for hint in hints if hint.tag and hint.action == "push"}))


def repositories_of(hints: Iterable[PushHint], deliveries: DeliveryStore) -> frozenset[NamespacedName]:
    """Every ImageRepository whose canonical image name a hint has."""
    names = {name for hint in hints if hint.registry for name in canonical_names(hint)}
    return frozenset(key for name in sorted(names) for key in deliveries.repositories(name))


def _other_ecr_hosts(account: str, region: str, domain: str) -> tuple[str, ...]:
    # The FIPS endpoint, and the dual-stack endpoints with and without FIPS.
    dual = [f"{account}.dkr-ecr{fips}.{region}.on.aws" for fips in ("", "-fips")]
    return (f"{account}.dkr.ecr-fips.{region}.{domain}", *dual)
