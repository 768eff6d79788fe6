"""The type lark: an interactive card.

Source: notification-controller internal/notifier/lark.go.
"""

from __future__ import annotations

from tagstream.domain.notify.destination import Call, Destination, json_call
from tagstream.domain.notify.event import Event

# Tags, mentions among them, and links; the card's text takes characters by their number.
_MARKS = str.maketrans({mark: f"&#{ord(mark)};" for mark in "<>[]"})


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST of a card."""
    emoji, color = ("🚨", "red") if event.is_error else ("💫", "turquoise")
    facts = "".join(f"{name}: {value}\n" for name, value in sorted(event.metadata.items())).translate(_MARKS)
    card = {
        "config": {"wide_screen_mode": True},
        "header": {"title": {"tag": "plain_text", "content": f"{emoji} {event.object_name}"}, "template": color},
        "elements": [
            {"tag": "div", "text": {"tag": "lark_md", "content": f"**{event.message.translate(_MARKS)}**\n\n{facts}"}},
        ],
    }
    return (json_call(destination.url, {"msg_type": "interactive", "card": card}),)
