"""GitLab: project and group webhooks, and registry notifications that carry X-Gitlab-Token as a static header.

In: a delivery to a gitlab Receiver. Out: hints for registry notifications; other events ask for all listed resources.
GitLab itself has no webhook for container pushes.

Source: notification-controller validate, GitLabReceiver; argocd-image-updater#1539.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.events.receiver.document import list_at
from tagstream.events.receiver.hook import Hook, plain_delivery
from tagstream.events.receiver.secret import check_value, require_tokens
from tagstream.events.receiver.senders.envelope import envelope_delivery
from tagstream.events.requests import HookDelivery


def authenticate(hook: Hook) -> Mapping[str, object]:
    """X-Gitlab-Token must be a token in force."""
    check_value(hook.request.header("x-gitlab-token"), require_tokens(hook.secret))
    return {}


def read(hook: Hook, document: object) -> HookDelivery:
    """Hints of a registry envelope, else all listed resources when ``spec.events`` allows the event."""
    if list_at(document, "events"):
        return envelope_delivery(hook, document)
    event = hook.request.header("x-gitlab-event")
    identity = hook.request.header("idempotency-key") or hook.request.header("x-gitlab-event-uuid")
    return plain_delivery(hook, event, "" if hook.wants(event) else "event", identity)
