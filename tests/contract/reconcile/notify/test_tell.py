"""From the ledger to a service, on a real table and over HTTP to a real receiver."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tagstream.adapters.notify.courier import HttpCourier
from tagstream.adapters.notify.mail import SmtpMailer
from tagstream.adapters.store.ledger import DynamoLedger
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.domain.notify.destination import Call, TopicMessage
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.bundle import NotifyPorts
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.notices import BusEvent, Courier, QueuedNotice, Route
from tagstream.ports.runtime import Clock
from tagstream.reconcile import handlers
from tagstream.reconcile.notify.tell import LAST_ATTEMPT, tell, wait_s
from tagstream.reconcile.scan.put_back import MOST_HOPS
from tests.contract.mortal_ports import Killed, Life
from tests.contract.pushed import pushed
from tests.contract.reconciling import APP, NOW, Silent
from tests.embedded.hanging import hanging
from tests.embedded.hook_receiver import HookReceiver, hook_receiver

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHAT = NamespacedName("ns", "chat")
PUSHED = pushed(
    APP,
    NOW,
    COMMIT,
    message="pushed commit '0123456' to branch 'main'",
    cause="delivery-1",
    facts={"branch": "main", "revision": f"main@sha1:{COMMIT}", "changes": [{"file": "a.yaml"}]},
).event


@dataclass
class Outbox:
    """What was put on the bus, asked for later or buried."""

    events: list[BusEvent] = field(default_factory=list)
    later: list[QueuedNotice] = field(default_factory=list)
    buried: list[QueuedNotice] = field(default_factory=list)
    published: list[TopicMessage] = field(default_factory=list)
    broken: bool = False

    def put(self, events: Sequence[BusEvent]) -> None:
        if self.broken:
            raise RetryableError("the bus is out of reach", reason="EventBusFailed")
        self.events += events

    def send(self, notice: QueuedNotice) -> None:
        self.later.append(notice)

    def bury(self, notice: QueuedNotice) -> None:
        self.buried.append(notice)

    def publish(self, message: TopicMessage) -> None:
        self.published.append(message)


class Leaping:
    """The clock, and what a service is said to have taken."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.leapt_s = clock, 0.0

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic_s(self) -> float:
        return self.clock.monotonic_s() + self.leapt_s


@dataclass
class Slow:
    """A courier whose services take their time."""

    courier: Courier
    clock: Leaping
    takes_s: float

    def deliver(self, call: Call, route: Route) -> None:
        self.clock.leapt_s += self.takes_s
        self.courier.deliver(call, route)


@dataclass
class Hanging:
    """Topics that answer nothing until the test is over."""

    go_on: threading.Event

    def publish(self, message: TopicMessage) -> None:
        self.go_on.wait(30)


class Told:
    """A stack with an Alert, whose Provider is the receiver."""

    def __init__(self, table: Table, receiver: HookReceiver, silent: Silent) -> None:
        self.receiver, self.silent, self.outbox = receiver, silent, Outbox()
        self.ports = NotifyPorts(
            objects=DynamoObjects(table=table, clock=table.clock),
            ledger=DynamoLedger(table=table, ttl_s=86_400 * 30),
            tags=DynamoTags(table=table),
            secrets=silent,
            notices=self.outbox,
            courier=HttpCourier(clock=table.clock),
            mailer=SmtpMailer(),
            topics=self.outbox,
            bus=self.outbox,
            clock=table.clock,
            metrics=silent,
            log=silent,
            stack="tagstream",
        )
        self.provider("generic")
        self.alert()

    def put(self, kind: str, name: str = "chat", namespace: str = "ns", **spec: Any) -> None:
        metadata = {"name": name, "namespace": namespace}
        version = "notification.toolkit.fluxcd.io/v1beta3"
        self.ports.objects.put({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})

    def provider(self, type_: str, **spec: Any) -> None:
        self.put("Provider", **{"type": type_, "secretRef": {"name": "hook"}, **spec})
        self.silent.secrets[NamespacedName("ns", "hook")] = {
            "address": self.receiver.url("/s3cr3t").encode() + b"\n",
            "token": b"t0ken",
            "headers": b"X-Key: k3y-k3y\n",
        }

    def alert(self, name: str = "chat", **spec: Any) -> None:
        sources = [{"kind": kind, "name": "*"} for kind in ("ImageUpdateAutomation", "ImagePolicy", "ImageRepository")]
        self.put("Alert", name, **{"providerRef": {"name": "chat"}, "eventSources": sources, **spec})

    def record(self, *entries: LedgerEntry) -> tuple[str, ...]:
        """Write entries, and return their ids."""
        self.ports.ledger.record(entries)
        return tuple(f"{one.at.isoformat()[:19]}.{one.at.microsecond or 1:06}Z#{one.identity}" for one in entries)

    def tell(self, *entries: LedgerEntry, **options: Any) -> tuple[str, ...]:
        ids = self.record(*entries)
        tell(QueuedNotice(entries=ids, **options), self.ports.clock.monotonic_s() + 60, self.ports)
        return ids


@pytest.fixture
def told(table: Table, silent: Silent) -> Iterator[Told]:
    with hook_receiver() as receiver:
        yield Told(table, receiver, silent)


def selected(number: int, **changed: Any) -> LedgerEntry:
    entry = LedgerEntry(
        at=NOW + timedelta(seconds=1),
        kind="ImagePolicy",
        key=NamespacedName("ns", f"app-{number}"),
        severity="info",
        reason="Succeeded",
        message=f"Latest image tag for app-{number} resolved to 2.0",
        identity=f"{number:08}",
    )
    return replace(entry, **changed)


def alert_entries(told: Told) -> list[LedgerEntry]:
    now = told.ports.clock.now()
    return [one for one in told.ports.ledger.read(now - timedelta(minutes=5), now) if one.kind == "Alert"]


def failed_again(told: Told, notice: QueuedNotice) -> None:
    told.receiver.answer(503)
    tell(notice, told.ports.clock.monotonic_s() + 60, told.ports)


def test_an_entry_becomes_fluxs_event_with_the_secrets_members(told: Told) -> None:
    (name,) = told.tell(PUSHED)
    (found,) = told.receiver.received
    assert (found.method, found.path, found.headers["X-Key"]) == ("POST", "/s3cr3t", "k3y-k3y")
    assert found.headers["X-Event-Id"] == name
    assert found.json["involvedObject"]["kind"] == "ImageUpdateAutomation"
    assert found.json["message"] == PUSHED.message
    assert found.json["metadata"] == {"branch": "main", "revision": f"main@sha1:{COMMIT}"}
    assert (found.json["reportingController"], found.json["reportingInstance"]) == (
        "image-automation-controller",
        "tagstream",
    )


def test_an_entry_is_an_event_on_the_bus_with_all_of_its_facts(told: Told) -> None:
    (name,) = told.tell(PUSHED)
    (event,) = told.outbox.events
    detail = json.loads(event.detail)
    assert event.detail_type == "ImageUpdateAutomation Changed"
    assert (detail["version"], detail["id"], detail["cause"], detail["stack"]) == ("1", name, "delivery-1", "tagstream")
    assert detail["facts"]["changes"] == [{"file": "a.yaml"}]


def test_a_repetition_has_the_same_id_and_the_same_body(told: Told) -> None:
    told.tell(PUSHED)
    told.tell(PUSHED)
    first, second = told.receiver.received
    assert (first.headers["X-Event-Id"], first.body) == (second.headers["X-Event-Id"], second.body)


def test_a_chat_is_told_of_a_run_in_one_message_and_a_program_of_every_event(told: Told) -> None:
    told.provider("slack")
    told.tell(*(selected(number) for number in range(5)))
    (message,) = told.receiver.received
    assert message.json["attachments"][0]["text"].startswith("5 events\nimagepolicy/app-0.ns: Latest image tag")
    told.provider("generic")
    told.tell(*(selected(number) for number in range(5)))
    names = [one.json["involvedObject"]["name"] for one in told.receiver.received[1:]]
    assert names == [f"app-{number}" for number in range(5)]


def test_labels_and_annotations_of_the_object_count(told: Told) -> None:
    metadata = {
        "name": "app-1",
        "namespace": "ns",
        "labels": {"team": "web"},
        "annotations": {"event.toolkit.fluxcd.io/env": "prod"},
    }
    policy = {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy", "metadata": metadata}
    told.ports.objects.put({**policy, "spec": {"imageRepositoryRef": {"name": "app"}}})
    told.alert(eventSources=[{"kind": "ImagePolicy", "name": "*", "matchLabels": {"team": "web"}}], summary="mine")
    told.tell(selected(1), selected(2))
    (found,) = told.receiver.received
    assert found.json["metadata"] == {"env": "prod", "summary": "mine"}


def test_nobody_is_told_of_what_no_alert_asks_for(told: Told) -> None:
    told.alert(eventSeverity="error")
    told.tell(PUSHED)
    told.alert(suspend=True)
    told.tell(selected(1, severity="error"))
    assert told.receiver.received == []


def test_a_suspended_provider_is_told_nothing(told: Told) -> None:
    told.provider("generic", suspend=True)
    told.tell(PUSHED)
    assert (told.receiver.received, told.outbox.later, told.outbox.buried) == ([], [], [])


def test_what_a_service_does_not_take_now_is_asked_for_later_for_its_alert_alone(told: Told) -> None:
    told.receiver.answer(503, b"s3cr3t t0ken k3y-k3y")
    ids = told.tell(PUSHED)
    assert told.outbox.later == [QueuedNotice(entries=ids, alert=CHAT, attempt=2, hops=1, delay_s=10.0)]
    assert len(told.outbox.events) == 1
    tell(told.outbox.later[0], told.ports.clock.monotonic_s() + 60, told.ports)
    assert len(told.receiver.received) == 2
    assert len(told.outbox.events) == 1, "the bus was told before"
    assert [one for one in told.silent.lines if "s3cr3t" in one or "t0ken" in one or "k3y" in one] == []


def test_the_first_failure_of_a_notification_is_an_event_of_the_alert_and_later_ones_are_not(told: Told) -> None:
    told.receiver.answer(503)
    ids = told.tell(PUSHED)
    failed_again(told, told.outbox.later[0])
    now = told.ports.clock.now()
    (entry,) = [one for one in told.ports.ledger.read(now - timedelta(minutes=5), now) if one.kind == "Alert"]
    assert (entry.key, entry.severity, entry.reason) == (CHAT, "error", "NotificationDelayed")
    where = f"failed to send notification: Provider/ns/chat: POST to {told.receiver.address}: status 503"
    assert entry.message == f"{where}; it is tried again up to 6 times"
    assert entry.facts == {"entries": list(ids), "provider": "ns/chat"}


def test_a_service_is_not_asked_for_the_rest_while_it_takes_nothing_and_gets_the_rest_only(told: Told) -> None:
    told.receiver.answer(200)
    told.receiver.answer(500)
    ids = told.tell(*(selected(number) for number in range(4)))
    assert len(told.receiver.received) == 2
    assert told.outbox.later[0].entries == ids[1:]


def test_each_attempt_waits_longer_or_as_long_as_the_service_asks(told: Told) -> None:
    assert [wait_s(attempt) for attempt in range(1, 7)] == [10.0, 30.0, 90.0, 270.0, 810.0, 900.0]
    told.receiver.answer(429, Retry_After="120")
    told.tell(PUSHED)
    assert told.outbox.later[0].delay_s == 120.0


def test_a_service_that_never_takes_it_ends_in_the_dead_letters_and_as_an_event_of_the_alert(told: Told) -> None:
    ids = told.record(PUSHED)
    failed_again(told, QueuedNotice(entries=ids, alert=CHAT, attempt=LAST_ATTEMPT))
    assert told.outbox.buried == [QueuedNotice(entries=ids, alert=CHAT)]
    assert told.outbox.later == []
    now = told.ports.clock.now()
    (entry,) = [one for one in told.ports.ledger.read(now - timedelta(minutes=5), now) if one.kind == "Alert"]
    assert (entry.key, entry.severity, entry.reason) == (CHAT, "error", "NotificationDispatchFailed")
    assert entry.message == (
        f"failed to send notification: Provider/ns/chat: POST to {told.receiver.address}: status 503"
    )


def test_an_event_that_a_service_refuses_for_good_does_not_keep_it_from_the_next(told: Told) -> None:
    told.receiver.answer(400, b"s3cr3t")
    ids = told.tell(selected(1), selected(2))
    assert len(told.receiver.received) == 2
    assert told.outbox.buried == [QueuedNotice(entries=ids[:1], alert=CHAT)]
    assert told.outbox.later == []


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"type": "telegram"}, "telegram needs a channel"),
        ({"type": "githubdispatch"}, "the address is that of no repository"),
    ],
)
def test_a_provider_that_cannot_be_used_is_told_to_its_owner(told: Told, spec: dict[str, Any], cause: str) -> None:
    told.provider(spec["type"])
    told.tell(PUSHED)
    now = told.ports.clock.now()
    (entry,) = [one for one in told.ports.ledger.read(now - timedelta(minutes=5), now) if one.kind == "Alert"]
    assert entry.message == f"failed to send notification: Provider/ns/chat: {cause}"
    assert len(told.outbox.buried) == 1


def test_a_provider_that_is_missing_is_told_to_the_owner_of_the_alert(told: Told) -> None:
    told.alert(providerRef={"name": "gone"})
    told.tell(PUSHED)
    assert len(told.outbox.buried) == 1

    assert told.silent.lines.count("notification failed") == 1


def test_a_secret_that_is_missing_is_waited_for(told: Told) -> None:
    told.silent.secrets.clear()
    told.tell(PUSHED)
    assert told.outbox.later[0].attempt == 2
    assert told.silent.lines.count("notification failed") == 1


def test_a_service_that_is_left_alone_is_not_said_to_have_failed_and_not_given_up_for_it(told: Told) -> None:
    told.ports.tags.put_cool_down(f"provider:{CHAT}", told.ports.clock.now() + timedelta(seconds=60))
    ids = told.tell(PUSHED, attempt=LAST_ATTEMPT, hops=LAST_ATTEMPT)
    assert (told.receiver.received, told.outbox.buried) == ([], [])
    (later,) = told.outbox.later
    assert (later.entries, later.attempt, later.hops) == (ids, LAST_ATTEMPT, LAST_ATTEMPT + 1)
    told.tell(selected(1))
    assert alert_entries(told) == []
    told.tell(PUSHED, attempt=1, hops=MOST_HOPS)
    assert len(told.outbox.buried) == 1, "AWS ends longer chains"
    assert told.silent.lines.count("notification failed") == 1


@pytest.mark.parametrize(
    ("kind", "key"), [("Namespace", NamespacedName("ns", "ns")), ("Stack", NamespacedName("*", "tagstream"))]
)
def test_a_freeze_reaches_the_bus_and_the_alerts_of_the_automations_below(
    told: Told, kind: str, key: NamespacedName
) -> None:
    told.ports = replace(told.ports, no_cross_namespace_refs=True)
    frozen = replace(PUSHED, kind=kind, key=key, reason="Frozen", message="frozen by ann", facts={"author": "ann"})
    told.tell(frozen)
    (found,) = told.receiver.received
    assert (found.json["involvedObject"]["kind"], found.json["message"]) == (kind, "frozen by ann")
    assert [one.detail_type for one in told.outbox.events] == [f"{kind} Changed"]
    assert told.ports.ledger.item(frozen)["t"] == {"S": "ledger"}, "the stream's filter lets it through"


def test_a_notification_that_is_told_after_all_is_an_event_of_the_alert(told: Told) -> None:
    told.receiver.answer(503)
    told.tell(PUSHED)
    tell(told.outbox.later.pop(), told.ports.clock.monotonic_s() + 60, told.ports)
    told.tell(selected(1))
    assert [(one.severity, one.reason, one.message) for one in alert_entries(told)][1:] == [
        ("info", "NotificationDelivered", "sent the notification through Provider/ns/chat at attempt 2")
    ]


def test_a_commit_status_may_have_a_name_of_its_own(told: Told) -> None:
    expression = "event.involvedObject.name + '/' + provider.metadata.name + '/' + alert.metadata.name"
    told.provider("gitea", commitStatusExpr=expression)
    told.silent.secrets[NamespacedName("ns", "hook")] = {
        "address": told.receiver.url("/org/app").encode(),
        "token": b"t0ken",
    }
    told.tell(PUSHED)
    (found,) = told.receiver.received
    assert found.path == f"/api/v1/repos/org/app/statuses/{COMMIT}"
    assert found.json["context"] == "app/chat/chat"


def test_a_topic_is_told_through_the_annotation_of_its_provider(told: Told) -> None:
    topic = "arn:aws:sns:eu-central-1:123456789012:deployments"
    metadata = {"name": "chat", "namespace": "ns", "annotations": {"tagstream.dev/provider-type": "sns"}}
    provider = {"apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Provider", "metadata": metadata}
    told.ports.objects.put({**provider, "spec": {"type": "generic", "address": topic}})
    told.tell(*(selected(number) for number in range(3)))
    (message,) = told.outbox.published
    assert (message.topic, message.text.splitlines()[0]) == (topic, "3 events")


def test_alerts_of_other_namespaces_are_told_unless_such_references_are_blocked(told: Told) -> None:
    told.alert(eventSources=[{"kind": "ImageUpdateAutomation", "name": "*", "namespace": "other"}])
    foreign = replace(PUSHED, key=NamespacedName("other", "app"))
    told.tell(foreign)
    assert len(told.receiver.received) == 1
    told.ports = replace(told.ports, no_cross_namespace_refs=True)
    told.tell(foreign)
    assert len(told.receiver.received) == 1


def test_a_bus_that_cannot_be_reached_keeps_nothing_from_the_alerts_and_is_asked_again_alone(told: Told) -> None:
    told.outbox.broken = True
    ids = told.tell(PUSHED)
    assert len(told.receiver.received) == 1
    assert told.outbox.later == [QueuedNotice(entries=ids, only_bus=True, attempt=2, hops=1, delay_s=10.0)]
    told.outbox.broken = False
    tell(told.outbox.later[0], told.ports.clock.monotonic_s() + 60, told.ports)
    assert (len(told.receiver.received), len(told.outbox.events)) == (1, 1)


def test_a_bus_that_never_takes_an_event_ends_in_the_dead_letters(told: Told) -> None:
    told.outbox.broken = True
    ids = told.tell(PUSHED, only_bus=True, attempt=LAST_ATTEMPT)
    assert told.outbox.buried == [QueuedNotice(entries=ids, only_bus=True)]
    assert (told.receiver.received, told.outbox.later) == ([], [])


def test_an_event_on_the_bus_is_never_larger_than_the_bus_takes(told: Told) -> None:
    facts = {"commitMessage": "改" * 16_000, "changes": ["改" * 16_000]}
    told.tell(
        replace(PUSHED, message="改" * 20_000, facts=facts),
        selected(1, message="😀" * 20_000, facts={"a": "b" * 90_000}),
    )
    assert [len(one.detail.encode()) < 256 * 1024 - 1000 for one in told.outbox.events] == [True, True]
    assert json.loads(told.outbox.events[0].detail)["message"].startswith("改改")


def test_a_function_without_time_asks_for_the_rest_anew_which_is_no_attempt(told: Told) -> None:
    ids = told.record(PUSHED)
    tell(QueuedNotice(entries=ids), told.ports.clock.monotonic_s() + 5, told.ports)
    assert told.receiver.received == []
    assert told.outbox.later == [QueuedNotice(entries=ids, alert=CHAT, attempt=1, hops=1, delay_s=1.0)]


def test_a_chain_of_notices_ends_before_aws_ends_it(told: Told) -> None:
    ids = told.record(PUSHED)
    notice = QueuedNotice(entries=ids, alert=CHAT, hops=MOST_HOPS)
    tell(notice, told.ports.clock.monotonic_s() + 5, told.ports)
    assert told.outbox.later == []
    assert told.outbox.buried == [QueuedNotice(entries=ids, alert=CHAT)]


def test_a_provider_with_a_timeout_longer_than_the_function_is_told(told: Told) -> None:
    told.provider("generic", timeout="3m")
    ids = told.record(PUSHED)
    tell(QueuedNotice(entries=ids), told.ports.clock.monotonic_s() + 115, told.ports)
    assert len(told.receiver.received) == 1
    assert told.outbox.later == []


@pytest.mark.parametrize(("count", "takes_s", "timeout"), [(100, 14.0, "15s"), (30, 80.0, "2m")])
def test_a_slow_service_gets_every_event(told: Told, count: int, takes_s: float, timeout: str) -> None:
    clock = Leaping(told.ports.clock)
    told.ports = replace(told.ports, clock=clock, courier=Slow(told.ports.courier, clock, takes_s))
    told.provider("generic", timeout=timeout)
    waiting = [QueuedNotice(entries=told.record(*(selected(number) for number in range(count))))]
    while waiting:
        tell(waiting.pop(0), clock.monotonic_s() + 115, told.ports)
        waiting += told.outbox.later
        told.outbox.later.clear()
    names = [one.headers["X-Event-Id"] for one in told.receiver.received]
    assert len(names) == len(set(names)) == count
    assert told.outbox.buried == []


def test_what_there_is_no_time_for_is_told_in_parts_one_after_the_other(told: Told) -> None:
    ids = told.record(*(selected(number) for number in range(25)))
    tell(QueuedNotice(entries=ids), told.ports.clock.monotonic_s() + 5, told.ports)
    assert [len(one.entries) for one in told.outbox.later] == [11, 11, 3]
    assert [one.delay_s for one in told.outbox.later] == [1.0, 121.0, 241.0]
    assert tuple(name for one in told.outbox.later for name in one.entries) == ids


def test_a_service_that_hangs_holds_up_neither_the_function_nor_the_other_alerts(told: Told) -> None:
    go_on = threading.Event()
    told.ports = replace(told.ports, topics=Hanging(go_on))
    metadata = {"name": "topic", "namespace": "ns", "annotations": {"tagstream.dev/provider-type": "sns"}}
    spec = {"type": "generic", "address": "arn:aws:sns:eu-central-1:123456789012:t", "timeout": "1s"}
    provider = {"apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Provider", "metadata": metadata}
    told.ports.objects.put({**provider, "spec": spec})
    told.provider("generic", timeout="1s")
    told.alert("hangs", providerRef={"name": "topic"})
    told.receiver.answer(503)
    ids = told.record(PUSHED)
    try:
        tell(QueuedNotice(entries=ids), told.ports.clock.monotonic_s() + 4, told.ports)
    finally:
        go_on.set()
    hanging = NamespacedName("ns", "hangs")
    assert told.outbox.later == [
        QueuedNotice(entries=ids, alert=CHAT, attempt=2, hops=1, delay_s=10.0),
        QueuedNotice(entries=ids, alert=hanging, attempt=2, hops=1, delay_s=10.0),
    ]


def test_entries_that_are_gone_are_passed_over(told: Told) -> None:
    tell(QueuedNotice(entries=("2020-01-01T00:00:00.000001Z#1",)), told.ports.clock.monotonic_s() + 60, told.ports)
    assert told.receiver.received == []
    assert told.outbox.events == []


def test_the_function_tells_what_its_event_names(told: Told) -> None:
    ids = told.record(PUSHED)
    handlers.notify({"tagstream": "notice", "entries": list(ids), "alert": "ns/chat"}, 60_000, told.ports)
    assert len(told.receiver.received) == 1
    with pytest.raises(handlers.UnknownEvent):
        handlers.notify({"Records": []}, 60_000, told.ports)


def test_a_service_that_hangs_is_left_alone_for_a_minute_and_keeps_no_worker_waiting(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.reconcile.notify.deliver.HUNG_AFTER_S", 0.5)
    told.put("Provider", "other", type="generic", address=told.receiver.url())
    told.alert("other", providerRef={"name": "other"})
    with hanging() as hung:
        told.put("Provider", type="generic", address=f"http://{hung.address}/hook", timeout="1s")
        told.tell(PUSHED)
        asked = len(hung.taken)
        began_s = told.ports.clock.monotonic_s()
        ids = told.tell(selected(1))
        assert told.ports.clock.monotonic_s() - began_s < 0.9
        assert len(hung.taken) == asked
    # Nobody was asked, so it is no attempt; the first one comes when the minute is over.
    later = told.outbox.later[-1]
    assert (later.entries, later.alert, later.attempt) == (ids, CHAT, 1)
    assert 50 < later.delay_s <= 60
    assert len(told.receiver.received) == 2, "the other service is told"


@pytest.mark.parametrize(("answers", "is_buried"), [((), False), ((503,), False), ((400, 400), True)])
def test_an_event_is_told_with_the_same_id_wherever_its_worker_dies(
    told: Told, answers: Sequence[int], is_buried: bool
) -> None:
    for at in itertools.count(1):
        told.receiver.received.clear()
        told.receiver.answers.clear()
        told.outbox.__init__()  # type: ignore[misc]
        for status in answers:
            told.receiver.answer(status)
        ids = told.record(replace(PUSHED, identity=f"death-{at}"))
        life = Life(ends_at=at)
        with suppress(Killed):
            tell(QueuedNotice(entries=ids), told.ports.clock.monotonic_s() + 60, life.ports(told.ports))
        if life.dead:
            # Lambda repeats an asynchronous invocation.
            tell(QueuedNotice(entries=ids), told.ports.clock.monotonic_s() + 60, told.ports)
        while told.outbox.later:
            tell(told.outbox.later.pop(0), told.ports.clock.monotonic_s() + 60, told.ports)
        call = life.calls[at - 1] if life.dead else "the end"
        assert {one.headers["X-Event-Id"] for one in told.receiver.received} == set(ids), call
        assert {json.loads(one.detail)["id"] for one in told.outbox.events} == set(ids), call
        assert {one.entries for one in told.outbox.buried} == ({ids} if is_buried else set()), call
        if not life.dead:
            return
