"""What every Git host's adapter keeps of ``ports/pull_requests.py``: the same tests for all, each against its fake.

The fakes check every request against the host's published description; a test fails if one is not as it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.git_hosts.hosts import KnownHosts
from tagstream.errors import AuthenticationError, RetryableError, ThrottledError
from tagstream.ports.pull_requests import HostAccess, Proposal, PullRequest, PullRequests
from tests.contract.adapters.git_hosts.hosts import HOSTS, TOKEN, TestedHost
from tests.embedded.git_hosts.codecommit import CodeCommit
from tests.embedded.git_hosts.host import HEAD_COMMIT, Answer, FakeHost, running

HEAD, BASE = 'tagstream/pröd"x', "main"
PROPOSAL = Proposal(head=HEAD, base=BASE, title="Update app to v2", body="| image | new |\n|---|---|\n| app | v2 |")


@dataclass(frozen=True)
class Running:
    """A host that runs, and the adapter that asks it."""

    host: TestedHost
    fake: FakeHost
    access: HostAccess
    requests: PullRequests

    def calls_of(self, request: str) -> int:
        """Return how many calls the reading of a request takes."""
        before = len(self.fake.calls)
        self.requests.read(request)
        return len(self.fake.calls) - before


CLIENTS: dict[str, Any] = {}


def made_client(service: str, config: Config, region: str) -> Any:
    """A client of boto3 takes a second to make, so that all tests share one."""
    if region not in CLIENTS:
        CLIENTS[region] = boto3.Session().client(service, config=config, region_name=region)  # type: ignore[call-overload]
    return CLIENTS[region]


def opened(access: HostAccess) -> PullRequests:
    return KnownHosts(lambda git: git, SystemClock(), made_client).of(access)


@pytest.fixture(scope="module")
def codecommit() -> Iterator[FakeHost]:
    """One CodeCommit for all its tests, and so one client."""
    fake = CodeCommit()
    environ = {"AWS_ENDPOINT_URL_CODECOMMIT": fake.origin, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": TOKEN}
    with running(fake), pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        yield fake
        CLIENTS.clear()


@pytest.fixture(params=HOSTS, ids=lambda host: host.kind)
def on(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Every host in turn; what its fake finds wrong with a request fails the test."""
    host: TestedHost = request.param
    with ExitStack() as stack:
        if host.kind == "codecommit":
            fake = request.getfixturevalue("codecommit")
            fake.begin_anew()
        else:
            fake = host.fake()
            stack.enter_context(running(fake))
        access = host.access(fake)
        yield Running(host, fake, access, opened(access))
    assert fake.problems == []


OVER_HTTP = [host for host in HOSTS if host.kind != "codecommit"]
over_http = pytest.mark.parametrize("on", OVER_HTTP, indirect=True, ids=[host.kind for host in OVER_HTTP])
"""Not for CodeCommit, which has no forks and no tokens, and is asked through boto3."""


def test_a_request_that_was_opened_is_found_by_its_branches_and_by_its_number(on: Running) -> None:
    made = on.requests.open(PROPOSAL)
    found = on.requests.newest(HEAD, BASE)
    assert found is not None
    assert (found.number, found.state, found.head, found.base) == (made.number, "open", HEAD, BASE)
    assert (found.title, found.body) == (PROPOSAL.title, PROPOSAL.body)
    assert found.url.startswith("https://")
    assert found.head_commit == HEAD_COMMIT[: on.host.shown_commit]
    assert not found.is_draft
    assert on.requests.read(made.number) == found


def test_a_long_body_is_found_whole(on: Running) -> None:
    body = "x" * min(3_000, on.requests.limits.body)
    on.requests.open(replace(PROPOSAL, body=body))
    found = on.requests.newest(HEAD, BASE)
    assert found is not None
    assert found.body == body


def test_a_title_and_a_body_as_long_as_the_host_takes_them_are_opened(on: Running) -> None:
    limits = on.requests.limits
    made = on.requests.open(replace(PROPOSAL, title="t" * limits.title, body="b" * limits.body))
    assert (len(made.title), len(made.body)) == (limits.title, limits.body)


def test_without_a_request_none_is_found(on: Running) -> None:
    on.fake.made(HEAD, "release", "into another branch")
    on.fake.made("other", BASE, "from another branch")
    assert on.requests.newest(HEAD, BASE) is None
    assert on.requests.read("4711") is None


def test_a_request_is_never_opened_twice(on: Running) -> None:
    first = on.requests.open(PROPOSAL)
    second = on.requests.open(replace(PROPOSAL, title="another title"))
    assert second.number == first.number
    assert len(on.fake.requests) == 1


def test_a_request_whose_answer_was_lost_is_answered_by_the_next_try(on: Running) -> None:
    on.fake.lost = {on.host.opens}
    with pytest.raises(RetryableError):
        on.requests.open(PROPOSAL)
    assert len(on.fake.requests) == 1
    on.fake.lost.clear()
    assert on.requests.open(PROPOSAL).number == str(on.fake.requests[0].number)
    assert len(on.fake.requests) == 1


def test_a_request_that_a_person_closed_is_found_as_closed(on: Running) -> None:
    on.fake.made(HEAD, BASE, "refused", state="closed")
    found = on.requests.newest(HEAD, BASE)
    assert found is not None
    assert found.state == "closed"
    assert on.requests.read(found.number) == found


def test_the_closed_requests_before_the_newest_are_found_with_their_whole_bodies(on: Running) -> None:
    ends = [f"{'x' * 500}\n\n[tagstream]: # (changes {one:016x})\n" for one in range(3)]
    for end in ends:
        on.fake.made(HEAD, BASE, "refused", state="closed", body=end)
    on.fake.made(HEAD, "release", "elsewhere", state="closed", body="other")
    found = on.requests.newest(HEAD, BASE)
    assert found is not None
    assert [found.body, *(one.body for one in found.earlier)] == [*reversed(ends)]


def test_a_request_that_a_person_merged_is_found_as_merged(on: Running) -> None:
    on.fake.made(HEAD, BASE, "taken", state="merged")
    found = on.requests.newest(HEAD, BASE)
    assert found is not None
    assert found.state == "merged"


def test_the_open_request_counts_before_newer_closed_ones_and_among_those_the_newest(on: Running) -> None:
    on.fake.made(HEAD, BASE, "first", state="closed")
    on.fake.made(HEAD, BASE, "second", state="merged")
    on.fake.made(HEAD, BASE, "third", state="closed")
    newest = on.requests.newest(HEAD, BASE)
    assert newest is not None
    assert newest.title == "third"
    on.fake.requests[0].state = "open"
    newest = on.requests.newest(HEAD, BASE)
    assert newest is not None
    assert newest.title == "first"


@over_http
def test_a_fork_s_request_from_a_branch_of_the_same_name_does_not_count(on: Running) -> None:
    on.fake.made(HEAD, BASE, "from a fork", is_of_fork=True)
    assert on.requests.newest(HEAD, BASE) is None
    assert on.requests.open(PROPOSAL).number == "2"


def test_a_draft_is_opened_as_one_and_stays_one(on: Running) -> None:
    made = on.requests.open(replace(PROPOSAL, draft=True))
    assert made.is_draft is on.host.has_drafts
    assert on.requests.change(made, replace(PROPOSAL, title="new title")).is_draft is on.host.has_drafts


def test_title_and_body_change_and_nothing_else(on: Running) -> None:
    hosted = on.fake.made(HEAD, BASE, "old title", body="old body", reviewers=["{a-person}"], labels=["by-hand"])
    request = read(on, hosted.number)
    changed = on.requests.change(request, PROPOSAL)
    assert (changed.title, changed.body, changed.number) == (PROPOSAL.title, PROPOSAL.body, request.number)
    assert (hosted.title, hosted.body) == (PROPOSAL.title, PROPOSAL.body)
    assert (hosted.reviewers, hosted.labels, hosted.state) == (["{a-person}"], ["by-hand"], "open")
    assert on.requests.change(changed, PROPOSAL) == changed


def test_reviewers_and_labels_are_added_once_and_none_is_removed(on: Running) -> None:
    hosted = on.fake.made(HEAD, BASE, "title", reviewers=["{a-person}"], labels=["by-hand"])
    reviewers = (on.host.reviewer,) if on.host.reviewer else ()
    wanted = replace(PROPOSAL, labels=("by-hand", "images"), reviewers=reviewers)
    for _ in range(2):
        on.requests.furnish(read(on, hosted.number), wanted)
    assert hosted.reviewers == ["{a-person}", *reviewers]
    assert hosted.labels == (["by-hand", "images"] if on.host.has_labels else ["by-hand"])


def test_a_request_that_wants_nothing_more_is_furnished_without_a_call(on: Running) -> None:
    request = on.requests.open(PROPOSAL)
    on.fake.calls.clear()
    on.requests.furnish(request, PROPOSAL)
    assert on.fake.calls == []


def test_the_host_is_asked_to_merge_by_itself(on: Running) -> None:
    request = on.requests.open(PROPOSAL)
    for _ in range(2):
        on.requests.furnish(request, replace(PROPOSAL, auto_merge="squash"))
    assert on.fake.requests[0].auto_merge == on.host.auto_merge


def test_a_request_is_closed_with_a_comment_that_says_why(on: Running) -> None:
    request = on.requests.open(PROPOSAL)
    closed = on.requests.close(request, "the base branch needs no change any more")
    assert (closed.state, closed.number) == ("closed", request.number)
    assert on.fake.requests[0].comments == ["the base branch needs no change any more"]
    assert on.fake.requests[0].state == "closed"


@pytest.mark.parametrize("state", ["merged", "closed"])
def test_a_request_that_is_not_open_any_more_is_left_alone(on: Running, state: str) -> None:
    request = on.requests.open(PROPOSAL)
    on.fake.requests[0].state = state
    assert on.requests.close(request, "nothing is left").state == state
    assert on.fake.requests[0].state == state


@pytest.mark.parametrize("checks", ["none", "pending", "passed", "failed"])
def test_the_checks_of_the_head_commit_are_read_with_the_request(on: Running, checks: str) -> None:
    made = on.requests.open(PROPOSAL)
    on.fake.requests[0].checks = checks
    assert read(on, int(made.number)).checks == (checks if on.host.has_checks else "none")


def test_looking_for_a_request_and_reading_one_take_few_calls(on: Running) -> None:
    made = on.requests.open(PROPOSAL)
    assert on.calls_of(made.number) == on.host.read_calls
    on.fake.calls.clear()
    on.requests.newest(HEAD, BASE)
    assert len(on.fake.calls) == on.host.newest_calls
    on.fake.requests[0].state = "merged"
    assert on.calls_of(made.number) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_without_the_right_is_an_authentication_error_that_names_no_secret(on: Running, status: int) -> None:
    on.fake.refusals = [on.fake.refused(status)]
    with pytest.raises(AuthenticationError) as raised:
        on.requests.open(PROPOSAL)
    assert raised.value.reason == "PullRequestFailed"
    assert "refused with" in raised.value.message
    assert TOKEN not in raised.value.message
    assert len(on.fake.requests) == 0


def test_a_host_that_fails_is_asked_again_later(on: Running) -> None:
    on.fake.refusals = [on.fake.refused(500)] * 2
    with pytest.raises(RetryableError) as raised:
        on.requests.newest(HEAD, BASE)
    assert not isinstance(raised.value, ThrottledError)
    assert raised.value.reason == "PullRequestFailed"


def test_a_rate_limit_is_told_with_the_pause_that_the_host_asks_for(on: Running) -> None:
    refusal = on.fake.refused(429)
    on.fake.refusals = [replace(refusal, headers={"Retry-After": "37"})] * 2
    with pytest.raises(ThrottledError) as raised:
        on.requests.newest(HEAD, BASE)
    if on.host.kind != "codecommit":
        assert raised.value.retry_after_s == 37.0
    assert raised.value.host


def test_an_answer_that_is_none_of_the_host_s_is_no_request(on: Running) -> None:
    on.fake.refusals = [Answer(document={"unexpected": 1})]
    with pytest.raises(RetryableError, match="not a pull request"):
        on.requests.read("1")


def test_no_call_is_begun_after_the_deadline(on: Running) -> None:
    late = opened(replace(on.access, deadline_s=SystemClock().monotonic_s()))
    for ask in (lambda: late.newest(HEAD, BASE), lambda: late.read("1"), lambda: late.open(PROPOSAL)):
        with pytest.raises(RetryableError, match="no time is left"):
            ask()
    assert on.fake.calls == []


@over_http
def test_credentials_never_go_to_another_host(on: Running) -> None:
    other = on.host.fake()
    with running(other):
        on.fake.refusals = [Answer(status=307, headers={"Location": f"{other.origin}/elsewhere"})]
        with pytest.raises(RetryableError, match="redirects elsewhere"):
            on.requests.newest(HEAD, BASE)
    assert other.calls == []
    assert other.problems == []


@over_http
def test_a_user_and_a_password_are_sent_as_the_host_wants_them(on: Running) -> None:
    requests = opened(on.host.access(on.fake, with_password=True))
    assert requests.newest(HEAD, BASE) is None


STRANGERS = {"bitbucket": "{5d1d0a5c-0000-4f0c-a7bc-87800b9d6f70}", "azure": "33333333-3333-3333-3333-333333333333"}


def test_a_wrong_reviewer_is_named_and_keeps_nothing_else_from_being_asked_for(on: Running) -> None:
    if not on.host.reviewer:
        return
    stranger = STRANGERS.get(on.host.kind, "mallory")
    on.fake.strangers = {stranger}
    request = on.requests.open(PROPOSAL)
    wanted = replace(PROPOSAL, labels=("images",), reviewers=(stranger, on.host.reviewer), auto_merge="squash")
    with pytest.raises((RetryableError, AuthenticationError), match=re.escape(f"'{stranger}'")) as raised:
        on.requests.furnish(request, wanted)
    assert raised.value.reason == "PullRequestFailed"
    hosted = on.fake.requests[0]
    assert hosted.reviewers == [on.host.reviewer]
    assert hosted.labels == (["images"] if on.host.has_labels else [])
    assert hosted.auto_merge == on.host.auto_merge


def test_who_has_reviewed_is_not_asked_again(on: Running) -> None:
    hosted = on.fake.made(HEAD, BASE, "title", reviewers=["{a-person}"], reviews=["alice"])
    on.requests.furnish(read(on, hosted.number), replace(PROPOSAL, reviewers=("alice",)))
    assert hosted.reviews == ["alice"]


def read(on: Running, number: int) -> PullRequest:
    found = on.requests.read(str(number))
    assert found is not None
    return found
