"""What notifications are sent through: a queue of what is to be told, HTTP services, and those of AWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tagstream.domain.notify.destination import Call, Mail, TopicMessage
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.connection import Proxy, TlsMaterial

MAX_ENTRIES = 100
"""Ledger entries that one request of the queue names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedNotice:
    """A request to tell what ledger entries say.

    Attributes:
        entries: ids of ledger entries of one run, in their order.
        alert: the only Alert to tell; None for the event bus and all Alerts.
        only_bus: whether the event bus alone is told; there is no ``alert`` then.
        attempt: counts from 1 how often the service, or the bus, is asked.
        hops: counts the notices that led to this one; AWS throws away a message that has come too far.
        delay_s: at most 900 seconds.
    """

    entries: tuple[str, ...]
    alert: NamespacedName | None = None
    only_bus: bool = False
    attempt: int = 1
    hops: int = 0
    delay_s: float = 0.0


class Notifier(Protocol):
    """Has the notify function tell what ledger entries say."""

    def tell(self, notices: Sequence[QueuedNotice]) -> None:
        """Ask for it, without waiting for the outcome.

        Raises:
            RetryableError: NotifyOperationFailed.
        """


class NoticeQueue(Protocol):
    """Keeps what could not be told yet, or not at all."""

    def send(self, notice: QueuedNotice) -> None:
        """Have it told after its delay.

        Raises:
            RetryableError: QueueOperationFailed.
        """

    def bury(self, notice: QueuedNotice) -> None:
        """Put it among the dead letters.

        Raises:
            RetryableError: QueueOperationFailed.
        """


class DeliveryFailed(ImageAutomationError):
    """A service did not take a notification; the message holds no address, token or password.

    Args:
        is_final: whether a repetition cannot help.
        retry_after_s: what the service asked for.
    """

    def __init__(self, message: str, *, is_final: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message, reason="NotificationDispatchFailed")
        self.is_final = is_final
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How to reach a service; ``secrets`` must not come back in any text."""

    timeout_s: float
    tls: TlsMaterial | None = None
    proxy: Proxy | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Courier(Protocol):
    """Sends requests over HTTP to services outside."""

    def deliver(self, call: Call, route: Route) -> None:
        """Send one request.

        Raises:
            DeliveryFailed: any answer but a 2xx, or none.
        """


class Mailer(Protocol):
    """Sends mail."""

    def send(self, mail: Mail, route: Route) -> None:
        """Send one mail.

        Raises:
            DeliveryFailed: the server does not take it, or there is none.
        """


class Topics(Protocol):
    """Topics of SNS."""

    def publish(self, message: TopicMessage) -> None:
        """Publish one message.

        Raises:
            DeliveryFailed: SNS does not take it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BusEvent:
    """An event of EventBridge; ``detail`` is JSON."""

    detail_type: str
    detail: str
    resources: tuple[str, ...] = ()


class EventBus(Protocol):
    """The default event bus of the account."""

    def put(self, events: Sequence[BusEvent]) -> None:
        """Put all events.

        Raises:
            RetryableError: EventBusFailed; some of the events may be on the bus.
        """
