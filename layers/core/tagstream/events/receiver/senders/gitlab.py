"""GitLab: project and group webhooks, and registry notifications that carry X-Gitlab-Token as a static header.

GitLab has no webhook for container pushes; its registry's notifications name images, all other events name none.

Source: notification-controller validate, GitLabReceiver; argocd-image-updater#1539.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tagstream.events.delivery import Delivery
from tagstream.events.receiver.addressed import AddressedDelivery, plain_delivery
from tagstream.events.receiver.document import list_at
from tagstream.events.receiver.request_numbers import gitlab_requests
from tagstream.events.receiver.secret import check_value, require_tokens
from tagstream.events.receiver.senders.envelope import envelope_delivery


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """X-Gitlab-Token must be a token in force."""
    check_value(addressed.incoming.header("x-gitlab-token"), require_tokens(addressed.secret), "X-Gitlab-Token")
    return {}


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """Hints of a registry envelope, else all listed resources when ``spec.events`` allows the event."""
    if list_at(document, "events"):
        return envelope_delivery(addressed, document)
    event = addressed.incoming.header("x-gitlab-event")
    identity = addressed.incoming.header("idempotency-key") or addressed.incoming.header("x-gitlab-event-uuid")
    delivery = plain_delivery(addressed, event, "" if addressed.wants(event) else "event", identity)
    return replace(delivery, requests=gitlab_requests(event, document))
