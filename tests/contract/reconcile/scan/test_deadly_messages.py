"""A message that kills its workers goes to the dead letters alone; those that came with it are processed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.aws.queue import SqsScanQueue
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedScan
from tagstream.reconcile.handlers import scan
from tests.contract.deadly_registry import Deadly
from tests.contract.mortal_ports import Killed
from tests.contract.reconciling import NamespacedName, document
from tests.simulation.clock import SharedClock, SimulatedClock
from tests.simulation.scan_queue import ScanQueue, event_of

POISON = "ns/poison"
INNOCENT = [f"ns/app-{number}" for number in range(9)]


@dataclass
class Client:
    """What the functions use of SQS."""

    queue: ScanQueue

    def send_message(self, **request: Any) -> Any:
        return self.queue.call("SendMessage", request)

    def change_message_visibility(self, **request: Any) -> Any:
        return self.queue.call("ChangeMessageVisibility", {"Entries": [{"Id": "0", **request}]})

    def change_message_visibility_batch(self, **request: Any) -> Any:
        return self.queue.call("ChangeMessageVisibilityBatch", request)


@pytest.fixture
def clock(tmp_path: Path) -> SharedClock:
    return SharedClock(tmp_path / "clock")


@pytest.fixture
def queue(clock: SharedClock) -> ScanQueue:
    """ScanQueue, with the times of template.yaml."""
    return ScanQueue(clock=clock, visibility_s=120, most_receives=10)


@pytest.fixture
def stack(ports: Ports, queue: ScanQueue, clock: SharedClock) -> Ports:
    """Ten repositories, of which one kills the worker that lists its tags."""
    client: Any = Client(queue)
    registry: Any = Deadly(kills="list")
    found = replace(
        ports,
        queue=SqsScanQueue(client=client, url="https://sqs/scans"),
        clock=SimulatedClock(clock, 0.0),
        registry=registry,
    )
    for name in [POISON, *INNOCENT]:
        name = name.removeprefix("ns/")
        image = document("ImageRepository", image=f"registry.example.com/{name}", interval="5m")
        found.objects.put({**image, "metadata": {"name": name, "namespace": "ns"}})
    return found


def asked(names: list[str], ports: Ports) -> None:
    """Ask for a scan of each, in a message of its own."""
    keys = [NamespacedName(*name.split("/")) for name in names]
    ports.queue.send([QueuedScan(repositories=(key,), reason="interval") for key in keys])


def worked(queue: ScanQueue, ports: Ports) -> tuple[int, list[int]]:
    """Hand out messages until there is none.

    Returns:
        How many workers have died, and how often each message that was processed had come.
    """
    died, receives = 0, []
    while (next_s := queue.next_s()) is not None:
        # Messages that were hidden together come back together.
        queue.clock.skip(max(0.0, next_s + 1.0 - queue.clock.now_s()))
        messages = queue.receive()
        if not messages:
            continue
        try:
            answer = scan(event_of(messages), 120_000, ports)
        except Killed:
            died += 1
            continue
        failed = {one["itemIdentifier"] for one in answer["batchItemFailures"] if one["itemIdentifier"]}
        receives += [one.receives for one in messages if one.message_id not in failed]
        queue.delete({one.message_id for one in messages} - failed)
    return died, receives


def buried(queue: ScanQueue) -> list[str]:
    """The repositories of the dead letters."""
    return [name for body in queue.dead_letters for name in json.loads(body)["repositories"]]


@pytest.mark.parametrize("place", [0, 5, 9])
def test_only_the_message_that_kills_its_workers_is_a_dead_letter(place: int, stack: Ports, queue: ScanQueue) -> None:
    asked([*INNOCENT[:place], POISON, *INNOCENT[place:]], stack)
    died, receives = worked(queue, stack)
    assert died == 10
    assert buried(queue) == [POISON]
    assert all(one.status for one in stack.objects.list("ImageRepository") if str(one.key) != POISON)
    # Once with the others, once in turn, and then without the one that kills its workers.
    assert len(receives) == len(INNOCENT)
    assert max(receives) <= 3
