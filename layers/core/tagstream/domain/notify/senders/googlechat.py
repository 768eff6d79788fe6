"""The type googlechat: a card.

Source: notification-controller internal/notifier/google_chat.go.
"""

from __future__ import annotations

from html import escape

from tagstream.domain.notify.destination import Call, Destination, json_call
from tagstream.domain.notify.event import Event


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST of a card. Its text is HTML, so what the message holds of it is escaped."""
    message = escape(event.message, quote=False)
    text = f'<font color="#ff0000">{message}</font>' if event.is_error else message
    sections: list[dict[str, object]] = [{"widgets": [{"textParagraph": {"text": text}}]}]
    if event.metadata:
        pairs = [
            {"keyValue": {"topLabel": name, "content": escape(value, quote=False), "contentMultiline": False}}
            for name, value in sorted(event.metadata.items())
        ]
        sections.append({"widgets": pairs})
    header = {"title": event.object_name, "subtitle": event.controller}
    return (json_call(destination.url, {"cards": [{"header": header, "sections": sections}]}),)
