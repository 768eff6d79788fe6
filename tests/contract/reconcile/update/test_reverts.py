"""A value that a person set back in Git is left as it is, until a newer tag comes or somebody releases it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.lost_answers import losing_ports
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.test_crashes import later
from tests.contract.reconcile.update.test_destinations import automation, run_named, status_of
from tests.contract.reconciling import (
    APP,
    MARKED,
    Silent,
    automated,
    document,
    emptied,
    message_of,
    ports_on,
    reason,
    run,
    scan,
    selected,
    watched,
)
from tests.embedded.git_server import GitServer, bare_repository, commit_files, git, git_server
from tests.embedded.registry import Registry
from tests.unit.cli.memory_ports import command

ON_REVERT = "tagstream.dev/on-revert"


@dataclass(frozen=True)
class World:
    """A policy that has selected ``v1.29.0``, and an automation that has committed it."""

    ports: Ports
    registry: Registry
    bare: Path

    def begin(self, url: str, **push: str) -> None:
        """Apply the objects, scan and commit."""
        watched(self.ports, self.registry)
        automated(self.ports, url, **push)
        at_once(self.ports, "app")
        scan(self.ports)
        run(self.ports)

    def marked(self, tag: str, image: str = "") -> bytes:
        return MARKED.replace(b"app:v1.0.0", f"{image or self.registry.address + '/app'}:{tag}".encode())

    def person_sets(self, tag: str, path: str = "app.yaml") -> str:
        """A person's commit that sets the value."""
        return commit_files(self.bare, {path: self.marked(tag)}, f"back to {tag}")

    def run(self) -> None:
        """A run, and what the scan function does when it hears of a changed policy."""
        run(self.ports)
        self.evaluate()

    def evaluate(self) -> None:
        evaluate_policies([APP], Cause(text="apply"), self.ports.clock.monotonic_s() + 30, self.ports)

    def pushed(self, tag: str) -> None:
        """A new tag is pushed, scanned and committed."""
        self.registry.add_tags("app", [tag])
        scan(self.ports)
        run(self.ports)

    def in_git(self, path: str = "app.yaml", branch: str = "main") -> str:
        return git("show", f"{branch}:{path}", folder=self.bare).split()[1].rpartition(":")[2]

    @property
    def commits(self) -> int:
        return len(git("rev-list", "main", folder=self.bare).split())


def at_once(ports: Ports, name: str) -> None:
    """The automation waits for no more selections."""
    ports.objects.annotate("ImageUpdateAutomation", NamespacedName("ns", name), {"tagstream.dev/debounce": "0s"})


@pytest.fixture
def world(ports: Ports, registry: Registry, repository: tuple[str, Path]) -> World:
    found = World(ports, registry, repository[1])
    found.begin(repository[0])
    assert found.in_git() == "v1.29.0"
    return found


def test_a_persons_revert_is_left_alone_and_told_with_its_commit_and_author(world: World) -> None:
    commit = world.person_sets("v1.20.0")
    world.run()
    assert world.in_git() == "v1.20.0"
    assert selected(world.ports) == "v1.29.0"
    assert reason(world.ports, "ImagePolicy") == "RevertedByHand"
    author = git("show", "-s", "--format=%an <%ae>", commit, folder=world.bare).strip()
    assert message_of(world.ports, "ImagePolicy").endswith(
        f"; commit {commit[:7]} of {author} set v1.29.0 back to v1.20.0 in app.yaml:"
        " held until a tag is newer than v1.29.0, or tagstream unpin policy app"
    )
    now = world.ports.clock.now()
    entries = [one for one in world.ports.ledger.read(now - timedelta(days=1), now) if one.reason == "RevertedByHand"]
    assert [one.message for one in entries] == [message_of(world.ports, "ImagePolicy")]
    assert status_of(world.ports)["revertedPolicies"] == ["app"]


def test_it_stays_alone_while_others_commit_and_costs_little_while_nothing_happens(world: World) -> None:
    world.person_sets("v1.20.0")
    world.run()
    commit_files(world.bare, {"other.yaml": b"a: 1\n"}, "something else")
    world.run()
    assert world.in_git() == "v1.20.0"
    life = Life()
    run(life.ports(world.ports))
    assert not [one for one in life.calls if one in ("git.open.fetch", "git.open.history")]


def test_a_newer_tag_ends_it(world: World) -> None:
    world.person_sets("v1.20.0")
    world.run()
    world.pushed("v1.28.9")
    assert (world.in_git(), selected(world.ports)) == ("v1.20.0", "v1.29.0")
    world.pushed("v1.30.0")
    assert (world.in_git(), selected(world.ports)) == ("v1.30.0", "v1.30.0")
    assert reason(world.ports, "ImagePolicy") == "Succeeded"
    assert "revertedPolicies" not in status_of(world.ports)
    stored = world.ports.objects.get("ImagePolicy", APP)
    assert stored is not None and "tagstream.dev/reverted" not in str(stored.document)


def test_it_outlasts_a_filter_that_leaves_the_reverted_tag_out(world: World) -> None:
    world.person_sets("v1.20.0")
    world.run()
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["spec"]["filterTags"] = {"pattern": r"^v1\.(\d|[13]\d|2[0-8])\.0$"}
    world.ports.objects.put(policy)
    world.run()
    assert (world.in_git(), reason(world.ports, "ImagePolicy")) == ("v1.20.0", "RevertedByHand")
    world.pushed("v1.30.0")
    assert world.in_git() == "v1.30.0"


def test_unpin_ends_it_and_the_selected_tag_is_committed_again(world: World) -> None:
    world.person_sets("v1.20.0")
    world.run()
    done = command("-n", "ns", "unpin", "policy", "app", "--no-wait", ports=world.ports)
    assert done.code == 0
    world.evaluate()
    assert reason(world.ports, "ImagePolicy") == "Succeeded"
    run(world.ports)
    assert world.in_git() == "v1.29.0"


def test_a_pin_to_the_reverted_tag_is_the_newer_will(world: World) -> None:
    world.person_sets("v1.20.0")
    world.run()
    command("-n", "ns", "pin", "policy", "app", "v1.29.0", "--no-wait", ports=world.ports)
    world.evaluate()
    run(world.ports)
    assert world.in_git() == "v1.29.0"


def test_a_second_revert_after_the_first_was_released_is_honoured_too(world: World) -> None:
    world.person_sets("v1.20.0")
    world.run()
    command("-n", "ns", "unpin", "policy", "app", "--no-wait", ports=world.ports)
    world.evaluate()
    run(world.ports)
    world.person_sets("v1.10.0")
    world.run()
    assert world.in_git() == "v1.10.0"
    assert "set v1.29.0 back to v1.10.0" in message_of(world.ports, "ImagePolicy")


@pytest.mark.parametrize("kind", ["ImagePolicy", "ImageUpdateAutomation"])
def test_with_on_revert_ignore_the_selected_tag_is_committed_again_as_flux_does(world: World, kind: str) -> None:
    world.ports.objects.annotate(kind, APP, {ON_REVERT: "ignore"})
    world.person_sets("v1.20.0")
    world.run()
    assert world.in_git() == "v1.29.0"
    assert reason(world.ports, "ImagePolicy") == "Succeeded"


def test_the_commit_is_found_among_others_and_behind_a_merge(world: World) -> None:
    commit_files(world.bare, {"a.yaml": b"a: 1\n"}, "before")
    culprit = world.person_sets("v1.20.0")
    for number in range(5):
        commit_files(world.bare, {"a.yaml": b"a: %d\n" % number}, "after")
    world.run()
    assert f"commit {culprit[:7]} of " in message_of(world.ports, "ImagePolicy")


def test_a_merge_whose_first_parent_is_the_persons_branch_hides_nothing(world: World, tmp_path: Path) -> None:
    work = tmp_path / "work"
    git("clone", "--quiet", str(world.bare), str(work), folder=tmp_path)
    git("checkout", "--quiet", "-b", "mine", "HEAD~1", folder=work)
    (work / "b.yaml").write_text("b: 1\n")
    git("add", "--all", folder=work)
    git("commit", "--quiet", "--message", "mine", folder=work)
    git("merge", "--quiet", "--no-edit", "main", folder=work)
    (work / "app.yaml").write_bytes(world.marked("v1.20.0"))
    git("commit", "--quiet", "--all", "--message", "back", folder=work)
    culprit = git("rev-parse", "HEAD", folder=work).strip()
    git("push", "--quiet", "origin", "HEAD:main", folder=work)
    world.run()
    assert f"commit {culprit[:7]} of " in message_of(world.ports, "ImagePolicy")
    assert world.in_git() == "v1.20.0"


def test_a_preview_leaves_a_revert_alone_and_keeps_nothing(world: World) -> None:
    world.person_sets("v1.20.0")
    done = command("-n", "ns", "preview", "app", ports=world.ports)
    assert done.code == 0
    comments = [line for line in done.out.splitlines() if line.startswith("#")]
    assert "v1.29.0" not in "".join(line for line in done.out.splitlines() if line not in comments)
    assert "# nothing would change" in comments
    assert any("set v1.29.0 back to v1.20.0" in line for line in comments)
    stored = world.ports.objects.get("ImagePolicy", APP)
    assert stored is not None and "tagstream.dev/reverted" not in str(stored.document)


def test_a_newer_value_and_a_value_that_is_no_version_are_no_reverts(world: World) -> None:
    for tag in ("v1.99.0", "latest"):
        world.person_sets(tag)
        world.run()
        assert world.in_git() == "v1.29.0"


def test_a_new_file_and_a_new_marker_with_an_older_tag_are_set_and_are_no_reverts(world: World) -> None:
    world.person_sets("v1.20.0", "new.yaml")
    world.run()
    assert world.in_git("new.yaml") == "v1.29.0"
    both = world.marked("v1.29.0") + b"---\n" + world.marked("v1.20.0")
    commit_files(world.bare, {"app.yaml": both}, "a second marker")
    world.run()
    assert git("show", "main:app.yaml", folder=world.bare).count("v1.29.0") == 2
    assert reason(world.ports, "ImagePolicy") == "Succeeded"


def test_one_of_several_markers_that_went_back_holds_all_of_its_policy(world: World) -> None:
    commit_files(world.bare, {"b.yaml": world.marked("v1.0.0")}, "a second file")
    world.run()
    assert world.in_git("b.yaml") == "v1.29.0"
    world.person_sets("v1.20.0", "b.yaml")
    world.run()
    assert (world.in_git(), world.in_git("b.yaml")) == ("v1.29.0", "v1.20.0")
    assert "in b.yaml:" in message_of(world.ports, "ImagePolicy")


def test_without_a_run_before_nothing_is_known_and_nothing_is_held(
    ports: Ports, registry: Registry, repository: tuple[str, Path]
) -> None:
    world = World(ports, registry, repository[1])
    world.person_sets("v1.29.0")
    world.person_sets("v1.20.0")
    world.begin(repository[0])
    assert world.in_git() == "v1.29.0"


def test_history_that_was_rewritten_is_no_revert(world: World) -> None:
    begin = git("rev-parse", "main~1", folder=world.bare).strip()
    git("update-ref", "refs/heads/main", begin, folder=world.bare)
    world.run()
    assert world.in_git() == "v1.29.0"


def test_a_commit_of_another_automation_is_no_persons_revert(world: World) -> None:
    work = {"app.yaml": world.marked("v1.20.0")}
    commit_files(world.bare, work, "by the bot")
    tree = git("rev-parse", "main^{tree}", folder=world.bare).strip()
    parent = git("rev-parse", "main~1", folder=world.bare).strip()
    raw = f"tree {tree}\nparent {parent}\nauthor bot <b@c> 1 +0000\ncommitter bot <b@c> 1 +0000\n\nbot\n"
    made = git("hash-object", "-t", "commit", "-w", "--stdin", folder=world.bare, stdin=raw.encode()).strip()
    git("update-ref", "refs/heads/main", made, folder=world.bare)
    world.run()
    assert world.in_git() == "v1.29.0"


def test_a_history_that_cannot_be_read_leaves_the_commit_unknown(world: World) -> None:
    world.person_sets("v1.20.0")
    run(replace(world.ports, git=Forgetful(world.ports.git)))
    world.evaluate()
    assert world.in_git() == "v1.20.0"
    assert "; an unknown commit set v1.29.0 back to v1.20.0 in app.yaml" in message_of(world.ports, "ImagePolicy")


class Forgetful:
    """Git servers that refuse to show history."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.signer = inner.signer

    def open(self, *arguments: Any) -> Any:
        session = self.inner.open(*arguments)
        session.history = self.refuse
        return session

    def refuse(self, *arguments: Any) -> Any:
        raise RetryableError("not our ref", reason="GitOperationFailed")


def test_a_branch_that_waits_to_be_merged_is_not_taken_for_a_revert(
    ports: Ports, registry: Registry, repository: tuple[str, Path]
) -> None:
    world = World(ports, registry, repository[1])
    world.begin(repository[0], branch="auto")
    assert status_of(ports)["offeredPolicies"] == ["app"]
    commit_files(world.bare, {"a.yaml": b"a: 1\n"}, "something else")
    life = Life()
    run(life.ports(ports))
    assert world.in_git(branch="auto") == "v1.29.0"
    assert "git.open.history" not in life.calls


def test_a_merged_tag_that_a_person_sets_back_is_not_offered_again(
    ports: Ports, registry: Registry, repository: tuple[str, Path]
) -> None:
    world = World(ports, registry, repository[1])
    world.begin(repository[0], branch="auto")
    git("update-ref", "refs/heads/main", "refs/heads/auto", folder=world.bare)
    run(ports)
    assert "offeredPolicies" not in status_of(ports)
    git("update-ref", "-d", "refs/heads/auto", folder=world.bare)
    world.person_sets("v1.20.0")
    world.run()
    assert git("branch", "--list", "auto", folder=world.bare) == ""
    assert reason(ports, "ImagePolicy") == "RevertedByHand"


def test_two_automations_of_a_policy_both_leave_it_alone(
    ports: Ports, registry: Registry, repository: tuple[str, Path]
) -> None:
    world = World(ports, registry, repository[1])
    files = {f"{name}/app.yaml": world.marked("v1.0.0") for name in ("a", "b")}
    commit_files(world.bare, files, "folders")
    watched(ports, registry)
    automated(ports, repository[0])
    ports.objects.delete("ImageUpdateAutomation", APP)
    for name in ("a", "b"):
        ports.objects.put(automation(name))
        at_once(ports, name)
    scan(ports)
    run_named(ports, "a", "b")
    world.person_sets("v1.20.0", "a/app.yaml")
    run_named(ports, "a", "b")
    world.evaluate()
    commit_files(world.bare, {"b/more.yaml": world.marked("v1.10.0")}, "a new file while it is held")
    run_named(ports, "a", "b")
    assert [world.in_git(f"{name}/app.yaml") for name in ("a", "b")] == ["v1.20.0", "v1.29.0"]
    assert world.in_git("b/more.yaml") == "v1.10.0"


@dataclass
class Setting:
    """A new world for every life, on one table, registry and Git server."""

    table: Table
    registry: Registry
    server: GitServer
    made: int = 0

    def reverted(self) -> World:
        """A person has just set the value back."""
        emptied(self.table)
        self.made += 1
        bare = bare_repository(self.server.root, f"{self.made}.git", {"app.yaml": MARKED})
        world = World(ports_on(self.table, Silent()), self.registry, bare)
        world.begin(self.server.url(bare.name))
        world.person_sets("v1.20.0")
        return world


def outcome(world: World) -> tuple[object, ...]:
    """What is in Git, how many commits there are, and what the policy says, how often."""
    now = world.ports.clock.now()
    told = Counter(
        one.reason for one in world.ports.ledger.read(now - timedelta(days=1), now) if one.kind == "ImagePolicy"
    )
    status = status_of(world.ports)
    return (
        world.in_git(),
        world.commits,
        reason(world.ports, "ImagePolicy"),
        told["RevertedByHand"],
        status["revertedPolicies"],
        status["conditions"][0]["status"],
    )


EXPECTED = ("v1.20.0", 3, "RevertedByHand", 1, ["app"], "True")


def test_wherever_a_worker_dies_a_revert_is_honoured_and_told_once(
    table: Table, registry: Registry, tmp_path: Path
) -> None:
    with git_server(tmp_path) as server:
        setting = Setting(table, registry, server)
        world, life = setting.reverted(), Life()
        run(life.ports(world.ports))
        world.evaluate()
        assert outcome(world) == EXPECTED
        assert {"git.open.history", "objects.annotate", "objects.replace_statuses"} <= set(life.calls)
        for at, call in life.deaths():
            world = setting.reverted()
            with pytest.raises(Killed):
                run(Life(ends_at=at).ports(world.ports))
            run(later(table))
            world.evaluate()
            assert outcome(world) == EXPECTED, f"{at} {call}"


@pytest.mark.parametrize("ending", ["repeated", "given up"])
def test_whatever_answer_is_lost_a_revert_is_honoured(
    table: Table, registry: Registry, tmp_path: Path, ending: Any
) -> None:
    with git_server(tmp_path) as server:
        setting = Setting(table, registry, server)
        setting.reverted()
        counting, client = losing_ports(table)
        run(counting)
        for loses in range(1, len(client.writes) + 1):
            world = setting.reverted()
            ports, _ = losing_ports(table, loses, ending)
            with suppress(RetryableError):
                run(ports)
            run(later(table))
            world.evaluate()
            assert outcome(world)[:3] == EXPECTED[:3], client.writes[loses - 1]


def test_an_order_that_somebody_gives_meanwhile_is_not_replaced(world: World) -> None:
    world.person_sets("v1.20.0")
    pinned = command("-n", "ns", "pin", "policy", "app", "v1.25.0", "--no-wait", ports=world.ports)
    assert pinned.code == 0
    world.run()
    run(world.ports)
    assert world.in_git() == "v1.25.0"
