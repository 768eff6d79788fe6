"""The gates of people: a pin, a hold, a rollback, tags that are skipped, and a revert in Git.

What a person wants comes before what any other gate says.
"""

from __future__ import annotations

from tagstream.domain.objects.intervention import Intervention
from tagstream.domain.objects.model import SKIP_TAGS
from tagstream.domain.select.choice import Answer, Candidate, Go, No, Situation, Stay, Take

CONDITION_REASONS = {"pin": "Pinned", "hold": "Held", "rollback": "RolledBack"}


def intervened(candidate: Candidate, situation: Situation) -> Answer:
    """Do what a person ordered: select the pinned tag, keep the current selection, or go back and stay there."""
    order = situation.intervention
    if order is None:
        return Go()
    reason = CONDITION_REASONS[order.kind]
    if order.kind == "hold":
        return Stay(reason=reason, message=f"held {order}", verdict="held", until=order.until)
    if order.kind == "rollback" and candidate.is_newer_than(order.rejected, order.rejected_place):
        return Go()
    if candidate.tag == order.tag:
        return Take(reason=reason, message=_words(order), verdict="pinned", until=order.until)
    if order.kind == "rollback":
        return No(reason=reason, message=_words(order), verdict="rolled back")
    # A pinned tag that is listed is the first candidate.
    message = f"the tag {order.tag} that is pinned {order} is not listed"
    return Stay(reason="PinnedTagMissing", message=message, verdict="not pinned", until=order.until)


def _words(order: Intervention) -> str:
    if order.kind == "pin":
        return f"pinned {order}"
    return f"rolled back from {order.rejected} to {order.tag} {order}, until a tag is newer than {order.rejected}"


def skipped(candidate: Candidate, situation: Situation) -> Answer:
    """Pass over the tags that the annotation ``tagstream.dev/skip-tags`` names."""
    if candidate.tag not in situation.skip_tags:
        return Go()
    return No(reason="Skipped", message=f"{candidate.tag} is skipped: {SKIP_TAGS} names it", verdict="skipped")


def reverted(candidate: Candidate, situation: Situation) -> Answer:
    """Keep the selection that a person reverted in Git, which no run commits again, until a newer tag comes."""
    revert, current = situation.revert, situation.current
    if revert is None or current is None or current.tag != revert.rejected:
        return Go()
    if candidate.is_newer_than(revert.rejected, revert.rejected_place):
        return Go()
    name = situation.policy.key.name
    return Stay(
        reason="RevertedByHand",
        message=f"{revert}: held until a tag is newer than {revert.rejected}, or tagstream unpin policy {name}",
        verdict="reverted",
    )
