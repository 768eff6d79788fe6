"""Gates: whether the tag that a policy's order puts first may be selected now.

A gate must not read a clock or a store: all it may need is in the Candidate and the Situation.

Flux has no gates; image-automation-controller issues #231 and #396 ask for the downgrade guard.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from gocompat.duration import print_duration
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import ALLOW_DOWNGRADE, SEVERITIES, Metadata
from tagstream.domain.scan.drop_guard import is_suspicious_drop
from tagstream.domain.select.choice import Answer, Candidate, Gate, Go, No, Situation, Stay, Wait
from tagstream.domain.select.interventions import intervened, reverted, skipped
from tagstream.domain.select.platforms import missing

# A tag that lacks a platform is looked at again after this time.
LOOK_AGAIN_AFTER = timedelta(minutes=10)
# The next few tags are looked at for when they were created after this time.
LOOK_ON_AFTER = timedelta(minutes=1)


def known_times(candidate: Candidate, situation: Situation) -> Answer:
    """Keep the current selection until it is known when every tag was made: a newer one may be among the others."""
    left = situation.tags_without_time
    if not left:
        return Go()
    return Stay(
        reason="TagsNotLookedAt",
        message=f"{left} tags were not looked at yet for when they were created",
        verdict="waits for others",
        until=situation.now + LOOK_ON_AFTER,
    )


def suspicious_drop(candidate: Candidate, situation: Situation) -> Answer:
    """Keep the current selection while a tag list has shrunk so much that an outage is likelier than a clean-up."""
    current, counts = situation.current, situation.counts
    if current is None or current.tag == candidate.tag or situation.may_go_back:
        return Go()
    if not is_suspicious_drop(counts.before, counts.after):
        return Go()
    return No(
        reason="SuspiciousTagDrop",
        message=(
            f"holding {current}: the registry lists {counts.after} tags where {counts.before} were known;"
            f" {candidate.tag} would be selected now; annotate {ALLOW_DOWNGRADE}=true if they were removed on purpose"
        ),
        verdict="held",
        keeps_current=True,
    )


def downgrade(candidate: Candidate, situation: Situation) -> Answer:
    """Keep the current selection when the candidate is older by the policy's own order."""
    current = situation.current
    if current is None or current.tag == candidate.tag or situation.may_go_back or not candidate.is_below_current:
        return Go()
    # Versions of different images cannot be compared.
    if current.tag in situation.skip_tags or situation.has_another_image:
        return Go()
    return No(
        reason="DowngradeHeld",
        message=f"holding {current}: {candidate.tag} is older; annotate {ALLOW_DOWNGRADE}=true to let it be selected",
        verdict="below current",
        keeps_current=True,
    )


def minimum_age(candidate: Candidate, situation: Situation) -> Answer:
    """Let a tag wait until it has had its content for the policy's minimum age.

    If the current tag was moved to new content, the current selection stays with the old digest meanwhile.
    """
    age = situation.minimum_age
    if not age:
        return Go()
    since = situation.content(candidate.tag).since
    if since is None or since + age <= situation.now:
        return Go()
    words = {"reason": "MinimumAge", "verdict": "too young"}
    told = (
        f"first seen at {instant_text(since)}, may be selected at {instant_text(since + age)},"
        f" when it is {print_duration(age.total_seconds())} old"
    )
    if situation.is_selected(candidate.tag):
        return Stay(message=f"the new content of {candidate.tag}, {told}", until=since + age, **words)
    return Wait(message=f"{candidate.tag}, {told}", until=since + age, **words)


def platforms(candidate: Candidate, situation: Situation) -> Answer:
    """Let a tag wait whose image lacks a platform: the image of another platform may be pushed a little later.

    If the current tag was moved to content that lacks one, the current selection stays with the old digest.
    """
    wanted, tag = situation.platforms, candidate.tag
    if not wanted or situation.is_unchanged(tag):
        return Go()
    found = situation.platforms_of(tag)
    if found is not None and not missing(wanted, found):
        return Go()
    told = "was not looked at" if found is None else f"lacks {', '.join(missing(wanted, found))}"
    words = {"reason": "PlatformsMissing", "verdict": "platforms missing"}
    return _later(tag, situation, f"{tag} {told}", situation.now + LOOK_AGAIN_AFTER, words)


def _later(tag: str, situation: Situation, told: str, until: datetime, words: Mapping[str, str]) -> Wait | Stay:
    """The tag waits; new content of the current tag is not taken, and its old digest stays."""
    if situation.is_selected(tag):
        return Stay(message=f"the new content of {told}", until=until, reason=words["reason"], verdict=words["verdict"])
    return Wait(message=told, until=until, reason=words["reason"], verdict=words["verdict"])


def signatures(candidate: Candidate, situation: Situation) -> Answer:
    """Let a tag wait until its image is signed by a key of the policy's secret.

    If the current tag was moved to content that is not signed, the current selection stays with the old digest.
    """
    if not situation.verify_secret:
        return Go()
    found = situation.signing_of(candidate.tag)
    if found.may_go:
        return Go()
    until = found.until or situation.now + LOOK_AGAIN_AFTER
    words = {"reason": "SignatureMissing", "verdict": "not signed"}
    told = f"{candidate.tag} {found.problem} ({situation.verify_secret})"
    return _later(candidate.tag, situation, told, until, words)


def signed_way_back(candidate: Candidate, situation: Situation) -> Answer:
    """Keep the current selection while the tag that a rollback leads to is not signed.

    A rollback to a digest that was selected before is not asked: nobody can have moved it.
    """
    order = situation.intervention
    if order is None or order.kind != "rollback" or candidate.tag != order.tag or situation.rollback_digest:
        return Go()
    answer = signatures(candidate, situation)
    if not isinstance(answer, Wait):
        return answer
    told = f"the rollback to {order.tag} waits: {answer.message}; it was ordered {order}"
    return Stay(reason=answer.reason, message=told, verdict=answer.verdict, until=answer.until)


def vulnerabilities(candidate: Candidate, situation: Situation) -> Answer:
    """Let a tag wait in whose image a scan has found vulnerabilities that are too severe, or is not finished.

    If the current tag was moved to such content, the current selection stays with the old digest. If there is no scan,
    the current selection stays, too.
    """
    limit, tag = situation.vulnerabilities_below, candidate.tag
    if limit is None or situation.is_unchanged(tag):
        return Go()
    found = situation.findings_of(tag)
    until = found.until or situation.now + LOOK_AGAIN_AFTER
    if found.state == "pending":
        told = f"{tag} {found.problem or 'is still being scanned for vulnerabilities'}"
        return _later(tag, situation, told, until, {"reason": "ScanNotFinished", "verdict": "not scanned yet"})
    if found.state == "unavailable":
        told = f"{tag} was not scanned for vulnerabilities: {found.problem}"
        return No(reason="NotScanned", message=told, verdict="not scanned", keeps_current=True)
    severe = [one for one in reversed(SEVERITIES[SEVERITIES.index(limit) :]) if found.counts.get(one)]
    if not severe:
        return Go()
    told = ", ".join(f"{found.counts[one]} {one}" for one in severe)
    words = f"{tag} has vulnerabilities: {told}"
    return _later(tag, situation, words, until, {"reason": "Vulnerable", "verdict": "vulnerable"})


GATES: tuple[Gate, ...] = (
    *(signed_way_back, intervened, skipped, reverted, known_times, suspicious_drop, downgrade),
    *(minimum_age, platforms, signatures, vulnerabilities),
)
"""In the order in which they are asked. What people want comes first; what may ask the registry comes last."""


def may_go_back(policy: Metadata, observed_generation: object) -> bool:
    """Tell whether a policy may select an older tag: its spec has changed, or its annotation allows it.

    Args:
        policy: the metadata of the ImagePolicy as it is now.
        observed_generation: the generation in its status, which the last evaluation used.
    """
    return observed_generation != policy.generation or policy.annotations.get(ALLOW_DOWNGRADE) == "true"
