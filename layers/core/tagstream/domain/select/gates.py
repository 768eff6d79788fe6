"""When a selection must not replace the one in force: it goes backwards, or its tag list is not to be believed.

In: what is selected now, what would be, how many tags there were and are. Out: nothing, or why the old one is held.

Source: no controller of Flux has this; image-automation-controller issues #231 and #396 ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tagstream.domain.objects.model import ImageRef, Metadata
from tagstream.domain.scan.drop_guard import is_suspicious_drop
from tagstream.domain.select.policy import CompiledPolicy

ALLOW_DOWNGRADE = "tagstream.dev/allow-downgrade"
"""The annotation of an ImagePolicy that lets a selection go backwards when its value is ``true``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Why the selection in force stays: a condition's reason and message."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCounts:
    """How many tags a repository had and has; ``before`` is 0 when that is not known."""

    before: int
    after: int


def suspicious_drop(current: ImageRef, candidate: str, counts: TagCounts) -> Held | None:
    """Hold everything while a tag list has shrunk so much that an outage is likelier than a clean-up."""
    if not is_suspicious_drop(counts.before, counts.after):
        return None
    return Held(
        reason="SuspiciousTagDrop",
        message=(
            f"holding {current}: the registry lists {counts.after} tags where {counts.before} were known;"
            f" {candidate} would be selected now; annotate {ALLOW_DOWNGRADE}=true if they were removed on purpose"
        ),
    )


def downgrade(current: ImageRef, candidate: str, compiled: CompiledPolicy) -> Held | None:
    """Hold a selection that is older than the one in force by the policy's own order."""
    if not compiled.is_below(candidate, current.tag):
        return None
    return Held(
        reason="DowngradeHeld",
        message=(f"holding {current}: {candidate} is older; annotate {ALLOW_DOWNGRADE}=true to let it be selected"),
    )


def may_go_back(policy: Metadata, observed_generation: object) -> bool:
    """Whether the guards let go: the policy's spec has changed since, or its annotation allows it.

    Args:
        policy: the metadata of the ImagePolicy as it is now.
        observed_generation: of its status; what selecting last saw.
    """
    return observed_generation != policy.generation or policy.annotations.get(ALLOW_DOWNGRADE) == "true"


def guard_selection(
    current: ImageRef | None, candidate: str, compiled: CompiledPolicy, counts: TagCounts, free: bool
) -> Held | None:
    """The first guard that holds a selection; None when the candidate may be selected.

    Args:
        current: what is selected now; without one anything may be.
        candidate: the tag that the policy selects.
        compiled: the policy; both tags are placed by its own order.
        counts: tags before and after the scan that led to this.
        free: what ``may_go_back`` says.
    """
    if current is None or current.tag == candidate or free:
        return None
    return suspicious_drop(current, candidate, counts) or downgrade(current, candidate, compiled)
