"""Sends the events that one Alert asks for to its Provider, one message after the other."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from tagstream.domain.notify.destination import Destination, Mail, Sendable, TopicMessage, Unsendable
from tagstream.domain.notify.event import Event, event_document
from tagstream.domain.notify.group import Told, grouped, one_by_one
from tagstream.domain.notify.limits import fitting
from tagstream.domain.notify.senders_table import CHATS, SENDERS
from tagstream.domain.objects.model import AlertProvider, NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.events.receiver.expression import ExpressionFailed, InvalidExpression, evaluate
from tagstream.ports.bundle import NotifyPorts
from tagstream.ports.notices import DeliveryFailed, Route
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.notify.access import destination_of, with_status_name
from tagstream.reconcile.notify.wanted import Wanted
from tagstream.reconcile.stored_objects import parse_stored

# A service that has failed after so long is left alone for a while: each invocation that waits occupies a worker.
HUNG_AFTER_S, COOL_DOWN_S = 3.0, 60.0
LONGEST_TIMEOUT_S = 90.0
"""A service has no more time than this, whatever its Provider says: an invocation ends after 120 seconds."""


class NotAsked(DeliveryFailed):
    """The service was not asked for now, so that it has refused nothing."""


class OutOfTime(NotAsked):
    """This invocation had no time left to ask."""

    def __init__(self) -> None:
        super().__init__("the function's time is over", is_final=False)


class LeftAlone(NotAsked):
    """The service hung a moment ago; it may be asked again in ``left_s`` seconds."""

    def __init__(self, left_s: float) -> None:
        text = "the service did not answer in time a moment ago, and is left alone"
        super().__init__(text, is_final=False, retry_after_s=left_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What became of the events of one Alert.

    Attributes:
        left: ids of events to tell later.
        cause: why.
        messages: the same ids by the messages that there was no time for; empty if time was not the cause.
        refused: ids of events that the service does not take, now or later.
        refused_because: why.
        has_told: whether the service took something.
    """

    left: tuple[str, ...] = ()
    cause: DeliveryFailed | None = None
    messages: tuple[tuple[str, ...], ...] = ()
    refused: tuple[str, ...] = ()
    refused_because: str = ""
    has_told: bool = False

    @property
    def is_unasked(self) -> bool:
        """Whether nobody has refused anything: there was no time to ask, or the service is left alone."""
        return isinstance(self.cause, NotAsked)


def deliver_all(wanted: Wanted, deadline_s: float, ports: NotifyPorts) -> Remainder:
    """Tell a Provider the events, in their order.

    A service that cannot be reached now is not asked again for the events after it. One that refuses an event for good
    is asked for the next.

    Args:
        wanted: the events of one Alert.
        deadline_s: monotonic.
        ports: of the notify function.
    """
    try:
        found = _provider(wanted, ports)
        if found is None or found[1].suspend:
            return Remainder()
        stored, provider = found
        _check_cool_down(provider, ports)
        destination, asked = destination_of(provider, ports.secrets, ports.stack)
    except DeliveryFailed as error:
        return _failed_whole(wanted, error, ports)
    except ImageAutomationError as error:
        return _failed_whole(wanted, DeliveryFailed(error.message, is_final=False), ports)
    messages = grouped(wanted.events) if provider.type in CHATS else one_by_one(wanted.events)
    route = replace(asked, timeout_s=min(asked.timeout_s, LONGEST_TIMEOUT_S))
    refused: list[str] = []
    because = ""
    has_told = False
    for at, message in enumerate(messages):
        left = tuple(name for one in messages[at:] for name in one.ids)
        if ports.clock.monotonic_s() + route.timeout_s > deadline_s:
            later = tuple(one.ids for one in messages[at:])
            return Remainder(
                left=left, cause=OutOfTime(), messages=later, refused=tuple(refused), refused_because=because
            )
        began_s = ports.clock.monotonic_s()
        try:
            named = _named(destination, provider, message.event, (wanted.stored, stored))
            if _tell(message, named, route, deadline_s, ports):
                _log_told(wanted, provider, message, ports)
                has_told = True
        except DeliveryFailed as error:
            _log(wanted, error, ports)
            _note_hang(provider, error, ports.clock.monotonic_s() - began_s, ports)
            if not error.is_final:
                return Remainder(left=left, cause=error, refused=tuple(refused), refused_because=because)
            refused += message.ids
            because = error.message
    return Remainder(refused=tuple(refused), refused_because=because, has_told=has_told)


def _check_cool_down(provider: AlertProvider, ports: NotifyPorts) -> None:
    """Refuse to ask a service that hung a moment ago.

    Raises:
        LeftAlone: with the seconds until it may be asked again.
    """
    now, until = ports.clock.now(), ports.tags.cool_down(_cool_down_name(provider))
    if until is not None and until > now:
        raise LeftAlone((until - now).total_seconds())


def _note_hang(provider: AlertProvider, error: DeliveryFailed, waited_s: float, ports: NotifyPorts) -> None:
    if not error.is_final and not isinstance(error, OutOfTime) and waited_s >= HUNG_AFTER_S:
        until = ports.clock.now() + timedelta(seconds=COOL_DOWN_S)
        try:
            ports.tags.put_cool_down(_cool_down_name(provider), until)
        except ImageAutomationError as failure:
            ports.log.error("cool-down not kept", provider=str(provider.metadata.key), error=failure.message)


def _cool_down_name(provider: AlertProvider) -> str:
    """A Provider's own: what one tenant suffers from keeps nobody else from being told."""
    return f"provider:{provider.metadata.key}"


def _failed_whole(wanted: Wanted, error: DeliveryFailed, ports: NotifyPorts) -> Remainder:
    ids = tuple(one.id for one in wanted.events)
    if not isinstance(error, LeftAlone):
        _log(wanted, error, ports)
    if error.is_final:
        return Remainder(refused=ids, refused_because=error.message)
    return Remainder(left=ids, cause=error)


def _provider(wanted: Wanted, ports: NotifyPorts) -> tuple[StoredObject, AlertProvider] | None:
    """The Provider of an Alert.

    Raises:
        DeliveryFailed: there is none, or it cannot be read.
    """
    key = wanted.alert.provider
    stored = ports.objects.get("Provider", key)
    if stored is None:
        raise DeliveryFailed(f"Provider/{key} does not exist", is_final=True)
    try:
        return stored, parse_stored(stored, AlertProvider)
    except ImageAutomationError as error:
        raise DeliveryFailed(f"Provider/{key}: {error.message}", is_final=True) from error


def _named(
    destination: Destination, provider: AlertProvider, event: Event, stored: Sequence[StoredObject]
) -> Destination:
    """The destination with the name of the commit status that ``spec.commitStatusExpr`` gives.

    Source: notification-controller internal/server/provider_commit_status.go.
    """
    if not provider.commit_status_expr:
        return destination
    alert, written = stored
    documents: Mapping[str, Mapping[str, object]] = {
        "event": event_document(event),
        "alert": alert.document,
        "provider": written.document,
    }
    try:
        name = evaluate(provider.commit_status_expr, documents, boolean=False)
    except (InvalidExpression, ExpressionFailed) as error:
        raise DeliveryFailed(f"spec.commitStatusExpr: {error}", is_final=True) from error
    if not isinstance(name, str) or not name:
        raise DeliveryFailed("spec.commitStatusExpr: the value is no string, or an empty one", is_final=True)
    return with_status_name(destination, name)


def _tell(message: Told, destination: Destination, whole: Route, deadline_s: float, ports: NotifyPorts) -> bool:
    """Send one message; tells whether there was anything to send."""
    try:
        calls = _calls(message.event, destination)
    except Unsendable as error:
        raise DeliveryFailed(str(error), is_final=True) from error
    for one in calls:
        left_s = deadline_s - ports.clock.monotonic_s()
        if left_s <= 0:
            raise OutOfTime
        route = replace(whole, timeout_s=min(whole.timeout_s, left_s))
        if isinstance(one, Mail):
            ports.mailer.send(one, route)
        elif isinstance(one, TopicMessage):
            ports.topics.publish(one)
        else:
            ports.courier.deliver(one, route)
    return bool(calls)


def _calls(event: Event, destination: Destination) -> Sequence[Sendable]:
    sender = importlib.import_module(SENDERS[destination.type])
    return cast("Sequence[Sendable]", sender.calls(fitting(event, destination.type), destination))


def _log_told(wanted: Wanted, provider: AlertProvider, message: Told, ports: NotifyPorts) -> None:
    facts = {"provider": str(provider.metadata.key), "events": len(message.ids), "event": message.event.id}
    ports.log.info("notified", **_names(wanted), about=message.event.object_name, **facts)


def _log(wanted: Wanted, error: DeliveryFailed, ports: NotifyPorts) -> None:
    log_failure(wanted.alert.metadata.key, wanted.alert.provider, error.message, ports)


def log_failure(alert: NamespacedName, provider: NamespacedName | None, cause: str, ports: NotifyPorts) -> None:
    """Write the line that the log queries count: an Alert could not be told, for now or for good."""
    names = {"controller": "alert", "namespace": alert.namespace, "name": alert.name}
    ports.log.error("notification failed", **names, provider=str(provider), error=cause)


def _names(wanted: Wanted) -> Mapping[str, str]:
    key = wanted.alert.metadata.key
    return {"controller": "alert", "namespace": key.namespace, "name": key.name}
