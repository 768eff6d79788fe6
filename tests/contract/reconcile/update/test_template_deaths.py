"""Push branches by template, when a worker dies or an answer is lost: the next run ends where a whole one does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.git_hosts.commits import ApiCommits
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import CommitId
from tagstream.ports.bundle import Ports
from tagstream.ports.host_commits import CommitDraft, HostCommits
from tagstream.ports.pull_requests import HostAccess
from tests.contract.reconcile.update.hosted import Hosted, automation_document
from tests.contract.reconcile.update.repeated_runs import Repeated, branches_of, wrong
from tests.contract.reconcile.update.test_branch_templates import MOVED, TAGGED, begun
from tests.contract.reconciling import APP, MARKED, Silent, document
from tests.embedded.committing_hosts import CommittingGitHub, serving
from tests.embedded.git_hosts.host import NAME, OWNER
from tests.embedded.git_server import commit_files

SHARED = "images/{{ .NewTag }}"
LABEL = {"team": "shop"}


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    """A stack whose host makes commits too, for automations that ask for it."""
    with begun(ports, silent, tmp_path) as made:
        host = CommittingGitHub(made.bare, f"{OWNER}/{NAME}")
        commits = ApiCommits(lambda access: access, made.clock)
        made.ports = replace(made.ports, host_commits=_At(host.origin, commits))
        with serving(host):
            yield made


@dataclass(frozen=True)
class _At:
    """The commits of a host whose fake has an address of its own."""

    api_url: str
    inner: HostCommits

    def commit(self, access: HostAccess, branch: str, parent: CommitId, draft: CommitDraft) -> CommitId:
        return self.inner.commit(replace(access, api_url=self.api_url), branch, parent, draft)


Step = Callable[[Hosted], object]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A run that is looked at.

    Attributes:
        before: what is there when the first run comes.
        change: what happens between the first run and the one that is looked at.
        open: the branches with an open request in the end, which are all branches that are there.
        closed: the branches whose request is closed in the end.
        names: the automations.
        each_call: whether a worker dies at each of its calls.
    """

    before: Step = lambda stack: None
    change: Step
    open: tuple[str, ...]
    closed: tuple[str, ...] = ()
    names: tuple[str, ...] = ("app",)
    each_call: bool = False


def selected(tag: str, api: str = "") -> Step:
    """The policies select other tags."""

    def step(stack: Hosted) -> None:
        stack.select(tag)
        if api:
            stack.select(api, "api")

    return step


def applied(push: str, name: str = "app", path: str = "", **annotations: str) -> Step:
    """An automation is applied."""

    def step(stack: Hosted) -> None:
        made = automation_document(push, name, **annotations)
        if path:
            made["spec"]["update"] = {"path": path, "strategy": "Setters"}
        stack.ports.objects.put(made)

    return step


def all_of(*steps: Step) -> Step:
    """One step after the other."""

    def step(stack: Hosted) -> None:
        for one in steps:
            one(stack)

    return step


def policy(name: str, **labels: str) -> dict[str, Any]:
    made = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "x"}})
    return {**made, "metadata": {"name": name, "namespace": "ns", "labels": labels}}


def without_policy(stack: Hosted) -> None:
    """The policy of one image is deleted."""
    stack.ports.objects.delete("ImagePolicy", APP)
    stack.ports.objects.delete_derived("ImagePolicy", APP)


def renamed(stack: Hosted) -> None:
    """The policy of one image gets another name, in Git too."""
    without_policy(stack)
    stack.ports.objects.put(policy("web"))
    stack.select("v1.1.0", "web")
    commit_files(stack.bare, {"app.yaml": MARKED.replace(b"ns:app", b"ns:web")}, "the policy has another name")


def with_selector(stack: Hosted) -> None:
    made = automation_document(TAGGED)
    made["spec"]["policySelector"] = {"matchLabels": LABEL}
    stack.ports.objects.put(made)
    for name in ("app", "api"):
        stack.ports.objects.put(policy(name, **LABEL))


API_29, API_21 = "images/api-v2.9.0", "images/api-v2.1.0"
APP_11, APP_12 = "images/app-v1.1.0", "images/app-v1.2.0"
TWO = all_of(applied(SHARED, path="app.yaml"), applied(SHARED, "other", "api.yaml"), selected("v1.1.0", "v1.1.0"))
BOTH = ("app", "other")
SCENES = {
    "a newer tag": Scene(change=selected("v1.2.0"), open=(API_21, APP_12), closed=(APP_11,)),
    "newer tags": Scene(
        change=selected("v1.2.0", "v2.9.0"), open=(API_29, APP_12), closed=(API_21, APP_11), each_call=True
    ),
    "newer tags in branches of the same names": Scene(
        before=applied(MOVED), change=selected("v1.2.0", "v2.9.0"), open=("images/api", "images/app")
    ),
    "newer tags that the host commits": Scene(
        before=applied(TAGGED, commit_by="api"),
        change=selected("v1.2.0", "v2.9.0"),
        open=(API_29, APP_12),
        closed=(API_21, APP_11),
    ),
    "two automations that share a branch": Scene(
        before=TWO,
        change=selected("v1.2.0", "v1.2.0"),
        open=("images/v1.2.0",),
        closed=("images/v1.1.0",),
        names=BOTH,
    ),
    "two automations that leave the branch that they shared": Scene(
        before=TWO,
        change=selected("v1.2.0", "v1.3.0"),
        open=("images/v1.2.0", "images/v1.3.0"),
        closed=("images/v1.1.0",),
        names=BOTH,
    ),
    "two automations of which one stays": Scene(
        before=TWO,
        change=selected("v1.1.0", "v1.3.0"),
        open=("images/v1.1.0", "images/v1.3.0"),
        names=BOTH,
    ),
    "two automations of the same policies": Scene(
        before=all_of(applied(TAGGED), applied(TAGGED, "other")),
        change=selected("v1.2.0"),
        open=(API_21, APP_12),
        closed=(APP_11,),
        names=BOTH,
    ),
    "a template of names below the former ones": Scene(
        before=applied(MOVED),
        change=applied("images/{{ .Policy }}/{{ .NewTag }}"),
        open=("images/api/v2.1.0", "images/app/v1.1.0"),
        closed=("images/api", "images/app"),
    ),
    "another template with newer tags": Scene(
        change=all_of(applied(MOVED), selected("v1.2.0", "v2.9.0")),
        open=("images/api", "images/app"),
        closed=(API_21, APP_11),
    ),
    "a template after a branch": Scene(
        before=applied("updates"), change=applied(MOVED), open=("images/api", "images/app"), closed=("updates",)
    ),
    "a deleted policy": Scene(change=without_policy, open=(API_21,), closed=(APP_11,)),
    "a policy with another name": Scene(change=renamed, open=(API_21, "images/web-v1.1.0"), closed=(APP_11,)),
    "a policy that the selector does not select any more": Scene(
        before=with_selector,
        change=lambda stack: stack.ports.objects.put(policy("app", team="other")),
        open=(API_21,),
        closed=(APP_11,),
    ),
    "a tag that is rolled back": Scene(change=selected("v1.0.9"), open=(API_21, "images/app-v1.0.9"), closed=(APP_11,)),
    "a tag that is rolled back to the one in Git": Scene(change=selected("v1.0.0"), open=(API_21,), closed=(APP_11,)),
    "a tag that is rolled back to the one in Git in a branch of the same name": Scene(
        before=applied(MOVED), change=selected("v1.0.0"), open=("images/api",), closed=("images/app",)
    ),
}
# Their runs call the hosts as those of other scenes do.
ALIKE_WITHOUT_AN_ANSWER = {
    "a newer tag",
    "a policy with another name",
    "a policy that the selector does not select any more",
    "a tag that is rolled back",
    "another template with newer tags",
    "two automations of the same policies",
    "two automations that leave the branch that they shared",
}
# Their runs write the same in the same order as those of other scenes do; workers die at all of it in the tests of what
# happens meanwhile, among newer tags, and where two automations share a branch.
ALIKE_IN_WRITES = {
    "a newer tag",
    "a tag that is rolled back",
    "another template with newer tags",
    "two automations of the same policies",
}


def scenes(but: Collection[str]) -> pytest.MarkDecorator:
    """All scenes but some, by name."""
    return pytest.mark.parametrize("scene", [pytest.param(SCENES[one], id=one) for one in SCENES if one not in but])


def whole(scene: Scene, stack: Hosted, table: Table, meanwhile: Step = lambda stack: None) -> Any:
    """A repeated run, and what there is in the end when nothing goes wrong."""
    scene.before(stack)
    stack.run_all(scene.names)
    scene.change(stack)
    looked_at = Repeated(stack, table, scene.names, meanwhile, each_call=scene.each_call)
    return looked_at, looked_at.whole()


def check_end(scene: Scene, stack: Hosted, expected: Any) -> None:
    """There are the branches and the requests of what is selected, and nothing was told twice."""
    assert stack.ready == "Succeeded: repository up-to-date"
    states = [(one.head, one.state) for one in stack.host.requests]
    assert sorted(states) == sorted([(one, "open") for one in scene.open] + [(one, "closed") for one in scene.closed])
    assert branches_of(stack) == sorted(scene.open)
    assert expected["in doubt"] == []
    assert told_again(expected) == {}


@scenes(but=SCENES.keys() - ALIKE_IN_WRITES)
def test_a_run_ends_with_the_branches_and_requests_of_what_is_selected(
    scene: Scene, stack: Hosted, table: Table
) -> None:
    _, expected = whole(scene, stack, table)
    check_end(scene, stack, expected)


@scenes(but=ALIKE_IN_WRITES)
def test_a_worker_that_dies_at_any_step_leaves_no_other_end(scene: Scene, stack: Hosted, table: Table) -> None:
    looked_at, expected = whole(scene, stack, table)
    check_end(scene, stack, expected)
    assert wrong(expected, dict(looked_at.deaths())) == {}


@scenes(but=ALIKE_WITHOUT_AN_ANSWER)
def test_an_answer_that_is_lost_leaves_no_other_end(scene: Scene, stack: Hosted, table: Table) -> None:
    looked_at, expected = whole(scene, stack, table)
    assert wrong(expected, dict(looked_at.lost_answers())) == {}


def test_an_answer_of_the_host_that_is_lost_leaves_no_other_end(stack: Hosted, table: Table) -> None:
    looked_at, expected = whole(SCENES["a newer tag"], stack, table)
    found = dict(looked_at.lost_calls())
    assert {"pulls/create", "pulls/update", "issues/create-comment"} <= {where.split()[1] for where in found}
    assert wrong(expected, found) == {}


MEANWHILE: dict[str, Step] = {
    "a still newer tag": selected("v1.3.0"),
    "another template": applied(MOVED),
    # Its policy is deleted, too.
    "another name of the policy": renamed,
    "a tag that is rolled back": selected("v1.1.0"),
    "the tag is in Git": lambda stack: stack.commit("v1.2.0"),
}


@pytest.mark.parametrize("meanwhile", [pytest.param(one, id=name) for name, one in MEANWHILE.items()])
def test_no_branch_and_no_request_is_forgotten_though_the_next_run_wants_others(
    meanwhile: Step, stack: Hosted, table: Table
) -> None:
    looked_at, expected = whole(SCENES["a newer tag"], stack, table, meanwhile)
    found = dict(looked_at.deaths())
    assert wrong(what_is_left(expected), {where: what_is_left(one) for where, one in found.items()}) == {}
    assert {where: told for where, one in found.items() if (told := told_again(one))} == {}


def test_no_request_is_forgotten_though_the_template_is_gone_when_the_next_run_comes(
    stack: Hosted, table: Table
) -> None:
    looked_at, expected = whole(SCENES["a newer tag"], stack, table, applied("updates"))
    found = dict(looked_at.deaths())
    # The branches of a former template stay, as many as there are.
    left = {where: without_branches(what_is_left(one)) for where, one in found.items()}
    assert wrong(without_branches(what_is_left(expected)), left) == {}
    assert {where: told for where, one in found.items() if (told := told_again(one))} == {}
    assert [one.head for one in stack.host.requests if one.state == "open"] == ["updates"]


def test_what_people_have_closed_stays_closed_whenever_the_worker_before_died(stack: Hosted, table: Table) -> None:
    closed: list[str] = []

    def meanwhile(stack: Hosted) -> None:
        closed[:] = [one.head for one in stack.host.requests if one.state == "open"]
        for one in stack.host.requests:
            one.state = "closed"
        commit_files(stack.bare, {"README": b"other"}, "elsewhere")

    looked_at, _ = whole(SCENES["a newer tag"], stack, table, meanwhile)
    assert closed == [API_21, APP_12]
    for where, picture in looked_at.deaths():
        found = {head: [one.state for one in stack.host.requests if one.head == head] for head in closed}
        # The request of a tag that is selected no more stays closed, and its branch goes.
        assert found == {head: ["closed"] for head in closed}, where
        assert stack.ready == "Succeeded: repository up-to-date", where
        assert told_again(picture) == {}, where


def test_what_people_have_merged_is_not_proposed_again_whenever_the_worker_before_died(
    stack: Hosted, table: Table
) -> None:
    merged: list[str] = []

    def meanwhile(stack: Hosted) -> None:
        requests = [one for one in stack.host.requests if one.state == "open" and one.head == APP_12]
        merged[:] = [one.head for one in requests]
        for one in requests:
            stack.host.merge(one)

    looked_at, _ = whole(SCENES["a newer tag"], stack, table, meanwhile)
    assert merged == [APP_12]
    for where, picture in looked_at.deaths():
        states = [one.state for one in stack.host.requests if one.head == APP_12]
        assert states == (["merged"] if merged else ["open"]), where
        assert branches_of(stack) == ([API_21] if merged else [API_21, APP_12]), where
        assert told_again(picture) == {}, where


def what_is_left(picture: Any) -> Any:
    """The part of a picture that does not tell how it came about."""
    is_open = [one for one in picture["requests"] if "'open'" in one]
    return {**{name: one for name, one in picture.items() if name != "told"}, "requests": is_open}


def without_branches(picture: Any) -> Any:
    return {name: one for name, one in picture.items() if name != "branches"}


def told_again(picture: Any) -> Any:
    """The events of requests and of removed branches that were told more than once."""
    return {text: often for text, often in picture["told"].items() if often > 1 and "pushed commit" not in text}
