"""``tagstream preview`` of automations with pull requests: it says what the next run does, and writes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagstream.domain.calendar.hand_freeze import HandFreeze, Scope
from tagstream.domain.objects.model import WINDOW, NamespacedName
from tagstream.domain.objects.pull_request import PULL_REQUEST
from tagstream.ports.bundle import Ports
from tagstream.reconcile.update.automations import run_automations
from tagstream.reconcile.update.requests.keeping import NOTHING_LEFT
from tests.contract.cli.test_preview import READING
from tests.contract.mortal_ports import Life
from tests.contract.reconcile.update.hosted import AUTOMATION, BRANCH, TOKEN, Hosted, automation_document, hosted
from tests.contract.reconciling import APP, MARKED, Silent, document
from tests.embedded.git_hosts.host import Answer
from tests.embedded.git_server import commit_files, git
from tests.house.source_files import ROOT
from tests.unit.cli.memory_ports import Outcome, command

PAGE = (ROOT / "docs/preview.md").read_text()
# What the objects of these tests are called on the page.
NAMES = {"ns/app": "apps/fleet", "ns:app": "apps:web", "v1.0.0": "1.4.1", "v1.1.0": "1.4.2", "v1.2.0": "1.4.3"} | {
    text: text.replace("app", "web")
    for text in ("images/app-", "Update app", "of app by", "[`app`]", "/_/app/", "app.yaml", "image: app:")
}
TAGGED = "images/{{ .Policy }}-{{ .NewTag }}"
HOSTED = READING | {"git_hosts.of", "git_hosts.of.read", "git_hosts.of.newest"}


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    with hosted(ports, silent, tmp_path, "github") as made:
        for name in ("app", "api"):
            policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "x"}})
            policy["metadata"]["name"] = name
            made.ports.objects.put(policy)
        yield made


def seen(stack: Hosted) -> object:
    """What people see of the requests, all refs, and the automation's status."""
    # The fake finds out what the head of a request is when it is asked.
    requests = [replace(one, commit="", comments=list(one.comments)) for one in stack.host.requests]
    return requests, git("for-each-ref", folder=stack.bare), stack.status


def preview(stack: Hosted, *arguments: str | Path) -> Outcome:
    """Preview the namespace, and see to it that nothing was written, neither here nor there."""
    before = seen(stack)
    life = Life()
    done = command("preview", "-n", "ns", *arguments, ports=life.ports(stack.ports))
    assert {one for one in life.calls if one not in HOSTED and not one.startswith("git.open.")} == set()
    assert "git.open.push" not in life.calls
    assert seen(stack) == before
    return done


def found(stack: Hosted, *arguments: str | Path) -> list[Any]:
    done = preview(stack, "-o", "json", *arguments)
    assert done.code == 0, done.err + done.out
    previews: list[Any] = json.loads(done.out)["automations"]
    return previews


def foretold(previews: list[Any]) -> list[tuple[object, ...]]:
    """What the preview says of requests, each with what people would see of it."""
    requests = [one["pullRequest"] for one in previews if one["pullRequest"] is not None]
    requests += [other for one in previews for other in one["otherPullRequests"]]
    told: list[tuple[object, ...]] = []
    for one in requests:
        if one["action"] == "open":
            once = (*one["labels"], *one["reviewers"], one["draft"], one["autoMerge"])
            told.append(("open", one["branch"], one["title"], one["body"], *once))
        elif one["action"] == "update":
            told.append(("update", one["number"], one["title"], one["body"]))
        elif one["action"] == "close":
            told.append(("close", one["number"], one["comment"]))
    return sorted(told, key=str)


def happened(stack: Hosted, before: list[Any]) -> list[tuple[object, ...]]:
    """What has become of the host's requests, in the same form."""
    known, seen = {one.number: one for one in before}, []
    for one in stack.host.requests:
        old = known.get(one.number)
        if old is None:
            once = (*one.labels, *one.reviewers, one.draft, one.auto_merge)
            seen.append(("open", one.head, one.title, one.body, *once))
        elif one.state != old.state:
            # GitHub closes a request by itself once its branch has nothing of its own, and then nobody comments.
            seen.append(("close", str(one.number), one.comments[-1] if one.comments else NOTHING_LEFT))
        elif (one.title, one.body) != (old.title, old.body):
            seen.append(("update", str(one.number), one.title, one.body))
    return sorted(seen, key=str)


def branches(stack: Hosted) -> dict[str, str]:
    lines = git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads", folder=stack.bare).splitlines()
    return dict(line.split() for line in lines)


def nothing_is_open(stack: Hosted) -> None:
    """The first tag is proposed."""


def everything_is_asked_for(stack: Hosted) -> None:
    stack.annotate(
        pull_request_title="Deploy {{ range .Changed.Changes }}{{ .NewValue }}{{ end }}",
        pull_request_body="From {{ .AutomationObject }}\n\n{{ .Table }}",
        pull_request_labels="images",
        pull_request_reviewers="alice",
        pull_request_draft="true",
    )


def a_newer_tag_follows(stack: Hosted) -> None:
    stack.run()
    stack.select("v1.2.0")


def the_base_has_the_tag(stack: Hosted) -> None:
    stack.run()
    stack.commit("v1.1.0")


def the_push_branch_is_another_one(stack: Hosted) -> None:
    stack.run()
    stack.ports.objects.put(automation_document("others"))


def each_policy_has_a_branch(stack: Hosted) -> None:
    commit_files(stack.bare, {"api.yaml": b'image: app:v1.0.0 # {"$imagepolicy": "ns:api"}\n'}, "another image")
    stack.ports.objects.put(automation_document(TAGGED, pull_request_auto_merge="squash"))
    stack.select("v2.1.0", "api")


def a_newer_tag_has_a_branch_of_its_own(stack: Hosted) -> None:
    each_policy_has_a_branch(stack)
    stack.run()
    stack.select("v1.2.0")


def a_policy_of_a_template_has_nothing_to_offer(stack: Hosted) -> None:
    each_policy_has_a_branch(stack)
    stack.run()
    stack.commit("v1.1.0")


def a_person_has_closed_it(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    stack.run()


def other_changes_follow_a_closed_one(stack: Hosted) -> None:
    a_person_has_closed_it(stack)
    stack.select("v1.2.0")


def nothing_has_changed(stack: Hosted) -> None:
    stack.run()


def a_request_was_merged_and_a_newer_tag_follows(stack: Hosted) -> None:
    stack.run()
    stack.host.merge(stack.host.requests[0])
    stack.run()
    stack.select("v1.2.0")


def a_person_has_closed_it_and_deleted_the_branch(stack: Hosted) -> None:
    stack.run()
    stack.host.requests[0].state = "closed"
    git("update-ref", "-d", f"refs/heads/{BRANCH}", folder=stack.bare)


def somebody_has_committed_to_the_branch_of_the_older_tag(stack: Hosted) -> None:
    each_policy_has_a_branch(stack)
    stack.run()
    commit_files(stack.bare, {"more.txt": b"mine"}, "by hand", branch="images/app-v1.1.0")
    stack.select("v1.2.0")


def a_template_follows_a_branch(stack: Hosted) -> None:
    stack.run()
    stack.ports.objects.put(automation_document(TAGGED))


def a_branch_follows_a_template(stack: Hosted) -> None:
    each_policy_has_a_branch(stack)
    stack.run()
    stack.ports.objects.put(automation_document(BRANCH))


def a_policy_of_a_template_is_not_selected_any_more(stack: Hosted) -> None:
    each_policy_has_a_branch(stack)
    stack.run()
    document = automation_document(TAGGED, pull_request_auto_merge="squash")
    document["spec"]["policySelector"] = {"matchLabels": {"team": "a"}}
    stack.ports.objects.put(document)


def a_request_of_a_person_is_open(stack: Hosted) -> None:
    git("update-ref", f"refs/heads/{BRANCH}", "refs/heads/main", folder=stack.bare)
    commit_files(stack.bare, {"more.txt": b"mine"}, "by hand", branch=BRANCH)
    stack.host.made(BRANCH, "main", "mine", body="my words")


SCENES: dict[str, tuple[Callable[[Hosted], None], Mapping[str, str]]] = {
    one.__name__: (one, pushed)
    for one, pushed in (
        (nothing_is_open, {BRANCH: "create"}),
        (everything_is_asked_for, {BRANCH: "create"}),
        (a_newer_tag_follows, {BRANCH: "update"}),
        (the_base_has_the_tag, {BRANCH: "reset"}),
        (the_push_branch_is_another_one, {"others": "create"}),
        (each_policy_has_a_branch, {"images/api-v2.1.0": "create", "images/app-v1.1.0": "create"}),
        (a_newer_tag_has_a_branch_of_its_own, {"images/app-v1.2.0": "create", "images/app-v1.1.0": "delete"}),
        (a_policy_of_a_template_has_nothing_to_offer, {"images/api-v2.1.0": "update", "images/app-v1.1.0": "delete"}),
        (a_person_has_closed_it, {}),
        (other_changes_follow_a_closed_one, {BRANCH: "update"}),
        (nothing_has_changed, {}),
        (a_request_was_merged_and_a_newer_tag_follows, {BRANCH: "create"}),
        (a_person_has_closed_it_and_deleted_the_branch, {}),
        (somebody_has_committed_to_the_branch_of_the_older_tag, {"images/app-v1.2.0": "create"}),
        (a_template_follows_a_branch, {"images/app-v1.1.0": "create", BRANCH: "delete"}),
        (a_branch_follows_a_template, {BRANCH: "create"}),
        (
            a_policy_of_a_template_is_not_selected_any_more,
            {"images/api-v2.1.0": "delete", "images/app-v1.1.0": "delete"},
        ),
        (a_request_of_a_person_is_open, {BRANCH: "update"}),
    )
}


@pytest.mark.parametrize("scene", SCENES)
def test_the_preview_foretells_branches_and_requests_of_the_next_run(stack: Hosted, scene: str) -> None:
    prepare, pushed = SCENES[scene]
    prepare(stack)
    stack.clock.at += timedelta(seconds=60)
    previews = found(stack)
    told, moved = foretold(previews), {one["branch"]: one["push"] for one in previews if one["push"]}
    before, heads = deepcopy(stack.host.requests), branches(stack)
    stack.run(after_s=0)
    new = str(len(before) + 1)
    assert [tuple(str(part).replace("<new>", new) for part in one) for one in told] == [
        tuple(map(str, one)) for one in happened(stack, before)
    ]
    after = branches(stack)
    assert moved == pushed
    assert {name for name in {*heads, *after} if heads.get(name) != after.get(name)} == moved.keys()
    assert stack.host.problems == []


def test_what_would_be_opened_is_printed_with_everything_that_people_would_see(stack: Hosted) -> None:
    everything_is_asked_for(stack)
    stack.annotate(pull_request_auto_merge="squash", pull_request_labels="images, bot")
    lines = preview(stack).out.splitlines()
    assert [line for line in lines if line.startswith("# ") and "may be" not in line and "made on" not in line] == [
        "# ImageUpdateAutomation ns/app to updates",
        "# the branch updates is new",
        "#     Update from image update automation",
        "# a pull request is opened as a draft",
        "#     title: Deploy app:v1.1.0",
        "#     labels: images, bot",
        "#     reviewers: alice",
        "#     auto-merge: squash",
        "#     body:",
        "#       From ns/app",
        "#       | Image | Old | New | File |",
        "#       |---|---|---|---|",
        "#       | [`app`](https://hub.docker.com/_/app/tags?name=v1.1.0) | `v1.0.0` | `v1.1.0` | `app.yaml` |",
    ]
    assert "+image: app:v1.1.0" in "\n".join(lines)


def test_the_example_of_the_page_is_what_the_verb_prints(stack: Hosted) -> None:
    hours = "Mon-Fri 09:00-17:00 Europe/Berlin"
    wanted = automation_document(TAGGED, pull_request_labels="images, bot", pull_request_auto_merge="squash")
    stack.ports.objects.put(wanted)
    stack.run()
    stack.annotate(window=hours)
    stack.select("v1.2.0")
    stack.clock.at += timedelta(days=1)
    shown = re.sub(r"sha1:\w+", "sha1:0", preview(stack, "app").out)
    for here, there in NAMES.items():
        shown = shown.replace(here, there)
    [example] = re.findall(r"^\$ tagstream preview fleet -n apps\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown == re.sub(r"sha1:\w+", "sha1:0", example)


def test_a_request_that_a_person_has_closed_is_said_to_stay_closed(stack: Hosted) -> None:
    a_person_has_closed_it(stack)
    shown = preview(stack).out
    assert "# nothing would change\n" in shown
    assert "stays closed: it was closed by a person\n" in shown


def test_a_request_without_news_is_said_to_stay_open(stack: Hosted) -> None:
    stack.run()
    assert "# pull request #1 https://github.example/acme/fleet/pull/1 stays as it is: open\n" in preview(stack).out


def test_the_request_is_shown_though_a_window_holds_it(stack: Hosted) -> None:
    stack.annotate(window="Mon 09:00-17:00")
    [one] = found(stack)
    assert (one["departure"]["answer"], one["departure"]["until"]) == ("wait", "2026-11-30T09:00:00Z")
    assert (one["pullRequest"]["action"], one["pullRequest"]["title"]) == ("open", "Update app to v1.1.0")


def test_pull_requests_can_be_tried_before_they_are_asked_for(stack: Hosted, tmp_path: Path) -> None:
    plain = automation_document()
    del plain["metadata"]["annotations"]["tagstream.dev/pull-request"]
    stack.ports.objects.put(plain)
    assert found(stack)[0]["pullRequest"] is None
    file = tmp_path / "new.yaml"
    file.write_text(yaml.safe_dump(automation_document(pull_request_draft="true")))
    tried = found(stack, "-f", file)[0]["pullRequest"]
    assert (tried["action"], tried["draft"]) == ("open", True)


def test_a_secret_of_the_files_is_used_and_never_shown(stack: Hosted, tmp_path: Path) -> None:
    changed = automation_document(api_secret="other")
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(changed))
    missing = preview(stack, "-f", tmp_path / "a.yaml")
    assert missing.code == 1
    assert "failed to get secret 'ns/other' for pull requests" in missing.out
    metadata = {"name": "other", "namespace": "ns"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"bearerToken": TOKEN}}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([changed, secret]))
    done = preview(stack, "-f", tmp_path / "a.yaml")
    assert "# a pull request is opened\n" in done.out
    assert TOKEN not in done.out + done.err


@pytest.mark.parametrize("status", [401, 404])
def test_a_token_without_the_right_to_read_requests_fails_the_preview_in_the_host_s_words(
    stack: Hosted, status: int
) -> None:
    stack.host.refusals = [stack.host.refused(status)]
    done = preview(stack)
    assert done.code == 1
    assert "# the pull request fails: " in done.out and f"refused with {status}" in done.out
    assert "+image: app:v1.1.0" in done.out


def test_an_invalid_name_of_a_branch_is_told_beside_the_other_branches(stack: Hosted) -> None:
    each_policy_has_a_branch(stack)
    stack.ports.objects.put(automation_document('{{ if eq .Policy "api" }}main{{ else }}images/{{ .Policy }}{{ end }}'))
    done = preview(stack)
    assert done.code == 1
    assert "# fails: invalid push branch: 'main' is the branch that commits are merged into" in done.out
    assert "# the branch images/app is new" in done.out


def test_automations_of_one_rebuilt_branch_are_shown_with_what_holds_the_others(stack: Hosted) -> None:
    other = automation_document(name="another")
    other["metadata"]["annotations"][WINDOW] = "Mon 09:00-17:00"
    other["spec"]["update"] = {"path": "./deploy", "strategy": "Setters"}
    commit_files(stack.bare, {"deploy/app.yaml": b'image: app:v1.0.0 # {"$imagepolicy": "ns:api"}\n'}, "another")
    stack.ports.objects.put(other)
    stack.select("v2.1.0", "api")
    [one] = found(stack, "app")
    assert one["departure"]["until"] == "2026-11-30T09:00:00Z"
    assert one["departure"]["reason"].startswith("the branch is rebuilt with the commit of ns/another, which waits: ")
    assert one["pushedWith"] == ["ns/another"]
    assert one["pullRequest"]["body"].count("| `v1.0.0` |") == 2


def frozen(stack: Hosted, name: str) -> None:
    """An automation is frozen by a person."""
    scope = Scope(namespace="ns", name=name)
    made = HandFreeze(scope=scope, author="alice", made_at=stack.clock.at, reason="incident")
    assert stack.ports.freezes.replace(stack.ports.freezes.read(), [made], [])


def run_both(stack: Hosted) -> None:
    stack.clock.at += timedelta(seconds=60)
    keys = [APP, NamespacedName("ns", "another")]
    run_automations(keys, "worker", stack.ports.clock.monotonic_s() + 60, stack.ports)


def two_automations(stack: Hosted, branch: str) -> None:
    """Each changes a file of its own."""
    commit_files(stack.bare, {"api.yaml": b'image: app:v1.0.0 # {"$imagepolicy": "ns:api"}\n'}, "another image")
    for name, path in (("app", "app.yaml"), ("another", "api.yaml")):
        wanted = automation_document(branch, name)
        wanted["spec"]["update"] = {"path": path, "strategy": "Setters"}
        stack.ports.objects.put(wanted)
    stack.select("v1.1.0", "api")


def test_the_removal_of_a_branch_waits_for_everyone_who_keeps_it(stack: Hosted) -> None:
    two_automations(stack, "images/{{ .NewTag }}")
    run_both(stack)
    frozen(stack, "app")
    api = b'image: app:v1.1.0 # {"$imagepolicy": "ns:api"}\n'
    commit_files(stack.bare, {"app.yaml": MARKED.replace(b"v1.0.0", b"v1.1.0"), "api.yaml": api}, "by hand")
    told = [(one["automation"], one["push"], one["departure"]["answer"]) for one in found(stack)]
    assert told == [("ns/another", "delete", "no"), ("ns/app", "delete", "no")]
    run_both(stack)
    assert "images/v1.1.0" in branches(stack)


def test_who_pushes_to_the_checkout_branch_does_not_wait_for_others(stack: Hosted) -> None:
    two_automations(stack, "main")
    for name in ("app", "another"):
        key = NamespacedName("ns", name)
        stack.ports.objects.annotate(AUTOMATION, key, {PULL_REQUEST: None})
    frozen(stack, "app")
    told = [(one["automation"], one["departure"]["answer"], one["pushedWith"]) for one in found(stack)]
    assert told == [("ns/another", "go", []), ("ns/app", "no", [])]
    run_both(stack)
    assert git("show", "main:api.yaml", folder=stack.bare).startswith("image: app:v1.1.0")
    assert git("show", "main:app.yaml", folder=stack.bare).startswith("image: app:v1.0.0")


def test_a_freeze_is_shown_where_only_the_request_would_change(stack: Hosted) -> None:
    stack.run()
    stack.annotate(pull_request_labels="images")
    lines = preview(stack).out.splitlines()
    assert "# may be changed" in lines
    frozen(stack, "app")
    lines = preview(stack).out.splitlines()
    assert any(line.startswith("# is not changed: ") and "incident" in line for line in lines)
    assert "# nothing would change" not in lines
    stack.run()
    assert stack.host.requests[0].labels == []


def test_a_branch_of_two_automations_is_reset_for_both(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document(name="another"))
    the_base_has_the_tag(stack)
    stack.clock.at += timedelta(seconds=60)
    assert [(one["automation"], one["push"]) for one in found(stack)] == [("ns/another", "reset"), ("ns/app", "reset")]


def test_a_request_that_needs_no_new_host_call_asks_the_host_for_nothing(stack: Hosted) -> None:
    stack.run()
    stack.host.calls.clear()
    found(stack)
    assert stack.host.calls == []


def test_a_limit_of_the_host_is_no_reason_to_hide_the_commit(stack: Hosted) -> None:
    stack.host.refusals = [Answer(status=429, document={"message": "slow down"}, headers={"Retry-After": "60"})]
    assert "+image: app:v1.1.0" in preview(stack).out
    assert stack.ports.objects.get(AUTOMATION, APP) is not None
