"""The type telegram: a message of a bot; the address is always Telegram's own, unless the Provider names another.

Source: notification-controller internal/notifier/telegram.go; Telegram's Bot API, sendMessage and MarkdownV2.
"""

from __future__ import annotations

import re

from tagstream.domain.notify.destination import Call, Destination, json_call
from tagstream.domain.notify.event import Event

API = "https://api.telegram.org"
MAX_TEXT = 4_096
"""Characters of a message after its marks are read; a longer one is refused."""
_MARKS = re.compile(r"([\\.\-_\[\]()~>`#+=|{}!*])")


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST; the channel is the chat, and after a colon the topic within it."""
    chat, colon, topic = destination.needed("channel").partition(":")
    emoji = "🚨" if event.is_error else "💫"
    heading = f"{emoji} {event.kind.lower()}/{event.key.name}/{event.key.namespace}"
    facts = "".join(f"\\- *{_escaped(name)}*: {_escaped(value)}\n" for name, value in sorted(event.metadata.items()))
    room = max(0, MAX_TEXT - len(heading) - len(facts) - 10)
    message = event.message if len(event.message) <= room else f"{event.message[:room]}…"
    payload = {
        "chat_id": chat,
        **({"message_thread_id": topic} if colon else {}),
        "text": f"*{_escaped(heading)}*\n{_escaped(message)}\n{facts}",
        "parse_mode": "MarkdownV2",
    }
    base = destination.url.rstrip("/") if destination.address else API
    return (json_call(f"{base}/bot{destination.needed('token')}/sendMessage", payload),)


def _escaped(text: str) -> str:
    return _MARKS.sub(r"\\\1", text)
