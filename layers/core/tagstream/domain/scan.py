"""What a scan makes of a registry's tag list, and when it must not be believed.

In: tags as the registry listed them, exclusion patterns, what was known. Out: a ScanResult, and the guards' findings.

Source: image-reflector-controller internal/controller/imagerepository_controller.go (fetchImageTags, filterOutTags,
shouldScan) and internal/database (FluxStorage's revision); vectors reflector_reconcile.json.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tagstream.domain.goregexp import InvalidPattern, compile_pattern
from tagstream.domain.model import AccessFrom, DigestReflection, ImageRef, Revision
from tagstream.domain.ordering import encoded

LATEST_TAGS = 10
# A list that shrinks to less than half and by more than this many tags looks like an outage, not like a clean-up.
DROP_RATIO = 0.5
DROP_MINIMUM = 10


class InvalidExclusion(ValueError):
    """An exclusion pattern that does not compile; the message is Flux's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """Kept tags in descending byte order, their revision and the first ten."""

    tags: tuple[str, ...]
    revision: Revision
    latest_tags: tuple[str, ...]


def exclude(tags: Iterable[str], exclusion_list: Sequence[str]) -> ScanResult:
    """Drop what any pattern is found in, sort, and fingerprint.

    Args:
        tags: as listed.
        exclusion_list: Go patterns, searched and not anchored; an empty pattern drops everything.

    Raises:
        InvalidExclusion: ``failed to compile regex P: error parsing regexp: …``.
    """
    # Python orders text by code point, which is the order of its UTF-8 bytes.
    kept = sorted(keep(tags, exclusion_list), reverse=True)
    return ScanResult(tags=tuple(kept), revision=revision(kept), latest_tags=tuple(kept[:LATEST_TAGS]))


def keep(tags: Iterable[str], exclusion_list: Sequence[str]) -> list[str]:
    """The tags no pattern is found in, in their order.

    Raises:
        InvalidExclusion: as ``exclude``; the first bad pattern, before any tag is looked at.
    """
    patterns = []
    for text in exclusion_list:
        try:
            patterns.append(compile_pattern(text))
        except InvalidPattern as error:
            raise InvalidExclusion(f"failed to compile regex {text}: {error}") from error
    kept = list(tags)
    for pattern in patterns:
        kept = [tag for tag in kept if not pattern.matches(tag)]
    return kept


def revision(tags: Sequence[str]) -> Revision:
    """``sha256:`` over the tags in stored order, a newline behind each (FluxStorage; Badger's adler32 collides)."""
    return Revision("sha256:" + hashlib.sha256(encoded("".join(f"{tag}\n" for tag in tags))).hexdigest())


def is_suspicious_drop(before: int, after: int) -> bool:
    """Whether a tag list shrank so much that the answer is more likely wrong than the registry empty."""
    return before - after > DROP_MINIMUM and after < before * DROP_RATIO


def exclusion_lists_agree(a: Sequence[str], b: Sequence[str]) -> bool:
    """Flux's comparison: each member of the first is looked up in the second, however often it stands there."""
    return len(a) == len(b) and all(one in b for one in a)


def may_access(access_from: AccessFrom | None, same_namespace: bool, labels: Mapping[str, str]) -> bool:
    """Whether a policy may use an ImageRepository.

    Args:
        access_from: ``spec.accessFrom`` of the ImageRepository.
        same_namespace: the policy lives beside it; then the ACL does not matter.
        labels: of the policy's namespace, with ``kubernetes.io/metadata.name``.

    Source: fluxcd/pkg runtime/acl; vectors reflector_reconcile.json ``acl``.
    """
    if same_namespace:
        return True
    if access_from is None:
        return False
    return any(
        all(labels.get(name) == value for name, value in selector.items())
        for selector in access_from.namespace_selectors
    )


def needs_digest(reflection: DigestReflection, current: ImageRef | None, name: str, tag: str) -> bool:
    """Whether a policy has to ask for a tag's digest (vectors ``digest_reflection``)."""
    if reflection == "Never":
        return False
    if reflection == "Always":
        return True
    return current is None or (current.name, current.tag) != (name, tag) or not current.digest
