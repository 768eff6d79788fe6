"""A Git host's event of one request of a template has that request read, and no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from tagstream.errors import RetryableError
from tagstream.events.queue import QueueMessage
from tagstream.ports.bundle import Ports
from tagstream.ports.commit_outlet import Outgoing
from tagstream.ports.git import GitSession
from tagstream.ports.pull_requests import HostAccess, PullRequest, PullRequests
from tagstream.ports.queue import WEBHOOK, QueuedRun
from tagstream.reconcile.kept_requests import forget_reads
from tagstream.reconcile.scan.messages import process_messages
from tests.contract.reconcile.update.hosted import Hosted
from tests.contract.reconcile.update.test_branch_templates import begun, kept
from tests.contract.reconciling import APP, Silent
from tests.embedded.git_server import commit_files


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    with begun(ports, silent, tmp_path) as made:
        yield made


def told_of(*numbers: str) -> QueuedRun:
    """What a host's event asks the queue for; without a number it is a push."""
    return QueuedRun(automations=(APP,), reason=WEBHOOK, requests=numbers)


def processed(stack: Hosted, *requests: QueuedRun) -> None:
    """The scan function gets a batch of messages, which it processes at the same time."""
    messages = [
        QueueMessage(message_id=str(at), request=one, record={"messageId": str(at)}) for at, one in enumerate(requests)
    ]
    assert process_messages(messages, stack.ports.clock.monotonic_s() + 60, stack.ports)["batchItemFailures"] == []


def test_every_request_is_read_when_the_host_says_that_one_has_changed(stack: Hosted) -> None:
    stack.run()
    stack.host.calls.clear()
    stack.run(after_s=1)
    assert stack.host.calls == []
    forget_reads([APP], stack.ports)
    stack.run(after_s=1)
    assert stack.host.calls == ["graphql", "graphql"]


def test_the_event_of_one_request_has_that_one_read_alone(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[1].state = "closed"
    stack.host.calls.clear()
    processed(stack, told_of("2"))
    stack.run(after_s=1)
    assert stack.host.calls == ["graphql"]
    assert kept(stack) == {"images/api-v2.1.0": ("1", "open"), "images/app-v1.1.0": ("2", "closed")}
    assert "RequestClosed: pull request #2 was closed by a person: Update app to v1.1.0" in stack.told()


def test_events_of_several_requests_in_one_batch_are_all_heeded(stack: Hosted) -> None:
    stack.run()
    for one in stack.host.requests:
        one.state = "closed"
    stack.host.calls.clear()
    processed(stack, told_of("2"), told_of("1"), told_of("2"))
    stack.run(after_s=1)
    assert stack.host.calls == ["graphql", "graphql"]
    assert [state for _, state in kept(stack).values()] == ["closed", "closed"]


@pytest.mark.parametrize("numbers", [("99",), ("50",), ()])
def test_events_of_others_and_pushes_read_nothing_and_change_nothing(stack: Hosted, numbers: tuple[str, ...]) -> None:
    stack.run()
    before = stack.status
    stack.host.calls.clear()
    processed(stack, told_of(*numbers))
    assert stack.status == before
    stack.run(after_s=1)
    assert stack.host.calls == []


def test_a_push_by_a_person_has_the_request_of_its_branch_read(stack: Hosted) -> None:
    stack.run()
    commit_files(stack.bare, {"other": b"x"}, "a person adds to the branch", "images/app-v1.1.0")
    stack.host.calls.clear()
    processed(stack, told_of())
    stack.run(after_s=1)
    assert "graphql" in stack.host.calls


def test_an_event_that_comes_late_or_twice_does_no_harm(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[1].state = "closed"
    for _ in range(2):
        processed(stack, told_of("2"))
        stack.run(after_s=1)
    stack.host.requests[1].state = "open"
    processed(stack, told_of("2"))
    stack.run(after_s=1)
    assert kept(stack)["images/app-v1.1.0"] == ("2", "open")
    assert Counter(one.partition(":")[0] for one in stack.told()) == {
        "RequestOpened": 2,
        "RequestClosed": 1,
        "RequestReopened": 1,
    }


def test_an_event_of_a_branch_that_no_policy_has_any_more_is_heeded_too(stack: Hosted) -> None:
    stack.run()
    commit_files(stack.bare, {"other": b"x"}, "a person adds to the branch", "images/app-v1.1.0")
    stack.select("v1.2.0")
    stack.run()
    assert kept(stack)["images/app-v1.1.0"] == ("2", "open")
    stack.host.merge(stack.host.requests[1])
    processed(stack, told_of("2"))
    stack.run(after_s=1)
    assert "images/app-v1.1.0" not in kept(stack)
    assert "RequestMerged: pull request #2 was merged: Update app to v1.1.0" in stack.told()


def test_an_event_that_comes_while_a_run_goes_on_is_heeded_by_the_next_one(stack: Hosted) -> None:
    stack.run()
    stack.select("v2.2.0", "api")
    run_on = stack.ports.outlet

    @dataclass
    class Meanwhile:
        """An outlet during whose first push the host tells of the other branch's request."""

        is_over: bool = False

        def send(self, outgoing: Outgoing, session: GitSession) -> None:
            if not self.is_over:
                self.is_over = True
                stack.host.requests[1].state = "closed"
                processed(stack, told_of("2"))
            run_on.send(outgoing, session)

    stack.run(after_s=1, ports=replace(stack.ports, outlet=Meanwhile()))
    assert kept(stack)["images/app-v1.1.0"] == ("2", "open")
    stack.run(after_s=1)
    assert kept(stack)["images/app-v1.1.0"] == ("2", "closed")


def test_events_are_heeded_that_come_while_a_run_writes_its_status_and_writes_it_again(stack: Hosted) -> None:
    stack.run()
    stack.select("v2.2.0", "api")

    @dataclass
    class Meanwhile:
        """Objects: the host tells of a request before the status is written, and of another before it is again."""

        left: list[str] = field(default_factory=lambda: ["2", "1"])

        def __getattr__(self, member: str) -> Any:
            return getattr(stack.ports.objects, member)

        def replace_status(self, stored: Any, status: Any) -> bool:
            if len(self.left) == 2:
                self._tell()
            return stack.ports.objects.replace_status(stored, status)

        def get(self, *arguments: Any) -> Any:
            found = stack.ports.objects.get(*arguments)
            if len(self.left) == 1:
                self._tell()
            return found

        def _tell(self) -> None:
            number = self.left.pop()
            stack.host.requests[int(number) - 1].state = "closed"
            forget_reads([APP], stack.ports, [number])

    meanwhile: Any = Meanwhile()
    stack.run(after_s=1, ports=replace(stack.ports, objects=meanwhile))
    assert meanwhile.left == []
    assert kept(stack)["images/app-v1.1.0"] == ("2", "open")
    stack.run(after_s=1)
    assert kept(stack)["images/app-v1.1.0"] == ("2", "closed")


def test_an_event_is_heeded_though_the_run_that_an_earlier_one_asked_for_is_going_on(stack: Hosted) -> None:
    stack.run()
    processed(stack, told_of("2"))
    of = stack.ports.git_hosts.of

    @dataclass
    class Meanwhile:
        """Hosts whose request is closed just after it was read, of which the host tells at once."""

        is_over: bool = False

        def of(self, access: HostAccess) -> PullRequests:
            host = of(access)
            outer = self

            class Read:
                """The host."""

                def read(self, number: str) -> PullRequest | None:
                    found = host.read(number)
                    if number == "2" and not outer.is_over:
                        outer.is_over = True
                        stack.host.requests[1].state = "closed"
                        processed(stack, told_of("2"))
                    return found

                def __getattr__(self, member: str) -> Any:
                    return getattr(host, member)

            read: Any = Read()
            return cast(PullRequests, read)

    meanwhile: Any = Meanwhile()
    stack.run(after_s=1, ports=replace(stack.ports, git_hosts=meanwhile))
    assert meanwhile.is_over
    stack.run(after_s=1)
    assert kept(stack)["images/app-v1.1.0"] == ("2", "closed")
    stack.host.calls.clear()
    stack.run(after_s=1)
    assert stack.host.calls == []


def test_an_event_is_asked_for_again_if_others_write_the_status_all_the_time(stack: Hosted) -> None:
    stack.run()

    @dataclass
    class Contended:
        """Objects whose statuses somebody else always writes first."""

        def get_many(self, kind: str, names: Any) -> Any:
            return stack.ports.objects.get_many(kind, names)

        def replace_status(self, stored: Any, status: Any) -> bool:
            return False

    contended: Any = Contended()
    with pytest.raises(RetryableError, match="others write the status of ns/app"):
        forget_reads([APP], replace(stack.ports, objects=contended), ["2"])
