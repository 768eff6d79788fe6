"""Where commits go when a branch is shared, checked out elsewhere, merged, deleted or written to by others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.update.destination import repository_name
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.commit_outlet import CommitOutlet, Outgoing
from tagstream.ports.git import GitSession
from tagstream.reconcile.update.automations import run_automations
from tests.contract.mortal_ports import Killed
from tests.contract.reconciling import (
    APP,
    MARKED,
    Silent,
    automated,
    document,
    message_of,
    reason,
    run,
    selection,
)
from tests.contract.set_clock import SetClock
from tests.embedded.git_server import GitServer, bare_repository, commit_files, git, git_server
from tests.embedded.single_writes import put_selection

NAMES = ("a", "b", "c", "d", "e")


def automation(name: str, ref: dict[str, str] | None = None, **push: Any) -> dict[str, Any]:
    """An automation of the folder and policy of its name."""
    spec = {
        "interval": "1m",
        "sourceRef": {"kind": "GitRepository", "name": "app"},
        "git": {
            "checkout": {"ref": ref or {"branch": "main"}},
            "commit": {"author": {"email": "b@c"}},
            **({"push": push} if push else {}),
        },
        "update": {"path": "" if name == "app" else name, "strategy": "Setters"},
    }
    return {**document("ImageUpdateAutomation", **spec), "metadata": {"name": name, "namespace": "ns"}}


def choose(ports: Ports, name: str, tag: str) -> None:
    key = NamespacedName("ns", name)
    new = replace(selection(tag), policy=key, ref=ImageRef(name="app", tag=tag))
    assert put_selection(ports.selections, new, ports.selections.get(key))


def run_named(ports: Ports, *names: str, owner: str = "worker") -> None:
    keys = [NamespacedName("ns", name) for name in names]
    run_automations(keys, owner, ports.clock.monotonic_s() + 60, ports)


def status_of(ports: Ports, name: str = "app") -> Any:
    stored = ports.objects.get("ImageUpdateAutomation", NamespacedName("ns", name))
    assert stored is not None
    return stored.status


def head(bare: Path, branch: str) -> str:
    return git("rev-parse", branch, folder=bare).strip()


def tags(bare: Path, branch: str) -> list[str]:
    """The tag in each automation's file, sorted by folder."""
    files = git("ls-tree", "-r", "--name-only", branch, folder=bare).split()
    return [git("show", f"{branch}:{name}", folder=bare).split()[1].removeprefix("app:") for name in sorted(files)]


@pytest.fixture
def teams(ports: Ports, tmp_path: Path) -> Iterator[tuple[GitServer, Path]]:
    """A folder and a policy's marker per automation; the GitRepository is stored."""
    files = {f"{name}/app.yaml": MARKED.replace(b"ns:app", f"ns:{name}".encode()) for name in NAMES}
    bare = bare_repository(tmp_path, "teams.git", files)
    hook = bare / "hooks" / "post-receive"
    hook.write_text('#!/bin/sh\necho pushed >> "$GIT_DIR/pushes"\n')
    hook.chmod(0o755)
    with git_server(tmp_path) as server:
        automated(ports, server.url("teams.git"))
        ports.objects.delete("ImageUpdateAutomation", APP)
        yield server, bare


@pytest.mark.parametrize("ref", [{"commit": ""}, {"tag": "v1"}], ids=["commit", "tag"])
def test_an_old_checkout_never_takes_commits_off_its_branch(
    ports: Ports, repository: tuple[str, Path], ref: dict[str, str]
) -> None:
    url, bare = repository
    old = head(bare, "main")
    git("tag", "v1", "main", folder=bare)
    commit_files(bare, {"other.yaml": b"x"}, "newer")
    newer = head(bare, "main")
    automated(ports, url)
    ports.objects.put(automation("app", {"branch": "main"} | (ref if "tag" in ref else {"commit": old})))
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    assert (head(bare, "main"), message_of(ports, "ImageUpdateAutomation")) == (
        newer,
        "failed to push to remote: non-fast-forward update: refs/heads/main",
    )


def test_a_checkout_may_name_the_commit_of_a_tag_as_ls_remote_does(ports: Ports, repository: tuple[str, Path]) -> None:
    url, bare = repository
    git("tag", "-a", "-m", "annotated", "v1", "main", folder=bare)
    automated(ports, url)
    ports.objects.put(automation("app", {"name": "refs/tags/v1^{}"}, branch="auto"))
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    assert (reason(ports, "ImageUpdateAutomation"), tags(bare, "auto")) == ("Succeeded", ["v1.1.0"])


@pytest.mark.parametrize("branch", ["main", "auto", "added"], ids=["default", "rebuilt", "shared"])
@pytest.mark.parametrize("ref", [{"branch": "nope"}, {"branch": "nope", "commit": ""}], ids=["branch", "commit"])
def test_a_checkout_branch_that_does_not_exist_is_an_error_whatever_the_push_branch_is(
    ports: Ports, repository: tuple[str, Path], ref: dict[str, str], branch: str
) -> None:
    url, bare = repository
    git("branch", "added", "main", folder=bare)
    automated(ports, url)
    ports.objects.put(automation("other", {"branch": "added"}))
    given = ref | ({"commit": head(bare, "main")} if "commit" in ref else {})
    ports.objects.put(automation("app", given, branch=branch))
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    told = message_of(ports, "ImageUpdateAutomation")
    assert told == (f"failed to checkout source: unable to clone '{url}': couldn't find remote ref \"refs/heads/nope\"")
    assert "v1.1.0" not in git("log", "--all", "-p", folder=bare)


@pytest.mark.parametrize(
    ("refspec", "is_kept"), [("main:copy", True), ("+main:copy", False)], ids=["plain", "with-a-plus"]
)
def test_a_refspec_replaces_a_branch_only_with_a_plus(
    ports: Ports, repository: tuple[str, Path], refspec: str, is_kept: bool
) -> None:
    url, bare = repository
    git("branch", "copy", "main", folder=bare)
    commit_files(bare, {"other.yaml": b"x"}, "newer", branch="copy")
    newer = head(bare, "copy")
    automated(ports, url, refspec=refspec)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    outcome = reason(ports, "ImageUpdateAutomation")
    assert (newer in git("rev-list", "copy", folder=bare), outcome) == (
        is_kept,
        "GitOperationFailed" if is_kept else "Succeeded",
    )


@pytest.mark.parametrize("version_2", [True, False], ids=["version-2", "version-0"])
def test_a_refspec_moves_a_branch_that_lags_behind(ports: Ports, tmp_path: Path, version_2: bool) -> None:
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    git("branch", "copy", "main", folder=bare)
    for number in range(3):
        commit_files(bare, {"other.yaml": b"%d" % number}, "newer")
    with git_server(tmp_path) as server:
        server.speaks_version_2 = version_2
        automated(ports, server.url("app.git"), refspec="main:copy")
        put_selection(ports.selections, selection("v1.1.0"), None)
        run(ports)
    assert (reason(ports, "ImageUpdateAutomation"), head(bare, "copy")) == ("Succeeded", head(bare, "main"))


@pytest.mark.parametrize("ref", [{"tag": "v1"}, {"branch": "release"}], ids=["tag", "branch"])
@pytest.mark.parametrize("version_2", [True, False], ids=["version-2", "version-0"])
def test_the_default_branch_is_added_to_and_never_rebuilt(
    ports: Ports, tmp_path: Path, ref: dict[str, str], version_2: bool
) -> None:
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    git("tag", "v1", "main", folder=bare)
    git("branch", "release", "main", folder=bare)
    commit_files(bare, {"other.yaml": b"x"}, "newer")
    newer = head(bare, "main")
    with git_server(tmp_path) as server:
        server.speaks_version_2 = version_2
        automated(ports, server.url("app.git"))
        ports.objects.put(automation("app", ref, branch="main"))
        put_selection(ports.selections, selection("v1.1.0"), None)
        run(ports)
    assert git("rev-parse", "main^", folder=bare).strip() == newer
    assert "v1.1.0" in git("show", "main:app.yaml", folder=bare)


def test_a_branch_that_another_automation_adds_to_is_never_rebuilt(ports: Ports, teams: tuple[GitServer, Path]) -> None:
    _, bare = teams
    git("branch", "production", "main", folder=bare)
    ports.objects.put(automation("a", {"branch": "production"}))
    ports.objects.put(automation("b", {"branch": "main"}, branch="production"))
    for name in "ab":
        choose(ports, name, "v1.1.0")
    run_named(ports, "a")
    added = head(bare, "production")
    run_named(ports, "b")
    assert git("rev-parse", "production^", folder=bare).strip() == added
    assert tags(bare, "production")[:2] == ["v1.1.0", "v1.1.0"]


def test_a_run_of_one_automation_keeps_the_others_commits_on_their_push_branch(
    ports: Ports, teams: tuple[GitServer, Path]
) -> None:
    _, bare = teams
    for name in "ab":
        ports.objects.put(automation(name, branch="auto"))
        choose(ports, name, "v1.1.0")
    run_named(ports, "a", "b")
    choose(ports, "a", "v1.2.0")
    run_named(ports, "a")
    assert tags(bare, "auto")[:2] == ["v1.2.0", "v1.1.0"]
    assert git("rev-list", "--count", "main..auto", folder=bare) == "2\n"


@pytest.mark.parametrize("branch", ["main", "auto"])
def test_automations_that_race_from_as_many_workers_are_in_one_push(
    ports: Ports, teams: tuple[GitServer, Path], branch: str
) -> None:
    _, bare = teams
    for name in NAMES:
        ports.objects.put(automation(name, branch=branch))
        choose(ports, name, "v1.1.0")
    with ThreadPoolExecutor(len(NAMES)) as pool:
        list(pool.map(lambda name: run_named(ports, name, owner=f"worker-{name}"), NAMES))
    pushes = (bare / "pushes").read_text().split()
    assert (tags(bare, branch), pushes) == (["v1.1.0"] * len(NAMES), ["pushed"])
    assert [status_of(ports, name)["observedPolicies"][name]["tag"] for name in NAMES] == ["v1.1.0"] * len(NAMES)
    assert len({status_of(ports, name)["lastPushCommit"] for name in NAMES}) == len(NAMES)


def test_automations_of_a_branch_with_refspecs_of_their_own_are_all_pushed(
    ports: Ports, teams: tuple[GitServer, Path]
) -> None:
    _, bare = teams
    for name in "ab":
        ports.objects.put(automation(name, branch="main", refspec=f"main:copy-{name}"))
        choose(ports, name, "v1.1.0")
    run_named(ports, "a", "b")
    assert tags(bare, "main")[:2] == ["v1.1.0", "v1.1.0"]
    assert [head(bare, name) for name in ("copy-a", "copy-b")] == [head(bare, "main^"), head(bare, "main")]


def test_a_refspec_that_the_server_refuses_stops_no_other_of_its_branch(
    ports: Ports, teams: tuple[GitServer, Path]
) -> None:
    _, bare = teams
    hook = bare / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/copy ]\n')
    hook.chmod(0o755)
    ports.objects.put(automation("a", branch="main", refspec="main:copy"))
    ports.objects.put(automation("b"))
    for name in "ab":
        choose(ports, name, "v1.1.0")
    run_named(ports, "a", "b")
    assert tags(bare, "main")[:2] == ["v1.0.0", "v1.1.0"]


@pytest.mark.parametrize("is_in_url", [False, True], ids=["secret", "url"])
def test_nobody_pushes_with_the_credentials_of_another_repository_object(
    ports: Ports, silent: Silent, tmp_path: Path, is_in_url: bool
) -> None:
    files = {f"{name}/app.yaml": MARKED.replace(b"ns:app", f"ns:{name}".encode()) for name in "ab"}
    bare = bare_repository(tmp_path, "shared.git", files)
    with git_server(tmp_path, {"writer": "right"}) as server:
        for name, password in (("a", "wrong"), ("b", "right")):
            silent.secrets[NamespacedName("ns", name)] = {"username": b"writer", "password": password.encode()}
            source = document(
                "GitRepository",
                "source.toolkit.fluxcd.io/v1",
                url=server.url("shared.git").replace("//", f"//writer:{password}@" if is_in_url else "//"),
                interval="1m",
                **({} if is_in_url else {"secretRef": {"name": name}}),
            )
            ports.objects.put({**source, "metadata": {"name": name, "namespace": "ns"}})
            one = automation(name)
            one["spec"]["sourceRef"]["name"] = name
            ports.objects.put(one)
            choose(ports, name, "v1.1.0")
        run_named(ports, "a", "b")
    ready = [status_of(ports, name)["conditions"][0]["reason"] for name in "ab"]
    assert (tags(bare, "main"), ready) == (["v1.0.0", "v1.1.0"], ["GitOperationFailed", "Succeeded"])


def test_spellings_of_one_url_share_a_push_branch_whatever_their_timeouts(
    ports: Ports, teams: tuple[GitServer, Path]
) -> None:
    server, bare = teams
    for name, url, timeout in (("a", server.url("teams.git"), "60s"), ("b", server.url("teams.git/"), "20s")):
        source = document("GitRepository", "source.toolkit.fluxcd.io/v1", url=url, interval="1m", timeout=timeout)
        ports.objects.put({**source, "metadata": {"name": name, "namespace": "ns"}})
        one = automation(name, branch="auto")
        one["spec"]["sourceRef"]["name"] = name
        ports.objects.put(one)
        choose(ports, name, "v1.1.0")
    run_named(ports, "a")
    run_named(ports, "b")
    assert (tags(bare, "auto")[:2], (bare / "pushes").read_text().split()) == (["v1.1.0"] * 2, ["pushed"])


def test_a_failure_is_not_repeated_before_its_time_because_another_runs(
    ports: Ports, teams: tuple[GitServer, Path]
) -> None:
    broken = automation("a")
    broken["spec"]["git"]["commit"]["signingKey"] = {"secretRef": {"name": "nowhere"}}
    ports.objects.put(broken)
    ports.objects.put(automation("b"))
    run_named(ports, "a")
    before = status_of(ports, "a")
    choose(ports, "a", "v1.1.0")
    choose(ports, "b", "v1.1.0")
    run_named(ports, "b")
    assert status_of(ports, "a") == before


def test_a_push_branch_is_put_back_to_a_base_that_needs_nothing_any_more(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    automated(ports, url, branch="auto")
    begin = ports.clock.now()
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    stale = head(bare, "auto")
    commit_files(bare, {"app.yaml": MARKED.replace(b"v1.0.0", b"v1.2.0")}, "by hand")
    put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
    run(ports)
    run(ports)
    told = [one.message for one in ports.ledger.read(begin, ports.clock.now()) if "reset" in one.message]
    base = head(bare, "main")
    assert (head(bare, "auto"), told) == (
        base,
        [f"reset branch 'auto' from '{stale[:7]}' to 'main@sha1:{base}', which is up-to-date"],
    )
    assert status_of(ports)["lastPushCommit"] == stale


@dataclass
class Failing:
    """An outlet whose first push fails: it has arrived and its answer is lost, or it has not arrived."""

    outlet: CommitOutlet
    arrives: bool
    error: BaseException
    has_failed: bool = False

    def send(self, outgoing: Outgoing, session: GitSession) -> None:
        fails, self.has_failed = not self.has_failed, True
        if self.arrives or not fails:
            self.outlet.send(outgoing, session)
        if fails:
            raise self.error


CUT_OFF = RetryableError("the connection is cut off", reason="GitOperationFailed")


@pytest.mark.parametrize("arrives", [True, False], ids=["arrives", "does not arrive"])
@pytest.mark.parametrize("error", [CUT_OFF, Killed()], ids=["lost answer", "death"])
def test_it_is_told_once_that_a_branch_was_put_back_whatever_became_of_the_push(
    ports: Ports, repository: tuple[str, Path], arrives: bool, error: BaseException
) -> None:
    url, bare = repository
    automated(ports, url, branch="auto")
    begin = ports.clock.now()
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    stale = head(bare, "auto")
    # The value in Git stays the one of the base, so the commit that is replaced was made on that base.
    put_selection(ports.selections, selection("v1.0.0"), selection("v1.1.0"))
    with suppress(Killed):
        run(replace(ports, outlet=Failing(ports.outlet, arrives, error)))
    later = SetClock(datetime.now(UTC) + timedelta(hours=1))
    for _ in range(2):
        run(replace(ports, clock=later), left_s=60)
    base = head(bare, "main")
    told = [one.message for one in ports.ledger.read(begin, later.at) if "reset" in one.message]
    assert head(bare, "auto") == base
    assert told == [f"reset branch 'auto' from '{stale[:7]}' to 'main@sha1:{base}', which is up-to-date"]
    assert status_of(ports)["lastPushCommit"] == stale
    assert ports.leases.intents(f"{repository_name(url)}#auto") == ()


def test_a_push_branch_that_somebody_else_went_on_with_is_not_put_back(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    automated(ports, url, branch="auto")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    commit_files(bare, {"review.txt": b"x"}, "by hand", branch="auto")
    theirs = head(bare, "auto")
    commit_files(bare, {"app.yaml": MARKED.replace(b"v1.0.0", b"v1.1.0")}, "by hand")
    run(ports)
    assert (head(bare, "auto"), reason(ports, "ImageUpdateAutomation")) == (theirs, "Succeeded")


@pytest.mark.parametrize("is_deleted", [True, False], ids=["deleted", "kept"])
def test_a_merged_push_branch_costs_one_request_a_run(ports: Ports, tmp_path: Path, is_deleted: bool) -> None:
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"), branch="auto")
        put_selection(ports.selections, selection("v1.1.0"), None)
        run(ports)
        git("update-ref", "refs/heads/main", "refs/heads/auto", folder=bare)
        if is_deleted:
            git("branch", "-D", "auto", folder=bare)
        run(ports)
        server.requests.clear()
        run(ports)
        requests = len(server.requests)
    branches = git("for-each-ref", "--format=%(refname:short)", "refs/heads", folder=bare).split()
    assert (requests, branches) == (1, ["main"] if is_deleted else ["auto", "main"])


def test_a_deleted_push_branch_comes_back_while_its_base_needs_the_change(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    automated(ports, url, branch="auto")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    git("branch", "-D", "auto", folder=bare)
    run(ports)
    assert "v1.1.0" in git("show", "auto:app.yaml", folder=bare)


def test_a_push_branch_follows_its_base(ports: Ports, repository: tuple[str, Path]) -> None:
    url, bare = repository
    automated(ports, url, branch="auto")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    commit_files(bare, {"other.yaml": b"x"}, "newer")
    run(ports)
    assert git("rev-parse", "auto^", folder=bare).strip() == head(bare, "main")


def test_an_automation_that_fails_stops_no_other_of_its_branch(ports: Ports, teams: tuple[GitServer, Path]) -> None:
    _, bare = teams
    broken = {name: automation(name) for name in "abcd"}
    broken["a"]["spec"]["git"]["commit"]["messageTemplate"] = "{{ fail `no` }}"
    broken["b"]["spec"]["git"]["commit"]["signingKey"] = {"secretRef": {"name": "nowhere"}}
    broken["c"]["spec"]["policySelector"] = {"matchExpressions": [{"key": "k", "operator": "Between"}]}
    broken["d"]["spec"]["git"]["push"] = {"branch": "main", "refspec": "nowhere:copy"}
    for name, one in (broken | {"e": automation("e")}).items():
        ports.objects.put(one)
        choose(ports, name, "v1.1.0")
    run_named(ports, *NAMES)
    reasons = [status_of(ports, name)["conditions"][0]["reason"] for name in NAMES]
    assert (tags(bare, "main"), reasons) == (
        ["v1.0.0"] * 4 + ["v1.1.0"],
        ["GitOperationFailed", "SourceManagerFailed", "InvalidPolicySelector", "GitOperationFailed", "Succeeded"],
    )
