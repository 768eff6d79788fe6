"""The types webex, matrix and zulip: one text.

Source: notification-controller internal/notifier/webex.go, matrix.go, zulip.go; Matrix client-server API
(PUT …/send/{eventType}/{txnId}); Zulip's API, send a message, and Zulip's help, silent mentions.
"""

from __future__ import annotations

import hashlib
from html import escape
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from tagstream.domain.notify.destination import Call, Destination, Unsendable, basic, bearer, json_call
from tagstream.domain.notify.event import Event


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One request."""
    if destination.type == "matrix":
        return (_matrix(event, destination),)
    return (_zulip(event, destination) if destination.type == "zulip" else _webex(event, destination),)


def _webex(event: Event, destination: Destination) -> Call:
    emoji = "💣" if event.is_error else "✅"
    facts = "".join(f">**{name}**: {_literal(value)}\n" for name, value in sorted(event.metadata.items()))
    payload = {
        "roomId": destination.needed("channel"),
        "markdown": f"{emoji} **{event.object_name}**\n{_literal(event.message)}\n{facts}",
    }
    return json_call(destination.url, payload, bearer(destination.needed("token")))


def _literal(text: str) -> str:
    """The text without mentions (``<@all>``), tags and links of its own."""
    return escape(text, quote=False).replace("[", "\\[")


def _matrix(event: Event, destination: Destination) -> Call:
    emoji = "🚨" if event.is_error else "💫"
    facts = "".join(f"- {name}: {value}\n" for name, value in sorted(event.metadata.items()))
    # A homeserver takes a transaction once, so a repetition makes no second message.
    transaction = hashlib.sha256(f"{destination.uid} {event.id}".encode()).hexdigest()
    room = quote(destination.needed("channel"), safe="!:")
    path = f"/_matrix/client/r0/rooms/{room}/send/m.room.message/{transaction}"
    payload = {"body": f"{emoji} {event.object_name}\n{event.message}\n{facts}", "msgtype": "m.text"}
    return json_call(destination.url.rstrip("/") + path, payload, bearer(destination.needed("token")), "PUT")


def _zulip(event: Event, destination: Destination) -> Call:
    channel, slash, topic = destination.needed("channel").partition("/")
    if not (channel and slash and topic):
        raise Unsendable("zulip needs a channel of the form <channel>/<topic>")
    emoji = ":cross_mark:" if event.is_error else ":check:"
    facts = "".join(f"* **{name}**: {value}\n" for name, value in sorted(event.metadata.items()))
    # ``@_**`` is a mention that tells nobody.
    content = f"{emoji} **{event.object_name}**\n{event.message}\n\n{facts}".replace("@*", "@_*")
    form = {"type": "stream", "to": channel, "topic": topic, "content": content}
    headers = basic(destination.needed("username"), destination.needed("password"))
    url = urlunsplit(urlsplit(destination.url)._replace(path="/api/v1/messages", query=""))
    return Call(
        url=url,
        body=urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", **headers},
    )
