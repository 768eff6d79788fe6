"""The type msteams: an adaptive card for workflows, a message card for the older connectors.

Source: notification-controller internal/notifier/teams.go; Microsoft Teams, "Send Adaptive Cards using an Incoming
Webhook".
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from tagstream.domain.notify.destination import Call, Destination, json_call
from tagstream.domain.notify.event import Event

CONNECTORS = ".webhook.office.com"


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST of a card."""
    is_connector = (urlsplit(destination.url).hostname or "").endswith(CONNECTORS)
    return (json_call(destination.url, _message_card(event) if is_connector else _adaptive_card(event)),)


def _message_card(event: Event) -> dict[str, object]:
    # A connector shows HTML.
    facts = [{"name": name, "value": escape(value, quote=False)} for name, value in sorted(event.metadata.items())]
    title = escape(event.message, quote=False)
    return {
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": "FF0000" if event.is_error else "0076D7",
        "summary": event.object_name,
        "sections": [{"activityTitle": title, "activitySubtitle": event.object_name, "facts": facts}],
    }


def _adaptive_card(event: Event) -> dict[str, object]:
    title = {"type": "TextBlock", "text": event.object_name, "size": "large", "weight": "bolder", "wrap": True}
    message = {"type": "TextBlock", "text": event.message, "wrap": True}
    if event.is_error:
        message["color"] = "attention"
    named = sorted(event.metadata.items(), key=lambda one: (one[0] != "summary", one[0]))
    facts = {"type": "FactSet", "facts": [{"title": name, "value": value} for name, value in named]}
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "Container", "items": [title, message, facts]}],
        "msteams": {"width": "Full"},
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}],
    }
