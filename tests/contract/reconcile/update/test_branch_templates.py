"""Push branches whose name is a template: one branch and one pull request for each policy, on a real Git server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.domain.objects.annotations import REVERTED
from tagstream.domain.objects.git_host import GitHostKind
from tagstream.domain.objects.intervention import Revert, revert_text
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.pull_requests import HostAccess, PullRequests
from tagstream.reconcile.update.automations import run_automations
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.update.hosted import (
    AUTOMATION,
    WRITES,
    CutOff,
    Hosted,
    automation_document,
    hosted,
)
from tests.contract.reconciling import APP, Silent, document, run, target_of
from tests.embedded.git_hosts.host import Answer
from tests.embedded.git_server import commit_files, git
from tests.embedded.single_writes import put_status

TAGGED = "images/{{ .Policy }}-{{ .NewTag }}"
MOVED = "images/{{ .Policy }}"
API = b'image: app:v1.0.0 # {"$imagepolicy": "ns:api"}\n'


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    with begun(ports, silent, tmp_path) as made:
        yield made


def begun(ports: Ports, silent: Silent, root: Path, kind: GitHostKind = "github") -> Any:
    """A stack with two policies, whose markers are in two files."""
    made = hosted(ports, silent, root, kind)

    class Begun:
        def __enter__(self) -> Hosted:
            stack: Hosted = made.__enter__()
            for name in ("app", "api"):
                policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "x"}})
                policy["metadata"]["name"] = name
                stack.ports.objects.put(policy)
            commit_files(stack.bare, {"api.yaml": API}, "another image")
            stack.ports.objects.put(automation_document(TAGGED))
            stack.select("v2.1.0", "api")
            return stack

        def __exit__(self, *problem: Any) -> None:
            made.__exit__(*problem)

    return Begun()


def branches(stack: Hosted) -> list[str]:
    """The branches of the repository, but for main."""
    found = git("for-each-ref", "--format=%(refname:short)", "refs/heads", folder=stack.bare).split()
    return [one for one in found if one != "main"]


def kept(stack: Hosted) -> dict[str, Any]:
    """The request of each branch in the status, as number and state."""
    found = stack.status["pushBranches"]
    return {one["branch"]: (one["pullRequest"]["number"], one["pullRequest"]["state"]) for one in found}


def shown(stack: Hosted) -> list[tuple[str, str]]:
    return [(one.head, one.state) for one in stack.host.requests]


def changed(stack: Hosted, branch: str) -> list[str]:
    """The lines that a branch adds to main."""
    lines = git("diff", "main", branch, folder=stack.bare).splitlines()
    return [line[1:].split(" #")[0] for line in lines if line.startswith("+image")]


def in_doubt(stack: Hosted) -> list[str]:
    """The branches of which the lease says that a commit may or may not have been pushed."""
    [source] = stack.ports.objects.list("GitRepository")
    spec: Any = source.document["spec"]
    return [one.branch for one in stack.ports.leases.intents(target_of(spec["url"], TAGGED))]


def test_each_policy_has_a_branch_and_a_request_with_its_changes_only(stack: Hosted) -> None:
    stack.run()
    assert branches(stack) == ["images/api-v2.1.0", "images/app-v1.1.0"]
    assert changed(stack, "images/api-v2.1.0") == ["image: app:v2.1.0"]
    assert changed(stack, "images/app-v1.1.0") == ["image: app:v1.1.0"]
    assert [(one.head, one.base, one.title) for one in stack.host.requests] == [
        ("images/api-v2.1.0", "main", "Update app to v2.1.0"),
        ("images/app-v1.1.0", "main", "Update app to v1.1.0"),
    ]
    assert kept(stack) == {"images/api-v2.1.0": ("1", "open"), "images/app-v1.1.0": ("2", "open")}
    assert stack.ready == "Succeeded: repository up-to-date"


def test_a_run_without_news_asks_the_git_server_only(stack: Hosted) -> None:
    stack.run()
    stack.host.calls.clear()
    life = Life()
    stack.run(after_s=30, ports=life.ports(stack.ports))
    assert stack.host.calls == []
    assert "outlet.send" not in life.calls and "leases.acquire" not in life.calls


def test_open_requests_are_read_once_an_interval(stack: Hosted) -> None:
    stack.run()
    stack.host.calls.clear()
    stack.host.requests[1].checks = "passed"
    stack.run()
    assert stack.host.calls == ["graphql", "graphql"]
    assert [one["pullRequest"]["checks"] for one in stack.status["pushBranches"]] == ["none", "passed"]


def test_a_newer_tag_has_its_own_branch_and_the_older_request_is_closed_with_a_comment(stack: Hosted) -> None:
    stack.run()
    stack.select("v1.2.0")
    stack.run()
    assert shown(stack) == [
        ("images/api-v2.1.0", "open"),
        ("images/app-v1.1.0", "closed"),
        ("images/app-v1.2.0", "open"),
    ]
    assert stack.host.requests[1].comments == ["tagstream closed this request: #3 has newer changes of its policies."]
    assert branches(stack) == ["images/api-v2.1.0", "images/app-v1.2.0"]
    assert kept(stack) == {"images/api-v2.1.0": ("1", "open"), "images/app-v1.2.0": ("3", "open")}
    assert stack.told()[2:] == [
        "RequestClosed: pull request #2 was closed by tagstream: Update app to v1.1.0",
        "RequestOpened: opened pull request #3: Update app to v1.2.0",
    ]


@pytest.mark.parametrize(("kind", "newer"), [("gitlab", "!3"), ("gitea", "#3")])
def test_the_comment_names_the_newer_request_as_its_host_does(
    ports: Ports, silent: Silent, tmp_path: Path, kind: GitHostKind, newer: str
) -> None:
    with begun(ports, silent, tmp_path, kind) as stack:
        stack.run()
        stack.select("v1.2.0")
        stack.run()
        assert stack.host.requests[1].comments == [
            f"tagstream closed this request: {newer} has newer changes of its policies."
        ]


def test_without_the_tag_in_its_name_the_branch_is_moved_and_the_request_kept_current(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document(MOVED))
    stack.run()
    stack.select("v1.2.0")
    stack.run()
    assert shown(stack) == [("images/api", "open"), ("images/app", "open")]
    assert stack.host.requests[1].title == "Update app to v1.2.0"
    assert changed(stack, "images/app") == ["image: app:v1.2.0"]


def test_the_branch_of_a_merged_request_is_removed_and_the_others_are_made_on_the_new_base(stack: Hosted) -> None:
    stack.run()
    stack.host.merge(stack.host.requests[1])
    stack.run()
    assert branches(stack) == ["images/api-v2.1.0"]
    assert kept(stack) == {"images/api-v2.1.0": ("1", "open")}
    assert git("merge-base", "main", "images/api-v2.1.0", folder=stack.bare) == git(
        "rev-parse", "main", folder=stack.bare
    )
    assert "RequestMerged: pull request #2 was merged: Update app to v1.1.0" in stack.told()


def test_a_request_that_a_person_has_closed_stays_closed_until_a_newer_tag(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[1].state = "closed"
    stack.run()
    commit_files(stack.bare, {"README": b"other"}, "elsewhere")
    stack.run()
    assert kept(stack)["images/app-v1.1.0"] == ("2", "closed")
    stack.select("v1.2.0")
    stack.run()
    assert shown(stack)[1:] == [("images/app-v1.1.0", "closed"), ("images/app-v1.2.0", "open")]
    assert stack.host.requests[1].comments == []


def test_a_request_to_whose_branch_somebody_has_committed_is_left_open(stack: Hosted) -> None:
    stack.run()
    commit_files(stack.bare, {"other": b"x"}, "a person adds to the branch", "images/app-v1.1.0")
    stack.select("v1.2.0")
    stack.run()
    assert ("images/app-v1.1.0", "open") in shown(stack)
    assert "images/app-v1.1.0" in branches(stack)
    assert kept(stack)["images/app-v1.1.0"] == ("2", "open")


def test_policies_whose_branches_have_one_name_share_a_branch_and_a_request(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document("images/{{ .NewTag }}"))
    stack.select("v1.1.0", "api")
    stack.run()
    assert shown(stack) == [("images/v1.1.0", "open")]
    assert changed(stack, "images/v1.1.0") == ["image: app:v1.1.0", "image: app:v1.1.0"]
    assert stack.status["pushBranches"][0]["policies"] == ["api", "app"]


def test_a_tag_that_makes_no_name_of_a_branch_stops_none_of_the_others(stack: Hosted) -> None:
    stack.select("v2..2", "api")
    stack.run()
    assert shown(stack) == [("images/app-v1.1.0", "open")]
    assert stack.ready == (
        'InvalidPushBranch: invalid push branch: "images/api-v2..2" is no name of a Git branch'
        " (policy 'ns/api', tag 'v2..2')"
    )


def test_what_has_arrived_is_not_looked_for_again_though_another_branch_fails_for_good(stack: Hosted) -> None:
    stack.select("v2..2", "api")
    stack.run()
    git("config", "receive.denyDeletes", "true", folder=stack.bare)
    stack.commit("v1.1.0")
    stack.run()
    pushed_at = stack.status["lastPushTime"]
    life = Life()
    stack.run(after_s=3600, ports=life.ports(stack.ports))
    assert "images/app-v1.1.0" in branches(stack)
    assert kept(stack) == {}
    assert stack.status["lastPushTime"] == pushed_at
    assert "leases.intents" not in life.calls and "outlet.send" not in life.calls


def test_only_the_branch_that_the_server_refuses_stays_in_doubt(stack: Hosted) -> None:
    hook = refuse_pushes(stack, "test $1 = refs/heads/images/api-v2.1.0")
    stack.run()
    assert in_doubt(stack) == ["images/api-v2.1.0"]
    hook.unlink()
    stack.run(after_s=3600)
    assert in_doubt(stack) == []
    assert stack.ready == "Succeeded: repository up-to-date"


def test_a_push_whose_answer_is_lost_is_told_by_the_next_run_though_others_follow_it(stack: Hosted) -> None:
    stack.run(ports=replace(stack.ports, outlet=CutOff(stack.ports.outlet)))
    assert in_doubt(stack) == ["images/api-v2.1.0"]
    stack.run(after_s=3600)
    entries = stack.ports.ledger.read(stack.clock.at - timedelta(days=1), stack.clock.at)
    pushed = [one.message.split("'")[3] for one in entries if "pushed commit" in one.message]
    assert sorted(pushed) == ["images/api-v2.1.0", "images/app-v1.1.0"]
    assert in_doubt(stack) == []


def test_the_branch_of_another_automation_is_not_touched(stack: Hosted) -> None:
    other = automation_document("images/app-v1.1.0", "other")
    del other["metadata"]["annotations"]
    stack.ports.objects.put(other)
    stack.run()
    assert shown(stack) == [("images/api-v2.1.0", "open")]
    assert "'images/app-v1.1.0' is a push branch of ImageUpdateAutomation 'ns/other'" in stack.ready


def test_a_template_takes_over_the_request_of_the_branch_before(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document("updates"))
    stack.run()
    stack.ports.objects.put(automation_document(MOVED))
    stack.run()
    assert shown(stack) == [("updates", "closed"), ("images/api", "open"), ("images/app", "open")]
    assert branches(stack) == ["images/api", "images/app"]
    assert "pullRequest" not in stack.status


def test_the_annotation_has_the_template_and_flux_goes_on_with_its_branch(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document("updates", push_branch_template=MOVED))
    stack.run()
    assert shown(stack) == [("images/api", "open"), ("images/app", "open")]
    stack.annotate(push_branch_template=None)
    stack.run()
    assert shown(stack)[:2] == [("images/api", "closed"), ("images/app", "closed")]
    assert shown(stack)[2:] == [("updates", "open")]
    assert "pushBranches" not in stack.status


def test_without_the_annotation_for_requests_there_are_branches_only(stack: Hosted) -> None:
    stack.annotate(pull_request=None)
    stack.run()
    stack.select("v1.2.0")
    stack.run()
    assert branches(stack) == ["images/api-v2.1.0", "images/app-v1.2.0"]
    assert stack.host.calls == []


def test_a_host_that_refuses_one_request_is_asked_again_for_that_one_only(stack: Hosted) -> None:
    stack.host.refusals_of["pulls/create"] = Answer(status=403, document={"message": "no right to open requests"})
    stack.run()
    assert stack.ready.startswith("PullRequestFailed")
    assert len(stack.host.requests) == 1
    stack.run(after_s=3600)
    assert len(stack.host.requests) == 2
    assert stack.ready == "Succeeded: repository up-to-date"


def refuse_pushes(stack: Hosted, words: str) -> Path:
    """Have the Git server refuse the refs for which a line of shell is true; ``$1`` is the name."""
    hook = stack.bare / "hooks" / "update"
    hook.write_text(f"#!/bin/sh\n! {words}\n")
    hook.chmod(0o755)
    return hook


@pytest.mark.parametrize("refused", ["branch", "request"])
def test_an_older_request_stays_until_the_newer_one_is_there(stack: Hosted, refused: str) -> None:
    stack.run()
    stack.select("v1.2.0")
    if refused == "request":
        stack.host.refusals_of["pulls/create"] = Answer(status=403, document={"message": "no right"})
    else:
        hook = refuse_pushes(stack, "test $1 = refs/heads/images/app-v1.2.0")
    stack.run()
    assert ("images/app-v1.1.0", "open") in shown(stack)
    assert "images/app-v1.1.0" in branches(stack)
    if refused == "branch":
        hook.unlink()
    stack.run(after_s=3600)
    assert shown(stack)[1:] == [("images/app-v1.1.0", "closed"), ("images/app-v1.2.0", "open")]
    assert stack.host.requests[1].comments == ["tagstream closed this request: #3 has newer changes of its policies."]
    assert set(kept(stack)) == {"images/api-v2.1.0", "images/app-v1.2.0"}


def test_a_branch_makes_room_for_those_that_are_named_below_it(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document(MOVED))
    stack.run()
    stack.ports.objects.put(automation_document("images/{{ .Policy }}/{{ .NewTag }}"))
    stack.run()
    assert branches(stack) == ["images/api/v2.1.0", "images/app/v1.1.0"]
    assert [state for _, state in shown(stack)] == ["closed", "closed", "open", "open"]
    assert "now pushes to another branch" in stack.host.requests[0].comments[0]
    assert stack.ready == "Succeeded: repository up-to-date"


def test_a_branch_before_the_template_makes_room_without_requests_too(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document("updates"))
    stack.annotate(pull_request=None)
    stack.run()
    assert branches(stack) == ["updates"]
    stack.annotate(push_branch_template="updates/{{ .Policy }}")
    stack.run()
    assert branches(stack) == ["updates/api", "updates/app"]
    assert stack.ready == "Succeeded: repository up-to-date"


def test_a_template_s_requests_are_not_those_of_another_repository(stack: Hosted) -> None:
    stack.run()
    commit_files(stack.bare, {"other": b"x"}, "a person's work", "feature")
    for one in stack.host.requests:
        git("update-ref", "-d", f"refs/heads/{one.head}", folder=stack.bare)
        one.head, one.title, one.body = "feature", "Mine", "by a person"
    stack.select("v1.2.0")
    stack.run()
    assert [(one.title, one.body, one.state, one.comments) for one in stack.host.requests[:2]] == [
        ("Mine", "by a person", "open", [])
    ] * 2
    assert ("images/app-v1.2.0", "open") in shown(stack)


def test_the_branch_that_a_checkout_names_in_full_is_not_pushed_to(stack: Hosted) -> None:
    git("branch", "app", "main", folder=stack.bare)
    before = stack.head("app")
    document = automation_document("{{ .Policy }}")
    document["spec"]["git"]["checkout"] = {"ref": {"name": "refs/heads/app"}}
    stack.ports.objects.put(document)
    stack.run()
    assert stack.head("app") == before
    assert "'app' is the branch that commits are merged into" in stack.ready
    assert shown(stack) == [("api", "open")]


def test_a_branch_that_another_automation_still_pushes_to_is_left_to_it(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document("updates"))
    stack.ports.objects.put(automation_document("updates", "other"))
    stack.run()
    stack.ports.objects.put(automation_document(MOVED))
    stack.run()
    assert shown(stack) == [("updates", "open"), ("images/api", "open"), ("images/app", "open")]
    assert "updates" in branches(stack)
    assert set(kept(stack)) == {"images/api", "images/app"}


def test_the_request_of_a_branch_of_a_template_that_another_automation_still_has_is_left_open(stack: Hosted) -> None:
    for name in ("app", "other"):
        stack.ports.objects.put(automation_document(MOVED, name))
    stack.run()
    stack.ports.objects.put(automation_document("updates"))
    stack.run()
    assert shown(stack) == [("images/api", "open"), ("images/app", "open"), ("updates", "open")]


def test_a_server_that_lets_no_branch_go_stops_nothing(stack: Hosted) -> None:
    stack.run()
    git("config", "receive.denyDeletes", "true", folder=stack.bare)
    stack.select("v1.2.0")
    stack.run()
    assert stack.ready == "Succeeded: repository up-to-date"
    assert ("images/app-v1.1.0", "closed") in shown(stack)
    assert set(kept(stack)) == {"images/api-v2.1.0", "images/app-v1.2.0"}
    entries = stack.ports.ledger.read(stack.clock.at - timedelta(hours=1), stack.clock.at)
    assert [one.severity for one in entries if "and stays: " in one.message] == ["error"]


def test_requests_stay_open_when_the_annotation_for_requests_is_removed(stack: Hosted) -> None:
    stack.run()
    stack.annotate(pull_request=None)
    stack.run()
    stack.select("v1.2.0")
    stack.run()
    assert shown(stack)[1:] == [("images/app-v1.1.0", "open")]
    assert branches(stack) == ["images/api-v2.1.0", "images/app-v1.1.0", "images/app-v1.2.0"]
    assert stack.ready == "Succeeded: repository up-to-date"


def test_a_branch_that_a_person_has_deleted_with_its_request_is_not_made_again(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[1].state = "closed"
    git("update-ref", "-d", "refs/heads/images/app-v1.1.0", folder=stack.bare)
    for number in range(2):
        commit_files(stack.bare, {"README": str(number).encode()}, "elsewhere")
        stack.run()
        assert branches(stack) == ["images/api-v2.1.0"]
    life = Life()
    stack.run(after_s=30, ports=life.ports(stack.ports))
    assert "leases.acquire" not in life.calls
    stack.select("v1.2.0")
    stack.run()
    assert branches(stack) == ["images/api-v2.1.0", "images/app-v1.2.0"]


@pytest.mark.parametrize("why", ["not selected", "reverted", "not needed"])
def test_a_request_is_closed_with_the_reason_of_its_own_case(stack: Hosted, why: str) -> None:
    stack.run()
    if why == "not selected":
        document = automation_document(TAGGED)
        document["spec"]["policySelector"] = {"matchLabels": {"team": "other"}}
        stack.ports.objects.put(document)
    elif why == "reverted":
        # Another automation of the policy has found this.
        revert = Revert(rejected="v1.1.0", found="v1.0.0", file="other.yaml", at=stack.clock.at)
        stack.ports.objects.annotate("ImagePolicy", APP, {REVERTED: revert_text(revert)})
        commit_files(stack.bare, {"README": b"other"}, "elsewhere")
    else:
        stack.commit("v1.1.0")
    stack.run()
    words = {
        "not selected": "its automation does not select its policies any more",
        "reverted": "its changes were reverted on its base branch",
        "not needed": "its base branch needs none of these changes any more",
    }
    assert stack.host.requests[1].comments == [f"tagstream closed this request: {words[why]}."]


def test_a_worker_that_dies_at_any_step_leaves_one_request_for_each_policy(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    def prepared(number: int) -> Any:
        folder = tmp_path / str(number)
        folder.mkdir()
        put_status(ports.objects, AUTOMATION, APP, {})
        return begun(ports, silent, folder)

    def prepare(stack: Hosted) -> None:
        stack.select("v1.0.0", "api")
        stack.run()
        stack.select("v1.2.0")
        stack.select("v2.2.0", "api")

    with prepared(0) as stack:
        prepare(stack)
        life = Life()
        stack.run(ports=life.ports(stack.ports))
    deaths = [number for number, call in enumerate(life.calls, start=1) if call in WRITES]
    assert len(deaths) > 8
    for at in deaths:
        with prepared(at) as stack:
            # What the lives before have told is over.
            stack.clock.at += timedelta(days=2 * at)
            prepare(stack)
            with pytest.raises(Killed):
                stack.run(ports=Life(ends_at=at).ports(stack.ports))
            stack.run(after_s=3600)
            opened = [("images/api-v2.2.0", "open"), ("images/app-v1.2.0", "open")]
            assert shown(stack) == [("images/app-v1.1.0", "closed"), *opened], at
            assert branches(stack) == ["images/api-v2.2.0", "images/app-v1.2.0"], at
            assert set(kept(stack)) == {"images/api-v2.2.0", "images/app-v1.2.0"}
            entries = stack.ports.ledger.read(stack.clock.at - timedelta(days=1), stack.clock.at)
            told = Counter(one.reason for one in entries if one.reason.startswith("Request"))
            assert told == {"RequestOpened": 3, "RequestClosed": 1}, at
            assert sum("is removed" in one.message for one in entries) == 1, at
            assert sum("pushed commit" in one.message for one in entries) == 3, at
            assert stack.ready == "Succeeded: repository up-to-date"


def test_a_revert_is_honoured_though_another_branch_of_the_template_fails(stack: Hosted) -> None:
    stack.select("v2..2", "api")
    stack.run()
    stack.host.merge(stack.host.requests[0])
    stack.run()
    stack.commit("v1.0.0")
    stack.run()
    assert shown(stack) == [("images/app-v1.1.0", "merged")]
    assert stack.status["revertedPolicies"] == ["app"]
    assert stack.ready.startswith("InvalidPushBranch")


def test_a_host_that_asks_for_a_pause_is_left_alone_by_all_branches_until_it_is_over(stack: Hosted) -> None:
    limit = {"message": "You have exceeded a secondary rate limit"}
    stack.host.refusals = [Answer(status=403, document=limit, headers={"Retry-After": "300"})]
    stack.run()
    assert len(stack.host.calls) <= 1
    assert branches(stack) == ["images/api-v2.1.0", "images/app-v1.1.0"]
    stack.host.calls.clear()
    stack.select("v1.2.0")
    stack.run(after_s=120)
    assert stack.host.calls == []
    assert "limits requests and is left alone until 2026-11-27T10:06:00Z" in stack.ready
    stack.run(after_s=300)
    assert [one.head for one in stack.host.requests] == ["images/api-v2.1.0", "images/app-v1.2.0"]
    assert stack.ready == "Succeeded: repository up-to-date"


@dataclass(frozen=True)
class SlowHosts:
    """Hosts of which each conversation takes six seconds."""

    stack: Hosted

    def of(self, access: HostAccess) -> PullRequests:
        self.stack.clock.sleep(6.0)
        return self.stack.ports.git_hosts.of(access)


def test_more_branches_than_a_run_has_time_for_are_proposed_by_the_next_runs(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document(MOVED))
    for name in ("p1", "p2", "p3"):
        policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "x"}})
        policy["metadata"]["name"] = name
        stack.ports.objects.put(policy)
        commit_files(stack.bare, {f"{name}.yaml": API.replace(b"ns:api", f"ns:{name}".encode())}, name)
        stack.select("v1.3.0", name)
    slow = replace(stack.ports, git_hosts=SlowHosts(stack))

    def proposed() -> int:
        stack.clock.at += timedelta(minutes=15)
        run(slow, left_s=15.0)
        return len(stack.host.requests)

    first = proposed()
    assert 0 < first < 5
    assert stack.ready.startswith("PutOff: no time is left for all pull requests of the template")
    assert first < proposed() < 5
    assert proposed() == 5
    proposed()
    assert stack.ready == "Succeeded: repository up-to-date"
    assert [one.state for one in stack.host.requests] == ["open"] * 5


def test_two_automations_leave_the_branch_that_they_shared_together_or_one_by_one(stack: Hosted) -> None:
    other = NamespacedName("ns", "other")
    for name, path in (("app", "app.yaml"), ("other", "api.yaml")):
        made = automation_document("images/{{ .NewTag }}", name)
        stack.ports.objects.put({**made, "spec": {**made["spec"], "update": {"path": path, "strategy": "Setters"}}})

    def run_both(app: str, api: str) -> None:
        stack.clock.at += timedelta(minutes=1)
        stack.select(app)
        stack.select(api, "api")
        run_automations([APP, other], "worker", stack.ports.clock.monotonic_s() + 60, stack.ports)

    run_both("v1.1.0", "v1.1.0")
    assert shown(stack) == [("images/v1.1.0", "open")]
    run_both("v1.2.0", "v1.2.0")
    assert shown(stack) == [("images/v1.1.0", "closed"), ("images/v1.2.0", "open")]
    assert branches(stack) == ["images/v1.2.0"]
    run_both("v1.2.0", "v1.3.0")
    assert shown(stack)[1:] == [("images/v1.2.0", "open"), ("images/v1.3.0", "open")]
    kept_by_other = stack.ports.objects.get(AUTOMATION, other)
    assert kept_by_other is not None
    assert [one["branch"] for one in kept_by_other.status["pushBranches"]] == ["images/v1.3.0"]  # type: ignore[attr-defined]
    life = Life()
    stack.clock.at += timedelta(minutes=1)
    run_automations([APP, other], "worker", stack.ports.clock.monotonic_s() + 60, life.ports(stack.ports))
    assert "leases.acquire" not in life.calls
