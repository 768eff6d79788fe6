"""Makes a message fit into what its service takes: one that is too long is refused, and then nobody is told.

Source: the services' documentation: Discord, "Embed Limits"; Microsoft Teams, "message size"; Google Chat, "Usage
limits"; Webex, "Create a Message"; Lark, "Custom bot"; Zulip, "Message length"; Matrix, "Size limits"; Opsgenie,
"Create Alert"; GitHub, "Create a repository dispatch event" (64 KB of client_payload).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from types import MappingProxyType

from tagstream.domain.notify.event import Event

MOST: Mapping[str, int] = MappingProxyType(
    {
        "discord": 4_000,
        "msteams": 24_000,
        "googlechat": 28_000,
        "webex": 6_500,
        "lark": 16_000,
        "zulip": 9_000,
        "matrix": 60_000,
        "opsgenie": 14_000,
        "githubdispatch": 56_000,
    }
)
"""Bytes of an event's message by type, so that its name and its facts have room beside it. Other types take any."""
CUT = "…"


def fitting(event: Event, type_: str) -> Event:
    """Return an event whose message a service of this type takes; what is left out ends in ``…``.

    Args:
        event: to be told.
        type_: of the Provider.
    """
    most = MOST.get(type_)
    if most is None or _size(event.message) <= most:
        return event
    room = most - _size(CUT)
    length = bisect_right(range(len(event.message)), room, key=lambda end: _size(event.message[:end])) - 1
    return replace(event, message=event.message[:length] + CUT)


def _size(text: str) -> int:
    """The bytes of a text in JSON, and in the HTML that some services want: both take more for some characters."""
    return len(json.dumps(escape(text, quote=False), ensure_ascii=False).encode(errors="replace"))
