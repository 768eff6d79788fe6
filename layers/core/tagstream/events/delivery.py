"""What a webhook says at each stage: the request as it came in, and the delivery that is left after verification.

A delivery is a hint, never the truth: it chooses no host to call, and tags are read from the registry. Flux's
notification-controller drops the body too.

Source: registry webhooks carry hints, never truth: notification-controller too drops the body and only annotates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

PushAction = Literal["push", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingDelivery:
    """One HTTP request: header names in lower case, the body as the sender wrote it, ``received_at`` aware UTC."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    received_at: datetime

    def header(self, name: str) -> str:
        """A header's value without surrounding blanks, empty when absent; ``name`` in lower case."""
        return self.headers.get(name, "").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class PushHint:
    """An image that may have changed, in the sender's spelling.

    ``registry`` is ``host[:port]``, None when the sender does not name its host (match the repository's path alone);
    ``tag`` is None when only the repository is known; ``digest`` may help to skip work and is never trusted.
    """

    registry: str | None
    repository: str
    tag: str | None = None
    digest: str | None = None
    action: PushAction = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAnswer:
    """What to answer; anything but an empty 200 belongs to a handshake."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An authentic delivery.

    ``action`` is the sender's own word. ``hints`` are the tags that it names, ``rescans`` the images that it names by
    digest alone, whose new tags are not known. ``all_resources`` asks for every listed resource whatever the hints
    (Flux's behaviour, for senders that do not speak of images). ``requests`` are the numbers of the pull requests that
    it is about, None if it does not say. ``remark`` says in one word why nothing is to be done (``malformed``,
    ``untagged``, ``irrelevant``, ``event``, ``ping``, ``handshake``, ``suspended``).
    ``replay_s`` is how long the same delivery must be refused, where the sender signs the time; else 0.
    ``claims`` are those of a verified OIDC token; ``document`` is what a resource filter sees as ``req``, set only
    when the Receiver has filters.
    """

    sender: str
    delivery_id: str
    action: str
    hints: tuple[PushHint, ...] = ()
    rescans: tuple[PushHint, ...] = ()
    all_resources: bool = False
    requests: tuple[str, ...] | None = None
    remark: str = ""
    replay_s: float = 0.0
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)
    document: Mapping[str, object] = field(default_factory=dict, repr=False)
    answer: DeliveryAnswer = field(default_factory=DeliveryAnswer)
