"""Which automations a Git host's delivery has run: those that its Receiver lists, or whose GitRepository it lists.

This module must import nothing slow, because some senders give up after one second.

Source: notification-controller internal/server/receiver_handlers.go, which asks every listed object for a reconcile;
GitHub "Webhook events and payloads", GitLab "Webhook events", Gitea "Webhooks", Bitbucket "Event payload".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.delivery import Delivery
from tagstream.ports.bundle import WebhookPorts
from tagstream.ports.objects import StoredObject
from tagstream.ports.queue import WEBHOOK, QueuedRun

KINDS = ("GitRepository", "ImageUpdateAutomation")
EVENTS = frozenset(
    {
        # GitHub and Gitea, then GitLab.
        *("push", "pull_request", "Push Hook", "Merge Request Hook"),
        # Bitbucket Data Center, then Bitbucket Cloud.
        *(
            "repo:refs_changed",
            "pr:opened",
            "pr:from_ref_updated",
            "pr:to_ref_updated",
            "pr:reopened",
            "pr:modified",
            "pr:merged",
            "pr:declined",
            "pr:deleted",
        ),
        *("repo:push", "pullrequest:created", "pullrequest:updated", "pullrequest:fulfilled", "pullrequest:rejected"),
    }
)
"""What hosts call the events after which a branch or a request is another one. ``generic`` names none."""
RUNS_A_MESSAGE = 50


def is_of_branches(delivery: Delivery) -> bool:
    """Whether a delivery may tell of a branch or a request."""
    return delivery.all_resources and (delivery.action in EVENTS or not delivery.action)


def automations_of(listed: Iterable[StoredObject], ports: WebhookPorts) -> tuple[NamespacedName, ...]:
    """The automations among these objects, and those of the GitRepositories among them, sorted."""
    keys = {one.key for one in listed if one.kind == "ImageUpdateAutomation"}
    sources = {one.key for one in listed if one.kind == "GitRepository"}
    if sources:
        automations = ports.objects.list("ImageUpdateAutomation")
        keys |= {one.key for one in automations if _source(one) in sources}
    return tuple(sorted(keys))


def ask_for_runs(automations: Sequence[NamespacedName], delivery: Delivery, ports: WebhookPorts) -> None:
    """Have the automations run; the scan function asks for it, because this one may not write their items.

    Args:
        automations: those that the delivery has run.
        delivery: says which requests are to be read.
        ports: the queue is asked through.

    Raises:
        RetryableError: the queue is out of reach.
    """
    for start in range(0, len(automations), RUNS_A_MESSAGE):
        part = tuple(automations[start : start + RUNS_A_MESSAGE])
        ports.queue.send([QueuedRun(automations=part, reason=WEBHOOK, requests=delivery.requests)])


def _source(automation: StoredObject) -> NamespacedName | None:
    spec = cast("Mapping[str, object]", automation.document.get("spec") or {})
    source = spec.get("sourceRef")
    if not isinstance(source, Mapping):
        return None
    return NamespacedName(str(source.get("namespace") or automation.key.namespace), str(source.get("name", "")))
