"""When a policy has to ask the registry for a digest."""

from __future__ import annotations

from tagstream.domain.objects.model import DigestReflection, ImageRef


def needs_digest(reflection: DigestReflection, current: ImageRef | None, name: str, tag: str) -> bool:
    """Whether a policy has to ask for a tag's digest (vectors ``digest_reflection``)."""
    if reflection == "Never":
        return False
    if reflection == "Always":
        return True
    return current is None or (current.name, current.tag) != (name, tag) or not current.digest
