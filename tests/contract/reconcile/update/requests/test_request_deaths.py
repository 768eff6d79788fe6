"""What becomes of a push branch's pull request when a worker dies between two steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tagstream.ports.bundle import Ports
from tagstream.reconcile.kept_requests import forget_reads
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.update.hosted import AUTOMATION, FRIDAY, WRITES, Hosted, hosted
from tests.contract.reconciling import APP, Silent
from tests.embedded.single_writes import put_status


@dataclass
class Lives:
    """Stacks on one table, each begun with a repository of its own and what the test prepares."""

    ports: Ports
    silent: Silent
    root: Path
    prepare: Callable[[Hosted], None]
    meanwhile: Callable[[Hosted], None] = lambda _: None
    made: int = 0

    @contextmanager
    def begun(self) -> Iterator[Hosted]:
        """A new stack, just before the run that is looked at."""
        self.made += 1
        folder = self.root / str(self.made)
        folder.mkdir()
        put_status(self.ports.objects, AUTOMATION, APP, {})
        with hosted(self.ports, self.silent, folder, "github") as stack:
            # What the lives before have told is over.
            stack.clock.at += timedelta(days=2 * self.made)
            self.prepare(stack)
            yield stack

    def outcomes(self) -> set[tuple[object, ...]]:
        """What is there in the end, for a death after each call that writes; one outcome, if all is well."""
        with self.begun() as stack:
            life = Life()
            stack.run(ports=life.ports(stack.ports))
        found = set()
        for at in [number for number, call in enumerate(life.calls, start=1) if call in WRITES]:
            with self.begun() as stack:
                with pytest.raises(Killed):
                    stack.run(ports=Life(ends_at=at).ports(stack.ports))
                self.meanwhile(stack)
                stack.run(after_s=3600)
                kept = stack.request
                on_host = tuple((one.title, one.state, *one.labels) for one in stack.host.requests)
                found.add((*on_host, kept["state"], kept.get("closedBy"), stack.ready, told(stack)))
        return found


def told(stack: Hosted) -> str:
    """What the ledger says of the request in this life, in the order of time."""
    now = stack.clock.at
    found = stack.ports.ledger.read(now - timedelta(days=1), now)
    return ", ".join(one.reason.removeprefix("Request") for one in found if one.reason.startswith("Request"))


READY = "Succeeded: repository up-to-date"


def test_a_worker_that_dies_while_it_opens_a_request_leaves_one(ports: Ports, silent: Silent, tmp_path: Path) -> None:
    lives = Lives(ports, silent, tmp_path, lambda stack: stack.annotate(pull_request_labels="bot"))
    assert lives.outcomes() == {(("Update app to v1.1.0", "open", "bot"), "open", None, READY, "Opened")}


def test_a_worker_that_dies_while_it_changes_a_request_leaves_it_current(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    def prepare(stack: Hosted) -> None:
        stack.run()
        stack.select("v1.2.0")

    lives = Lives(ports, silent, tmp_path, prepare)
    assert lives.outcomes() == {(("Update app to v1.2.0", "open"), "open", None, READY, "Opened, Updated")}


def test_a_worker_that_dies_while_it_closes_a_request_has_closed_it(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    def prepare(stack: Hosted) -> None:
        stack.run()
        stack.commit("v1.1.0")

    lives = Lives(ports, silent, tmp_path, prepare)
    assert lives.outcomes() == {(("Update app to v1.1.0", "closed"), "closed", "tagstream", READY, "Opened, Closed")}


def heard(stack: Hosted) -> None:
    """The host tells of the request."""
    forget_reads([APP], stack.ports)


Prepare = Callable[[Hosted], None]


def updated(stack: Hosted) -> None:
    stack.run()
    stack.select("v1.2.0")


def closed_by_a_person(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    heard(stack)


def opened_again(stack: Hosted) -> None:
    closed_by_a_person(stack)
    stack.run()
    stack.host.requests[0].state = "open"
    heard(stack)


def closed_twice(stack: Hosted) -> None:
    opened_again(stack)
    stack.run()
    stack.host.requests[0].state = "closed"
    heard(stack)


def closed_by_tagstream(stack: Hosted) -> None:
    stack.run()
    stack.commit("v1.1.0")


def merged(stack: Hosted) -> None:
    stack.run()
    stack.host.merge(stack.host.requests[0])


@pytest.mark.parametrize(
    ("prepare", "events"),
    [
        (updated, "Opened, Updated"),
        (closed_by_a_person, "Opened, Closed"),
        (opened_again, "Opened, Closed, Reopened"),
        (closed_twice, "Opened, Closed, Reopened, Closed"),
        (closed_by_tagstream, "Opened, Closed"),
        (merged, "Opened, Merged"),
    ],
)
def test_an_event_is_told_once_though_the_host_speaks_between_a_death_and_the_next_run(
    ports: Ports, silent: Silent, tmp_path: Path, prepare: Prepare, events: str
) -> None:
    lives = Lives(ports, silent, tmp_path, prepare, heard)
    assert {outcome[-1] for outcome in lives.outcomes()} == {events}


def test_events_of_two_repositories_with_the_same_branch_and_number_are_two(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    lives = Lives(ports, silent, tmp_path, lambda _: None)
    for _ in range(2):
        with lives.begun() as stack:
            stack.run()
    found = stack.ports.ledger.read(FRIDAY, stack.clock.at)
    assert [one.reason for one in found if one.reason.startswith("Request")] == ["RequestOpened"] * 2


def test_changes_that_return_after_a_worker_died_while_it_closed_a_request_are_proposed_again(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    def prepare(stack: Hosted) -> None:
        stack.annotate(on_revert="ignore")
        stack.run()
        stack.commit("v1.1.0")

    lives = Lives(ports, silent, tmp_path, prepare)
    with lives.begun() as stack:
        life = Life()
        stack.run(ports=life.ports(stack.ports))
    deaths = [number for number, call in enumerate(life.calls, start=1) if call in WRITES]
    assert len(deaths) > 2
    for at in deaths:
        with lives.begun() as stack:
            with pytest.raises(Killed):
                stack.run(ports=Life(ends_at=at).ports(stack.ports))
            stack.commit("v1.0.0")
            stack.run(after_s=3600)
            last = stack.host.requests[-1]
            assert (last.title, last.state, stack.request["state"]) == ("Update app to v1.1.0", "open", "open")
            assert "withdrawn" not in last.body
