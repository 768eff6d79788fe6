"""A stack that is only read keeps its writes in memory and refuses the others."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tagstream.cli.dry_stack import READS, WriteRefused, dry_ports
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import MemoryPorts

APP = NamespacedName("ns", "app")
AT = datetime(2026, 12, 1, tzinfo=UTC)


def policy(name: str = "app", **spec: object) -> dict[str, Any]:
    return {"kind": "ImagePolicy", "metadata": {"name": name, "namespace": "ns"}, "spec": spec}


def dry(*documents: dict[str, Any]) -> tuple[MemoryPorts, Ports]:
    """A stack with one policy, and what is seen of it with these documents."""
    stack = MemoryPorts()
    stack.objects.put(policy(range="1.x"))
    return stack, dry_ports(stack.bundle(), documents, AT)


def generation(ports: Ports) -> object:
    stored = ports.objects.get("ImagePolicy", APP)
    assert stored is not None
    metadata: Any = stored.document["metadata"]
    return metadata["generation"]


def test_a_given_object_counts_instead_of_the_stored_one_in_every_reading() -> None:
    stack, ports = dry(policy(range="2.x"), policy("new"))
    assert generation(ports) == 2
    assert [one.key.name for one in ports.objects.list("ImagePolicy", "ns")] == ["app", "new"]
    assert [one.key.name for one in ports.objects.get_many("ImagePolicy", [APP])] == ["app"]
    name = ObjectName(kind="ImagePolicy", key=APP)
    assert ports.objects.documents([name])[name]["spec"] == {"range": "2.x"}
    assert stack.objects.stored["ImagePolicy", APP].document["spec"] == {"range": "1.x"}


def test_an_object_with_the_same_spec_keeps_its_generation() -> None:
    assert generation(dry(policy(range="1.x"))[1]) == 1


def test_a_status_is_kept_in_memory_only() -> None:
    stack, ports = dry()
    put_status(ports.objects, "ImagePolicy", APP, {"seen": True})
    found = ports.objects.get("ImagePolicy", APP)
    assert found is not None
    assert found.status == {"seen": True}
    assert stack.objects.stored["ImagePolicy", APP].status == {}


def test_the_clock_shows_the_time_that_was_asked_for() -> None:
    assert dry()[1].clock.now() == AT


@pytest.mark.parametrize(
    "call",
    [
        lambda ports: ports.secrets.put(APP, {}),
        lambda ports: ports.queue.send([]),
        lambda ports: ports.leases.acquire("branch", "owner", 1),
        lambda ports: ports.outlet.send(None, None),
        lambda ports: ports.freezes.replace((), (), ()),
        lambda ports: ports.tags.put(APP, None, (), None),
        lambda ports: ports.deliveries.put_refusal(APP, None),
        lambda ports: ports.agenda.forget([]),
    ],
)
def test_any_other_write_is_refused(call: Any) -> None:
    with pytest.raises(WriteRefused):
        call(dry()[1])


class Opening:
    """A Git server and a Git host that let everybody in, and do whatever they are asked for."""

    def open(self, *_: object) -> Any:
        return self

    of = push = furnish = change = close = read = refs = open


@pytest.mark.parametrize(
    "call",
    [
        lambda ports: ports.git.open(None).push([], {}),
        lambda ports: ports.git_hosts.of(None).open(None),
        lambda ports: ports.git_hosts.of(None).furnish(None, None),
        lambda ports: ports.git_hosts.of(None).change(None, None),
        lambda ports: ports.git_hosts.of(None).close(None, ""),
    ],
)
def test_git_sessions_and_pull_requests_are_only_read_too(call: Any) -> None:
    anything: Any = Opening()
    ports = dry_ports(replace(MemoryPorts().bundle(), git=anything, git_hosts=anything), (), AT)
    assert ports.git.open(anything).refs() is anything
    assert ports.git_hosts.of(anything).read("1") is anything
    with pytest.raises(WriteRefused):
        call(ports)


def test_every_port_is_read_only_or_writes_nothing_that_outlives_the_command() -> None:
    harmless = {"clock", "entropy", "metrics", "log", "markers", "stack_calendar", "read_public_keys"} | {
        "no_cross_namespace_refs",
        "tells_event_bus",
    }
    assert {one.name for one in fields(Ports)} - harmless == set(READS)
