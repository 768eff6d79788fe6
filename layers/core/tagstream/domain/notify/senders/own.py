"""The types of tagstream's own: email and sns.

Source: RFC 5322 (mail); Amazon SNS, Publish (subject of at most 100 ASCII characters, message of 256 KB).
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

from tagstream.domain.notify.destination import Destination, Mail, Sendable, TopicMessage, Unsendable
from tagstream.domain.notify.event import Event

MAX_SUBJECT = 100
_ADDRESS = re.compile(r"[^@\s,<>\x00-\x1f]+@[^@\s,<>\x00-\x1f]+")
_TOPIC = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+")
_UNPRINTABLE = re.compile(r"[^ -~]+")


def calls(event: Event, destination: Destination) -> tuple[Sendable, ...]:
    """One mail, or one message of a topic."""
    return (_mail(event, destination) if destination.type == "email" else _topic(event, destination),)


def _mail(event: Event, destination: Destination) -> Mail:
    parts = urlsplit(destination.address)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise Unsendable("email needs an address of the form smtps://HOST or smtp://HOST")
    recipients = tuple(one.strip() for one in destination.needed("channel").split(","))
    sender = destination.headers.get("From", "") or destination.username
    if not all(_ADDRESS.fullmatch(one) for one in recipients):
        raise Unsendable("email needs a channel of mail addresses with commas between them")
    if not _ADDRESS.fullmatch(sender):
        raise Unsendable("email needs a sender: a username that is a mail address, or From among the headers")
    digest = hashlib.sha256(f"{destination.uid} {event.id}".encode()).hexdigest()[:32]
    return Mail(
        server=destination.address,
        username=destination.username if destination.password else "",
        password=destination.password,
        sender=sender,
        recipients=recipients,
        subject=_subject(event),
        text=_text(event),
        message_id=f"{digest}@{sender.rpartition('@')[2]}",
    )


def _topic(event: Event, destination: Destination) -> TopicMessage:
    if not _TOPIC.fullmatch(destination.address):
        raise Unsendable("sns needs an address that is the ARN of a topic")
    attributes = {
        "eventId": event.id,
        "kind": event.kind,
        "namespace": event.key.namespace,
        "name": event.key.name,
        "severity": event.severity,
        "reason": event.reason,
    }
    return TopicMessage(topic=destination.address, subject=_subject(event), text=_text(event), attributes=attributes)


def _subject(event: Event) -> str:
    line = event.message.partition("\n")[0]
    text = f"{'FAILED ' if event.is_error else ''}{event.object_name}: {line}"
    return _UNPRINTABLE.sub("?", text)[:MAX_SUBJECT].strip()


def _text(event: Event) -> str:
    facts = "".join(f"{name}: {value}\n" for name, value in sorted(event.metadata.items()))
    about = f"{event.object_name}, {event.reason}, {event.at.isoformat(timespec='seconds')}"
    return f"{event.message}\n\n{about}\n{facts}"
