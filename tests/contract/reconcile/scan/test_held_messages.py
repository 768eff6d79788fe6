"""The messages of a batch are hidden for seconds, again and again, while the worker lives."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.events.queue import QueueMessage
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedRun
from tagstream.reconcile.scan.held_messages import HeldMessages
from tagstream.reconcile.scan.messages import process_messages
from tests.contract.reconciling import Silent

RUN = QueuedRun(automations=(NamespacedName("ns", "app"),), reason="test")


def message(number: int, attempt: int = 1) -> QueueMessage:
    record = {"messageId": str(number), "eventSource": "aws:sqs"}
    return QueueMessage(message_id=str(number), request=RUN, receipt=f"r{number}", attempt=attempt, record=record)


def processed(ports: Ports, *messages: QueueMessage) -> None:
    process_messages(messages, ports.clock.monotonic_s() + 60, ports)


def test_a_short_batch_is_hidden_by_one_call(ports: Ports, silent: Silent) -> None:
    processed(ports, *(message(number) for number in range(10)))
    assert silent.hidden == [{f"r{number}": 30.0 for number in range(10)}]


def test_messages_that_come_again_are_processed_in_turn_and_hidden_for_longer_each_time_while_they_are(
    ports: Ports, silent: Silent
) -> None:
    processed(ports, *(message(number, attempt) for number, attempt in enumerate((1, 2, 3, 9))))
    others = {f"r{number}": 30.0 for number in range(4)}
    assert silent.hidden == [others, others | {"r1": 60.0}, others | {"r2": 120.0}, others | {"r3": 720.0}]


def test_messages_are_hidden_anew_while_work_goes_on_and_no_longer(
    ports: Ports, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.reconcile.scan.held_messages.RENEW_EVERY_S", 0.02)
    renewed = threading.Event()

    class Selections:
        """Takes a run only after the messages were hidden three times."""

        def request_run(self, *_: Any) -> None:
            renewed.wait(10)

    class Queue(Silent):
        """Notes the third time."""

        def hide(self, receipts: Mapping[str, float]) -> None:
            silent.hide(receipts)
            if len(silent.hidden) == 3:
                renewed.set()

    selections: Any = Selections()
    processed(replace(ports, queue=Queue(), selections=selections), message(1))
    times = len(silent.hidden)
    assert times >= 3
    assert not [one for one in threading.enumerate() if one.name == "held-messages"]


def test_a_message_that_is_given_back_is_not_hidden_again(
    ports: Ports, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.reconcile.scan.held_messages.RENEW_EVERY_S", 0.02)
    given, kept = message(1), message(2)
    held = HeldMessages([given, kept], ports)
    with held.kept():
        held.give_back(given, 5.0)
        before = len(silent.hidden)
        while len(silent.hidden) < before + 2:
            threading.Event().wait(0.02)
    assert silent.given_back == [("r1", 5.0)]
    assert all(one == {"r2": 30.0} for one in silent.hidden[before:])


def test_work_goes_on_when_the_queue_hides_nothing(ports: Ports, silent: Silent) -> None:
    asked: list[NamespacedName] = []

    class Queue(Silent):
        """Is out of reach."""

        def hide(self, receipts: Mapping[str, float]) -> None:
            raise RetryableError("out of reach", reason="QueueOperationFailed")

    class Selections:
        """Notes the runs that were asked for."""

        def request_run(self, key: NamespacedName, *_: Any) -> None:
            asked.append(key)

    selections: Any = Selections()
    processed(replace(ports, queue=Queue(), selections=selections), message(1))
    assert asked == list(RUN.automations)
