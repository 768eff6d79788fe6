"""Where a Provider's events go, with its secrets, and the requests that take them there."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


class Unsendable(ValueError):
    """A Provider's address, channel or secret does not fit its type, or an event lacks what its type needs.

    The message names the field and never shows a value.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A Provider with what its secret adds. Nothing of it prints but the type and the channel.

    Attributes:
        type: as the Provider names it.
        uid: of the Provider, which commit statuses are named by.
        address: where to send to.
        channel: within the service.
        username: under which to post, or to log in with.
        password: to log in with.
        token: to log in with, or to sign with.
        headers: to send along.
        status_name: what ``spec.commitStatusExpr`` evaluates to; empty for Flux's own name.
    """

    type: str
    uid: str
    address: str = field(repr=False)
    channel: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    status_name: str = ""

    @property
    def url(self) -> str:
        """The address, which is an http or https URL.

        Raises:
            Unsendable: it is none.
        """
        try:
            parts = urlsplit(self.address)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_url = False
        if not is_url:
            raise Unsendable("the address is no http or https URL")
        return self.address

    def needed(self, name: str) -> str:
        """A member that this type cannot do without: ``token``, ``channel`` …

        Raises:
            Unsendable: it is empty.
        """
        found = str(getattr(self, name))
        if not found:
            raise Unsendable(f"{self.type} needs a {name}")
        return found

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be in a log or an error."""
        basic = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        path = urlsplit(self.address) if "//" in self.address else None
        places = (path.path, path.query, *path.path.split("/")) if path is not None else ()
        found = (self.address, *places, self.password, self.token, basic, *self.headers.values())
        return tuple(sorted({one for one in found if len(one) >= 4}, key=len, reverse=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request to a service; nothing of it prints, because its URL may be a secret.

    Attributes:
        method: of the request.
        url: of the request.
        body: to send.
        headers: to send.
        says_ok: whether the service answers 200 to failures too, and its JSON says ``ok``.
    """

    method: str = "POST"
    url: str = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    says_ok: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail; ``server`` is ``smtps://HOST[:PORT]`` or ``smtp://HOST[:PORT]``, which means STARTTLS."""

    server: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    message_id: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicMessage:
    """One message of an SNS topic, which is named by its ARN."""

    topic: str
    subject: str
    text: str
    attributes: Mapping[str, str] = field(default_factory=dict)


Sendable = Call | Mail | TopicMessage
"""Whatever takes an event to a service."""


def json_call(url: str, payload: object, headers: Mapping[str, str] | None = None, method: str = "POST") -> Call:
    """A request with a JSON body."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return Call(method=method, url=url, body=body, headers={"Content-Type": "application/json", **(headers or {})})


def bearer(token: str) -> dict[str, str]:
    """The header of a bearer token; none for an empty one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def basic(username: str, password: str) -> dict[str, str]:
    """The header of a user and a password; none unless both are given."""
    if not (username and password):
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}
