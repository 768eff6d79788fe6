"""Reads the notification envelope of distribution, which GitLab's registry sends too: a list of events, usually one.

The media types of version 1 and 2 are read alike, and so is an envelope without one.

Source: distribution/distribution notifications/event.go; vectors webhooks/distribution_*.json, gitlab_registry.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.events.delivery import Delivery, PushAction, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, image_delivery
from tagstream.events.receiver.document import list_at, member, text_at
from tagstream.events.receiver.hints import url_host

_ACTIONS: Mapping[str, PushAction] = {"push": "push", "delete": "delete"}


def envelope_delivery(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint per pushed or deleted tag; each platform's manifest arrives untagged before the index."""
    events = list_at(document, "events")
    words = sorted({text_at(one, "action") for one in events})
    named = [hint for one in events for hint in _hints(one)]
    return image_delivery(addressed, ",".join(words), named, *(text_at(one, "id") for one in events))


def _hints(event: object) -> list[PushHint]:
    action = _ACTIONS.get(text_at(event, "action"))
    target = member(event, "target")
    if action is None:
        return []
    return [
        PushHint(
            registry=text_at(event, "request", "host") or url_host(text_at(target, "url")) or None,
            repository=text_at(target, "repository"),
            tag=text_at(target, "tag"),
            digest=text_at(target, "digest"),
            action=action,
        )
    ]
