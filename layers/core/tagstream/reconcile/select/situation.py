"""Collects what the gates are told of a policy, for selecting and for explaining alike.

What a gate may need is read only when the gate asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from tagstream.domain.objects.image_name import is_same_image
from tagstream.domain.objects.model import ImagePolicy, ImageRef, ImageRepository, NamespacedName
from tagstream.domain.select.choice import Situation, TagCounts
from tagstream.domain.select.gates import may_go_back
from tagstream.domain.select.reflection import needs_digest, rollback_digest
from tagstream.errors import RetryableError
from tagstream.ports.bundle import GatePorts
from tagstream.ports.material import InvalidMaterial
from tagstream.ports.objects import StoredObject
from tagstream.ports.secrets import SecretNotFound
from tagstream.ports.signatures import PublicKeys
from tagstream.reconcile import status
from tagstream.reconcile.select.contents import Contents
from tagstream.reconcile.select.first_seen import FirstSeen
from tagstream.reconcile.select.image_findings import ImageFindings
from tagstream.reconcile.select.image_platforms import ImagePlatforms
from tagstream.reconcile.select.image_signatures import ImageSignatures
from tagstream.reconcile.select.looks import Looks
from tagstream.reconcile.select.registry_questions import RegistryQuestions

# The others are looked at later, when the answers about the best are known.
MOST_LOOKED_AT = 5
# Even a known answer costs a request for the tag's digest. What is behind so many better tags is not looked at.
MOST_COMPARED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A policy that is evaluated or explained now.

    Attributes:
        stored: the object, with its status.
        policy: the same as a value.
        current: what is selected.
        counts: how many tags were and are listed.
        now: aware UTC.
    """

    stored: StoredObject
    policy: ImagePolicy
    current: ImageRef | None
    counts: TagCounts
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSituation:
    """What the gates are told, and the contents of tags that they and the selection share."""

    situation: Situation
    contents: Contents


def situation_of(
    occasion: Occasion, questions: RegistryQuestions | None, ports: GatePorts, most_looked_at: int = MOST_LOOKED_AT
) -> KnownSituation:
    """What the gates are told of a policy.

    Args:
        occasion: the policy.
        questions: asks the registry; None when only what is stored counts.
        ports: everything.
        most_looked_at: how many images a gate may ask the registry about.
    """
    policy, current, control = occasion.policy, occasion.current, occasion.policy.control
    contents = _contents(occasion, questions, ports)
    image = questions.repository.image if questions is not None else ""
    looks = partial(Looks, most_asked=most_looked_at, most_compared=max(most_looked_at, MOST_COMPARED))
    order = control.intervention(occasion.now)
    signatures = ImageSignatures(
        contents=contents,
        image=image,
        read_keys=lambda: _public_keys(policy, ports),
        ask=None if questions is None else questions.signed,
        looks=looks(),
    )
    platforms = ImagePlatforms(contents=contents, ask=None if questions is None else questions.platforms, looks=looks())
    findings = ImageFindings(contents=contents, ask=None if questions is None else questions.findings, looks=looks())
    situation = Situation(
        policy=policy.metadata,
        current=current,
        counts=occasion.counts,
        may_go_back=may_go_back(policy.metadata, occasion.stored.status.get("observedGeneration")),
        first_seen=contents.first_seen,
        now=occasion.now,
        minimum_age=contents.minimum_age,
        content=contents.of,
        platforms=control.platforms,
        platforms_of=platforms.of,
        vulnerabilities_below=control.vulnerabilities_below,
        findings_of=findings.of,
        verify_secret=control.verify_secret,
        signing_of=signatures.of,
        is_moved=contents.is_moved,
        intervention=order,
        rollback_digest=rollback_digest(policy.digest_reflection, order, image),
        skip_tags=control.skip_tags,
        revert=control.revert if control.honours_reverts else None,
        image=image,
    )
    return KnownSituation(situation=situation, contents=contents)


def trusted_tags(stored: StoredObject, current: ImageRef | None, repository: ImageRepository | None) -> int:
    """How many tags there were when the list of a held policy was last trusted.

    It is 0 if nothing is held, or if the policy selected from another image: that one's list is no measure.
    """
    if current is None or repository is None or is_same_image(current.name, repository.image):
        return status.trusted_tags(stored.status)
    return 0


def _contents(occasion: Occasion, questions: RegistryQuestions | None, ports: GatePorts) -> Contents:
    policy, current = occasion.policy, occasion.current
    return Contents(
        first_seen=FirstSeen(policy.repository, ports.tags),
        current=current,
        is_reread=current is not None
        and questions is not None
        and needs_digest(policy.digest_reflection, current, questions.repository.image, current.tag),
        minimum_age=timedelta(seconds=policy.control.minimum_age_s),
        now=occasion.now,
        ask=None if questions is None else questions.digest,
    )


def _public_keys(policy: ImagePolicy, ports: GatePorts) -> PublicKeys:
    """The keys that must have signed an image."""
    key = NamespacedName(policy.metadata.key.namespace, policy.control.verify_secret)
    try:
        return ports.read_public_keys(ports.secrets.get(key))
    except SecretNotFound as error:
        raise RetryableError(f"failed to verify signatures: {error}", reason="VerificationError") from error
    except InvalidMaterial as error:
        raise RetryableError(
            f"failed to verify signatures: secret '{key}': {error}", reason="VerificationError"
        ) from error
