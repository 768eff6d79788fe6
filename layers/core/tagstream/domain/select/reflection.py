"""When a policy has to ask the registry for a digest."""

from __future__ import annotations

from tagstream.domain.objects.intervention import Intervention
from tagstream.domain.objects.model import Digest, DigestReflection, ImageRef


def needs_digest(reflection: DigestReflection, current: ImageRef | None, name: str, tag: str) -> bool:
    """Whether a policy has to ask for a tag's digest (vectors ``digest_reflection``)."""
    if reflection == "Never":
        return False
    if reflection == "Always":
        return True
    return current is None or (current.name, current.tag) != (name, tag) or not current.digest


def rollback_digest(reflection: DigestReflection, order: Intervention | None, name: str) -> Digest:
    """The digest that a rollback writes, which its tag had when it was selected before.

    Args:
        reflection: of the policy.
        order: what a person has ordered.
        name: the image of the ImageRepository now; empty if it is not known.

    Returns:
        Empty if the order is no rollback, the digest is not known or of another image, or digests are not written.
    """
    if order is None or order.kind != "rollback" or reflection == "Never" or name not in ("", order.image):
        return Digest("")
    return Digest(order.digest)
