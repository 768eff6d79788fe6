"""The types slack, rocket and discord, and whatever else takes Slack's attachments, such as Mattermost.

Source: notification-controller internal/notifier/slack.go, rocket.go, discord.go; Slack's incoming webhooks and
chat.postMessage.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape
from urllib.parse import urlsplit, urlunsplit

from tagstream.domain.notify.destination import Call, Destination, bearer, json_call
from tagstream.domain.notify.event import Event

POST_MESSAGE = "https://slack.com/api/chat.postMessage"


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST of a message with one attachment."""
    attachment = {
        "color": "danger" if event.is_error else "good",
        "author_name": event.object_name,
        "text": _text(event.message, destination),
        "mrkdwn_in": ["text"],
        "fields": [
            {"title": _text(name, destination), "value": _text(value, destination), "short": False}
            for name, value in sorted(event.metadata.items())
        ],
    }
    payload = {
        "channel": destination.channel,
        "username": destination.username or event.controller,
        "icon_url": "",
        "icon_emoji": ":rocket:" if destination.type == "rocket" else "",
        "attachments": [attachment],
    }
    url = _slack_form(destination.url) if destination.type == "discord" else destination.url
    headers = bearer(destination.token) if destination.type == "slack" else {}
    return (replace(json_call(url, payload, headers), says_ok=url == POST_MESSAGE),)


def _text(text: str, destination: Destination) -> str:
    """The text as Slack shows it literally: ``<!channel>`` tells nobody, and a range keeps its ``<``.

    Source: Slack's documentation, "Formatting text for app surfaces", escaping text.
    """
    return escape(text, quote=False) if destination.type == "slack" else text


def _slack_form(url: str) -> str:
    """Discord's webhooks take Slack's messages below ``/slack``."""
    parts = urlsplit(url)
    return url if parts.path.endswith("/slack") else urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/slack"))
