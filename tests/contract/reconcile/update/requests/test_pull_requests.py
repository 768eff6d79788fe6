"""The life of a push branch's pull request, on a real table and Git server, and on GitHub's API as it is described."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tagstream.domain.objects.git_host import GitHostKind
from tagstream.domain.objects.model import NamespacedName
from tagstream.events.queue import QueueMessage
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedRun
from tagstream.reconcile.scan.messages import process_messages
from tests.contract.reconcile.update.hosted import (
    AUTOMATION,
    BRANCH,
    TOKEN,
    Hosted,
    automation_document,
    hosted,
    tag_on,
)
from tests.contract.reconciling import APP, Silent
from tests.embedded.git_hosts.host import Answer
from tests.embedded.git_server import commit_files, git
from tests.embedded.single_writes import put_status


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    with hosted(ports, silent, tmp_path, "github") as made:
        yield made


def test_a_pushed_branch_gets_one_request_with_the_changes_as_a_table(stack: Hosted) -> None:
    stack.run()
    (request,) = stack.host.requests
    assert (request.head, request.base, request.state) == (BRANCH, "main", "open")
    assert request.title == "Update app to v1.1.0"
    page = "https://hub.docker.com/_/app/tags?name=v1.1.0"
    assert f"| [`app`]({page}) | `v1.0.0` | `v1.1.0` | `app.yaml` |" in request.body
    assert stack.ready == "Succeeded: repository up-to-date"
    assert stack.told() == ["RequestOpened: opened pull request #1: Update app to v1.1.0"]


def test_the_status_says_which_request_there_is_and_how_it_stands(stack: Hosted) -> None:
    stack.run()
    shown = {name: stack.request[name] for name in ("number", "url", "state", "checks", "head", "base", "headCommit")}
    assert shown == {
        "number": "1",
        "url": "https://github.example/acme/fleet/pull/1",
        "state": "open",
        "checks": "none",
        "head": BRANCH,
        "base": "main",
        "headCommit": stack.head(),
    }


def test_opening_a_request_takes_two_calls(stack: Hosted) -> None:
    stack.run()
    assert stack.host.calls == ["pulls/list", "pulls/create"]


def test_an_open_request_is_read_once_an_interval_by_one_call(stack: Hosted) -> None:
    stack.run()
    stack.host.calls.clear()
    stack.host.requests[0].checks = "passed"
    stack.run(after_s=30)
    assert stack.host.calls == []
    stack.run(after_s=30)
    assert stack.host.calls == ["graphql"]
    assert stack.request["checks"] == "passed"


def test_without_the_annotation_no_host_is_asked(stack: Hosted) -> None:
    stack.annotate(pull_request=None)
    stack.run()
    assert stack.host.calls == []
    assert "pullRequest" not in stack.status


def test_a_newer_tag_changes_the_request_that_is_open(stack: Hosted) -> None:
    stack.run()
    stack.select("v1.2.0")
    stack.run()
    (request,) = stack.host.requests
    assert request.title == "Update app to v1.2.0"
    assert "`v1.2.0`" in request.body and "`v1.1.0`" not in request.body
    assert stack.told()[1:] == ["RequestUpdated: updated pull request #1: Update app to v1.2.0"]


def test_what_a_person_wrote_into_the_request_stays_while_the_changes_are_the_same(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].title = "Please wait"
    commit_files(stack.bare, {"README": b"other"}, "elsewhere")
    stack.run()
    assert stack.host.requests[0].title == "Please wait"
    assert stack.request["headCommit"] == stack.head()


def test_a_merged_request_is_noticed_and_the_next_tag_gets_a_new_one(stack: Hosted) -> None:
    stack.run()
    stack.host.merge(stack.host.requests[0])
    stack.run()
    assert stack.request["state"] == "merged"
    stack.select("v1.2.0")
    stack.run()
    assert [(one.number, one.state) for one in stack.host.requests] == [(1, "merged"), (2, "open")]
    assert tag_on(stack.bare) == "v1.2.0"
    assert stack.told() == [
        "RequestOpened: opened pull request #1: Update app to v1.1.0",
        "RequestMerged: pull request #1 was merged: Update app to v1.1.0",
        "RequestOpened: opened pull request #2: Update app to v1.2.0",
    ]


def test_a_request_that_a_person_has_closed_is_not_opened_again_for_the_same_changes(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    stack.run()
    assert (stack.request["state"], stack.request["closedBy"]) == ("closed", "a person")
    commit_files(stack.bare, {"README": b"other"}, "elsewhere")
    stack.host.calls.clear()
    stack.run()
    assert [one.state for one in stack.host.requests] == ["closed"]
    assert stack.host.calls == []


def test_other_changes_after_a_closed_request_get_one_of_their_own(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    stack.select("v1.2.0")
    stack.run()
    assert [(one.state, one.title) for one in stack.host.requests] == [
        ("closed", "Update app to v1.1.0"),
        ("open", "Update app to v1.2.0"),
    ]


def test_a_closed_request_is_remembered_by_its_body_when_the_status_is_lost(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    put_status(stack.ports.objects, AUTOMATION, APP, {})
    stack.run()
    assert [one.state for one in stack.host.requests] == ["closed"]
    assert stack.request["closedBy"] == "a person"


def test_when_the_base_needs_nothing_any_more_the_request_is_closed_with_a_comment(stack: Hosted) -> None:
    stack.run()
    commit_files(stack.bare, {"other": b"x"}, "a person adds to the branch", BRANCH)
    stack.commit("v1.1.0")
    stack.run()
    # Somebody's commit is on the branch, so it is not ours to close.
    assert stack.host.requests[0].state == "open"
    git("update-ref", f"refs/heads/{BRANCH}", "refs/heads/main", folder=stack.bare)
    stack.run()
    assert stack.host.requests[0].state == "closed"
    assert stack.request["state"] == "closed"


def test_a_request_that_tagstream_closed_makes_room_for_the_same_changes(stack: Hosted) -> None:
    stack.run()
    stack.commit("v1.1.0")
    stack.run()
    assert (stack.request["state"], stack.request["closedBy"]) == ("closed", "tagstream")
    stack.annotate(on_revert="ignore")
    stack.commit("v1.0.0")
    stack.run()
    assert [one.state for one in stack.host.requests] == ["closed", "open"]


def test_a_person_s_closing_counts_as_such_though_the_base_needed_nothing_when_it_was_noticed(stack: Hosted) -> None:
    stack.annotate(on_revert="ignore")
    stack.run()
    stack.host.requests[0].state = "closed"
    stack.commit("v1.1.0")
    stack.run()
    assert (stack.request["state"], stack.request["closedBy"]) == ("closed", "a person")
    stack.commit("v1.0.0")
    stack.run()
    assert [one.state for one in stack.host.requests] == ["closed"]


def test_changes_that_were_refused_before_the_last_ones_are_not_proposed_again(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    stack.run()
    stack.select("v1.2.0")
    stack.run()
    stack.host.requests[1].state = "closed"
    stack.run()
    stack.select("v1.1.0")
    stack.run()
    assert [one.state for one in stack.host.requests] == ["closed", "closed"]


def test_all_closed_requests_are_remembered_by_their_bodies_when_the_status_is_lost(stack: Hosted) -> None:
    stack.run()
    for tag in ("v1.2.0", "v1.3.0"):
        stack.host.requests[-1].state = "closed"
        stack.run()
        stack.select(tag)
        stack.run()
    stack.host.requests[-1].state = "closed"
    stack.select("v1.1.0")
    put_status(stack.ports.objects, AUTOMATION, APP, {})
    stack.run()
    assert [one.state for one in stack.host.requests] == ["closed"] * 3
    assert len(stack.request["refused"]) == 3


def test_a_request_that_a_person_retargets_is_kept(stack: Hosted) -> None:
    git("branch", "release", "main", folder=stack.bare)
    stack.run()
    stack.host.requests[0].base = "release"
    stack.run()
    stack.select("v1.2.0")
    stack.run()
    assert [(one.base, one.title) for one in stack.host.requests] == [("release", "Update app to v1.2.0")]
    assert stack.request["base"] == "release"


def test_another_push_branch_closes_the_request_of_the_former_one(stack: Hosted) -> None:
    stack.run()
    stack.ports.objects.put(automation_document(push="other"))
    stack.run()
    assert [(one.head, one.state) for one in stack.host.requests] == [(BRANCH, "closed"), ("other", "open")]
    assert "pushes to another branch" in stack.host.requests[0].comments[0]
    assert stack.told()[1] == "RequestClosed: pull request #1 was closed by tagstream: Update app to v1.1.0"


def test_the_request_of_a_former_push_branch_stays_where_another_automation_has_it(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document(name="second"))
    stack.run()
    stack.ports.objects.put(automation_document(push="other"))
    stack.run()
    assert [(one.head, one.state) for one in stack.host.requests] == [(BRANCH, "open"), ("other", "open")]


def test_what_a_person_wrote_into_a_request_of_their_own_stays_until_other_changes_come(stack: Hosted) -> None:
    stack.host.refusals_of["pulls/list"] = Answer(status=500, document={"message": "busy"})
    stack.run()
    stack.host.made(BRANCH, "main", "My request", body="Please look at this")
    stack.run(after_s=3600)
    assert [(one.title, one.body) for one in stack.host.requests] == [("My request", "Please look at this")]
    stack.select("v1.2.0")
    stack.run()
    assert stack.host.requests[0].title == "Update app to v1.2.0"


@pytest.mark.parametrize("left", [True, False], ids=["something to propose", "nothing left"])
def test_a_request_of_another_repository_with_the_number_that_is_kept_is_not_touched(stack: Hosted, left: bool) -> None:
    stack.run()
    (request,) = stack.host.requests
    commit_files(stack.bare, {"other": b"x"}, "a person's work", "feature")
    request.head, request.title, request.body = "feature", "Mine", "by a person"
    stack.select("v1.2.0" if left else "v1.0.0")
    stack.run()
    assert (request.title, request.body, request.state, request.comments) == ("Mine", "by a person", "open", [])
    assert [one.head for one in stack.host.requests[1:]] == ([BRANCH] if left else [])


def test_a_request_of_another_repository_is_not_taken_for_the_known_one_when_nothing_is_new(stack: Hosted) -> None:
    stack.run()
    commit_files(stack.bare, {"other": b"x"}, "a person's work", "feature")
    stack.host.requests[0].head = "feature"
    stack.run()
    stack.run()
    assert [one.head for one in stack.host.requests] == ["feature", BRANCH]
    assert stack.request["number"] == "2"


def test_a_branch_that_a_person_has_deleted_after_closing_its_request_is_not_made_again(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    git("update-ref", "-d", f"refs/heads/{BRANCH}", folder=stack.bare)
    for number in range(2):
        commit_files(stack.bare, {"README": str(number).encode()}, "elsewhere")
        stack.run()
        assert stack.head() == ""
    assert (stack.request["state"], stack.request["closedBy"]) == ("closed", "a person")
    stack.select("v1.2.0")
    stack.run()
    assert tag_on(stack.bare) == "v1.2.0"
    assert [one.state for one in stack.host.requests] == ["closed", "open"]


def test_title_and_body_are_templates_with_the_data_of_the_commit_message(stack: Hosted) -> None:
    stack.annotate(
        pull_request_title="deploy {{ range .Changed.Changes }}{{ .NewValue }}{{ end }}",
        pull_request_body="by {{ .AutomationObject }}\n\n{{ .Table }}",
    )
    stack.run()
    (request,) = stack.host.requests
    assert request.title == "deploy app:v1.1.0"
    assert request.body.startswith("by ns/app\n\n| Image | Old | New | File |")


def test_a_request_that_exists_already_is_taken_over(stack: Hosted) -> None:
    stack.run()
    put_status(stack.ports.objects, AUTOMATION, APP, {})
    stack.run()
    assert len(stack.host.requests) == 1
    assert stack.request["number"] == "1"


def test_the_answer_to_opening_may_be_lost(stack: Hosted) -> None:
    stack.host.lost = {"pulls/create"}
    stack.run()
    assert stack.ready == "PullRequestFailed: POST /repos/acme/fleet/pulls: EOF"
    stack.host.lost.clear()
    assert stack.status["lastPushCommit"] == stack.head()
    stack.run(after_s=3600)
    assert len(stack.host.requests) == 1
    assert stack.ready == "Succeeded: repository up-to-date"


def test_two_who_open_at_the_same_time_get_the_same_request(stack: Hosted) -> None:
    stack.host.refusals_of["pulls/list"] = Answer(status=200, document=[])
    stack.select("v1.1.0")
    stack.run()
    put_status(stack.ports.objects, AUTOMATION, APP, {})
    stack.host.refusals_of["pulls/list"] = Answer(status=200, document=[])
    stack.run()
    assert len(stack.host.requests) == 1
    assert stack.ready == "Succeeded: repository up-to-date"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            Answer(status=403, document={"message": "Resource not accessible by integration"}),
            "PullRequestFailed: POST /repos/acme/fleet/pulls: HTTP status 403: Resource not accessible by integration:"
            " the token needs the rights to read and write pull requests (and issues, for labels) of this repository",
        ),
        (
            Answer(status=404, document={"message": "Not Found"}),
            "PullRequestFailed: POST /repos/acme/fleet/pulls: HTTP status 404: Not Found: no such thing, or the token"
            " needs the rights to read and write pull requests (and issues, for labels) of this repository",
        ),
        (
            Answer(
                status=422, document={"message": "Validation Failed", "errors": [{"field": "base", "code": "invalid"}]}
            ),
            "PullRequestFailed: POST /repos/acme/fleet/pulls: HTTP status 422: Validation Failed; base; invalid",
        ),
        (
            Answer(status=401, document={"message": f"Bad credentials {TOKEN}"}),
            "PullRequestFailed: POST /repos/acme/fleet/pulls: HTTP status 401: Bad credentials REDACTED: the token"
            " is not valid",
        ),
    ],
    ids=["no right", "not found", "refused value", "token"],
)
def test_what_the_host_refuses_is_in_the_status_in_its_own_words(stack: Hosted, reply: Answer, words: str) -> None:
    stack.host.refusals_of["pulls/create"] = reply
    stack.run()
    assert stack.ready == words
    # The push was done, and is told.
    assert tag_on(stack.bare) == "v1.1.0"
    assert stack.status["lastPushCommit"] == stack.head()


@pytest.mark.parametrize(
    ("reply", "pause_s"),
    [
        (
            Answer(
                status=403,
                document={"message": "You have exceeded a secondary rate limit"},
                headers={"Retry-After": "900"},
            ),
            900,
        ),
        (Answer(status=429, document={"message": "slow down"}, headers={"Retry-After": "1200"}), 1200),
        (
            Answer(
                status=403,
                document={"message": "API rate limit exceeded"},
                headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795774260"},
            ),
            600,
        ),
    ],
    ids=["secondary limit", "too many requests", "primary limit"],
)
def test_a_limit_says_when_to_ask_again(stack: Hosted, reply: Answer, pause_s: float) -> None:
    stack.host.refusals_of["pulls/create"] = reply
    stack.run()
    retry_at = stack.status["tagstream"]["retryAt"]
    due = (stack.clock.at + timedelta(seconds=pause_s)).strftime("%Y-%m-%dT%H:%M")
    assert retry_at.startswith(due)


def test_two_automations_of_one_push_branch_have_one_request(stack: Hosted) -> None:
    marked = b'image: app:v1.0.0 # {"$imagepolicy": "ns:web"}\n'
    commit_files(stack.bare, {"web.yaml": marked}, "another app")
    stack.ports.objects.put(automation_document(name="second"))
    stack.select("v2.0.0", "web")
    stack.run()
    (request,) = stack.host.requests
    assert "`v1.1.0`" in request.body and "`v2.0.0`" in request.body
    second = stack.ports.objects.get(AUTOMATION, NamespacedName("ns", "second"))
    assert second is not None and second.status["pullRequest"] == stack.request


def test_a_repository_of_an_unknown_host_is_told_which_annotation_it_needs(stack: Hosted) -> None:
    stack.ports.objects.annotate("GitRepository", APP, {"tagstream.dev/git-host": None})
    stack.run()
    assert stack.ready.startswith("InvalidPullRequest: annotation 'tagstream.dev/pull-request' needs to know the kind")
    assert stack.head() == ""


def test_the_checkout_branch_cannot_be_proposed_to_itself(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document(push="main"))
    stack.run()
    assert stack.ready == (
        "InvalidPullRequest: annotation 'tagstream.dev/pull-request' needs a spec.git.push.branch other than the"
        " checkout branch 'main'"
    )


def test_the_secret_for_the_api_may_be_another_one(stack: Hosted) -> None:
    stack.silent.secrets[NamespacedName("ns", "git")] = {"username": b"bot", "password": b"for Git alone"}
    stack.silent.secrets[NamespacedName("ns", "api")] = {"bearerToken": TOKEN.encode()}
    stack.annotate(api_secret="api")
    stack.run()
    assert stack.ready == "Succeeded: repository up-to-date"


def test_a_missing_secret_for_the_api_is_named(stack: Hosted) -> None:
    stack.annotate(api_secret="api")
    stack.run()
    assert stack.ready == (
        "PullRequestFailed: failed to get secret 'ns/api' for pull requests: secrets \"api\" not found"
    )


@pytest.mark.parametrize(
    ("kind", "labels"), [("gitlab", ["bot"]), ("gitea", ["bot"]), ("bitbucket-server", [])], ids=lambda one: str(one)
)
def test_the_life_of_a_request_is_the_same_on_every_host(
    ports: Ports, silent: Silent, tmp_path: Path, kind: GitHostKind, labels: list[str]
) -> None:
    with hosted(ports, silent, tmp_path, kind) as stack:
        stack.annotate(pull_request_labels="bot", pull_request_draft="true")
        stack.run()
        stack.select("v1.2.0")
        stack.run()
        stack.host.requests[0].checks = "passed"
        stack.run()
        assert (stack.request["state"], stack.request["checks"]) == ("open", "passed")
        stack.host.merge(stack.host.requests[0])
        stack.run()
        stack.select("v1.3.0")
        stack.run()
        stack.commit("v1.3.0")
        stack.run()
        assert [(one.title, one.state, one.labels, one.draft) for one in stack.host.requests] == [
            ("Update app to v1.2.0", "merged", labels, True),
            ("Update app to v1.3.0", "closed", labels, True),
        ]
        assert [one.partition(":")[0] for one in stack.told()] == [
            *("RequestOpened", "RequestUpdated", "RequestMerged", "RequestOpened", "RequestClosed"),
        ]


def test_after_a_delivery_of_the_host_a_closed_request_is_noticed_without_waiting(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    stack.run(after_s=1)
    assert stack.request["state"] == "open"
    deliver(stack)
    stack.run(after_s=1)
    assert (stack.request["state"], stack.request["closedBy"]) == ("closed", "a person")


def deliver(stack: Hosted) -> None:
    """The host sends an event."""
    request = QueuedRun(automations=(APP,), reason="webhook")
    message = QueueMessage(message_id="1", request=request, receipt="r", attempt=1, record={"messageId": "1"})
    process_messages([message], stack.ports.clock.monotonic_s() + 60, stack.ports)


def test_a_request_that_a_person_opens_again_is_noticed_when_the_host_says_so(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    stack.run()
    stack.host.requests[0].state = "open"
    stack.host.calls.clear()
    stack.run()
    assert (stack.request["state"], stack.host.calls) == ("closed", [])
    deliver(stack)
    stack.run(after_s=1)
    assert (stack.request["state"], "closedBy" in stack.request) == ("open", False)
    assert stack.told()[-1] == "RequestReopened: pull request #1 was opened again: Update app to v1.1.0"
    commit_files(stack.bare, {"README": b"other"}, "elsewhere")
    stack.run()
    assert stack.request["headCommit"] == stack.head()
    assert "refused" not in stack.request


def test_the_event_of_a_request_fits_into_a_key_however_long_the_branchs_name_is(stack: Hosted) -> None:
    branch = "/".join(["long" * 50] * 5)
    stack.ports.objects.put(automation_document(push=branch))
    stack.run()
    entries = stack.ports.ledger.read(stack.clock.at - timedelta(days=1), stack.clock.at + timedelta(days=1))
    opened = [one for one in entries if one.reason == "RequestOpened"]
    assert [len(one.identity) < 50 for one in opened] == [True]
