"""What Flux calls an event in a few words, for services that have little room.

Source: notification-controller internal/notifier/util.go, camelcase.go.
"""

from __future__ import annotations

import re

from tagstream.domain.notify.event import Event

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^A-Za-z0-9]+")


def name_and_description(event: Event) -> tuple[str, str]:
    """``imagepolicy/app`` (with the summary before it, if there is one) and the reason as words."""
    summary = event.metadata.get("summary", "")
    name = f"{event.kind}/{event.key.name}".lower()
    description = " ".join(_WORD.findall(event.reason)).lower()
    return (f"{summary}/{name}".lower() if summary else name), description
