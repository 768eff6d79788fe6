"""How CodeCommit's requests are searched, whose lists have numbers only: in bounded parts, and nobody is read twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.git_hosts import codecommit
from tagstream.adapters.git_hosts.request_memory import RequestMemory
from tagstream.errors import RetryableError
from tagstream.ports.pull_requests import Proposal
from tests.contract.adapters.git_hosts.hosts import HOSTS, TOKEN
from tests.embedded.git_hosts.codecommit import CodeCommit
from tests.embedded.git_hosts.host import running

HEAD, BASE = "tagstream", "main"
PROPOSAL = Proposal(head=HEAD, base=BASE, title="title", body="body")
HOST = next(host for host in HOSTS if host.kind == "codecommit")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[CodeCommit, Any]]:
    """One fake and one client for all tests: a client takes a second to make."""
    fake = CodeCommit()
    with running(fake):
        client = boto3.client(
            "codecommit",
            region_name="eu-central-1",
            endpoint_url=fake.origin,
            aws_access_key_id="test",
            aws_secret_access_key=TOKEN,
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield fake, client


@pytest.fixture
def fake(served: tuple[CodeCommit, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeCommit]:
    """The fake without requests, and small bounds."""
    monkeypatch.setattr(codecommit, "MOST_OPEN", 4)
    monkeypatch.setattr(codecommit, "MOST_CLOSED", 3)
    served[0].begin_anew()
    yield served[0]
    assert served[0].problems == []


def searching(served: tuple[CodeCommit, Any], memory: RequestMemory) -> codecommit.CodeCommitRequests:
    return codecommit.open_requests(HOST.access(served[0]), lambda *_: served[1], SystemClock(), memory)


def others(fake: CodeCommit, count: int, state: str = "open") -> None:
    for number in range(count):
        fake.made(f"branch-{state}-{number}", BASE, "another", state=state)


def test_an_old_open_request_is_found_by_the_runs_after_one_that_could_not_look_at_all(
    served: tuple[CodeCommit, Any], fake: CodeCommit
) -> None:
    made, memory = fake.made(HEAD, BASE, "ours"), RequestMemory()
    others(fake, 7)
    with pytest.raises(RetryableError, match="has 8 open requests, of which 4 were looked at"):
        searching(served, memory).newest(HEAD, BASE)
    found = searching(served, memory).newest(HEAD, BASE)
    assert found is not None
    assert found.number == str(made.number)


def test_none_is_opened_before_all_open_ones_were_looked_at(served: tuple[CodeCommit, Any], fake: CodeCommit) -> None:
    memory = RequestMemory()
    others(fake, 6)
    with pytest.raises(RetryableError, match="the next runs look at the others"):
        searching(served, memory).open(PROPOSAL)
    assert len(fake.requests) == 6
    assert searching(served, memory).open(PROPOSAL).number == "7"


def test_requests_of_other_branches_are_read_once(served: tuple[CodeCommit, Any], fake: CodeCommit) -> None:
    memory = RequestMemory()
    others(fake, 3)
    searching(served, memory).newest(HEAD, BASE)
    fake.calls.clear()
    assert searching(served, memory).newest(HEAD, BASE) is None
    assert "GetPullRequest" not in fake.calls


def test_closed_requests_are_looked_at_in_parts_that_go_further_back_each_time(
    served: tuple[CodeCommit, Any], fake: CodeCommit
) -> None:
    made, memory = fake.made(HEAD, BASE, "refused", state="closed"), RequestMemory()
    others(fake, 4, state="closed")
    assert searching(served, memory).newest(HEAD, BASE) is None
    found = searching(served, memory).newest(HEAD, BASE)
    assert found is not None
    assert (found.number, found.state) == (str(made.number), "closed")


def test_a_memory_forgets_the_requests_that_were_asked_for_longest_ago() -> None:
    memory = RequestMemory(most=2)
    memory.note("region/name", "1", ("a", "main"))
    memory.note("region/name", "2", ("b", "main"))
    assert memory.branches_of("region/name", "1") == ("a", "main")
    memory.note("region/other", "1", ("c", "main"))
    assert memory.branches_of("region/name", "2") is None
    assert memory.branches_of("region/name", "1") == ("a", "main")
