"""Commits by the Git host's API are on the branch once, wherever a worker dies or an answer is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.git_host import API_URL, GIT_HOST
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.update.automations import run_automations
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.test_crashes import later
from tests.contract.reconciling import APP, MARKED, Silent, document, emptied, ports_on, selection
from tests.embedded.committing_hosts import (
    BOT_EMAIL,
    SIGNED,
    TOKEN,
    Committing,
    CommittingGitHub,
    CommittingGitLab,
    serving,
)
from tests.embedded.git_hosts.host import Answer
from tests.embedded.git_server import GitServer, bare_repository, commit_files, git, git_server
from tests.embedded.single_writes import put_selection

HOSTS: Mapping[str, type[Committing]] = {"github": CommittingGitHub, "gitlab": CommittingGitLab}
SCRATCH = "tagstream-api"
EVERY_HOST = pytest.mark.parametrize("kind", HOSTS)


@dataclass
class World:
    """Automations whose repository is on a host that makes the commits."""

    ports: Ports
    silent: Silent
    host: Committing
    server: GitServer
    kind: str
    push: Mapping[str, Any]
    names: tuple[str, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def bare(self) -> Path:
        return self.host.bare

    @property
    def branch(self) -> str:
        return str(self.push.get("branch", "main"))

    def begin(self) -> None:
        """Apply the objects; every policy has selected v1.1.0."""
        self.silent.secrets[NamespacedName("ns", "git")] = {"username": b"bot", "password": TOKEN.encode()}
        url = self.server.url("org/app.git")
        source = document(
            "GitRepository", "source.toolkit.fluxcd.io/v1", url=url, interval="1m", secretRef={"name": "git"}
        )
        source["metadata"]["annotations"] = {GIT_HOST: self.kind, API_URL: self.host.origin}
        self.ports.objects.put(source)
        for name in self.names:
            self.ports.objects.put(self.automation(name))
            self.select("v1.1.0", name)

    def automation(self, name: str, **annotations: str) -> dict[str, Any]:
        commit = {"author": {"email": "bot@example.com", "name": "Bot"}, "messageTemplate": f"update {name}\n\nby us"}
        made = document(
            "ImageUpdateAutomation",
            interval="1m",
            sourceRef={"kind": "GitRepository", "name": "app"},
            git={"checkout": {"ref": {"branch": "main"}}, "commit": commit, "push": self.push},
            update={"path": name, "strategy": "Setters"},
        )
        notes = {COMMIT_BY: "api", **self.annotations, **annotations}
        return {**made, "metadata": {"name": name, "namespace": "ns", "annotations": notes}}

    def select(self, tag: str, name: str = "app") -> None:
        key = NamespacedName("ns", name)
        new = replace(selection(tag), policy=key, ref=ImageRef(name="app", tag=tag))
        assert put_selection(self.ports.selections, new, self.ports.selections.get(key))

    def run(self, ports: Ports | None = None) -> None:
        ports = ports or self.ports
        keys = [NamespacedName("ns", name) for name in self.names]
        run_automations(keys, "worker", ports.clock.monotonic_s() + 60, ports)

    def rescue(self, table: Table) -> Ports:
        """A new worker's ports, when the dead one's lease is over."""
        return replace(later(table), secrets=self.silent)

    def status(self, name: str = "app") -> Any:
        stored = self.ports.objects.get("ImageUpdateAutomation", NamespacedName("ns", name))
        assert stored is not None
        return stored.status

    def ready(self, name: str = "app") -> str:
        found = next(one for one in self.status(name)["conditions"] if one["type"] == "Ready")
        return f"{found['reason']}: {found['message']}"

    def told(self) -> list[str]:
        """The commits that the ledger tells of."""
        now = datetime.now(UTC)
        entries = self.ports.ledger.read(now - timedelta(hours=1), now + timedelta(hours=8))
        return [str(one.facts["commit"]) for one in entries if one.facts and "commit" in one.facts]

    def commits(self, branch: str = "") -> list[str]:
        return git("rev-list", branch or self.branch, folder=self.bare).split()

    def text(self, commit: str, form: str = "%an <%ae>|%B") -> str:
        return git("show", "--no-patch", f"--format={form}", commit, folder=self.bare).strip()

    def branches(self) -> list[str]:
        return git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", folder=self.bare).split()

    def file(self, name: str = "app", branch: str = "") -> str:
        return git("show", f"{branch or self.branch}:{name}/app.yaml", folder=self.bare)


@dataclass
class Worlds:
    """Makes worlds, each with a repository of its own on an emptied table."""

    table: Table
    root: Path
    stack: ExitStack
    made: int = 0

    def begun(self, kind: str = "github", names: tuple[str, ...] = ("app",), **push: Any) -> World:
        emptied(self.table)
        self.made += 1
        folder = self.root / str(self.made)
        folder.mkdir()
        files = {f"{name}/app.yaml": MARKED.replace(b"ns:app", f"ns:{name}".encode()) for name in names}
        bare = bare_repository(folder, "org/app.git", files)
        host = self.stack.enter_context(serving(HOSTS[kind](bare)))
        server = self.stack.enter_context(git_server(folder))
        silent = Silent()
        world = World(ports_on(self.table, silent), silent, host, server, kind, push, names)
        world.begin()
        return world


@pytest.fixture
def worlds(table: Table, tmp_path: Path) -> Iterator[Worlds]:
    with ExitStack() as stack:
        yield Worlds(table, tmp_path, stack)


@EVERY_HOST
def test_the_host_s_own_commit_is_what_the_branch_gets(worlds: Worlds, kind: str) -> None:
    world = worlds.begun(kind)
    before = world.commits()
    world.run()
    made, *rest = world.commits()
    assert rest == before
    author = f"tagstream[bot] <{BOT_EMAIL}>" if kind == "github" else "Bot <bot@example.com>"
    assert world.text(made) == f"{author}|update app\n\nby us\n\n{SIGNED}"
    assert "v1.1.0" in world.file()
    assert world.branches() == ["main"]
    assert world.status()["lastPushCommit"] == made
    assert world.status()["observedSourceRevision"] == f"main@sha1:{made}"
    assert world.told() == [made]
    assert world.ready().startswith("Succeeded")


@EVERY_HOST
def test_the_next_run_finds_nothing_to_do(worlds: Worlds, kind: str) -> None:
    world = worlds.begun(kind)
    world.run()
    world.host.calls.clear()
    world.server.requests.clear()
    world.run()
    assert world.host.calls == []
    assert len(world.server.requests) == 1


@EVERY_HOST
def test_automations_of_a_branch_have_their_commits_on_top_of_each_other(worlds: Worlds, kind: str) -> None:
    world = worlds.begun(kind, ("a", "b"))
    world.run()
    of_b, of_a, _ = world.commits()
    assert [world.text(one, "%s") for one in (of_a, of_b)] == ["update a", "update b"]
    assert [world.status(name)["lastPushCommit"] for name in ("a", "b")] == [of_a, of_b]
    assert {world.status(name)["observedSourceRevision"] for name in ("a", "b")} == {f"main@sha1:{of_b}"}
    assert world.branches() == ["main"]


def test_a_scratch_branch_of_a_template_goes_though_its_tag_is_selected_no_more(worlds: Worlds) -> None:
    world = worlds.begun(branch="images/{{ .Policy }}-{{ .NewTag }}")
    other = world.automation("web")
    other["spec"]["git"] = {**other["spec"]["git"], "push": {"branch": "images/web"}}
    world.ports.objects.put(other)
    # What workers leave that die when the host has made their commits.
    for left in ("images/app-v1.0.9", "images/web"):
        git("update-ref", f"refs/heads/{SCRATCH}/{left}", "main", folder=world.bare)
    world.run()
    assert world.branches() == ["images/app-v1.1.0", "main", f"{SCRATCH}/images/web"]


def test_a_template_that_could_make_any_name_leaves_scratch_branches_to_their_makers(worlds: Worlds) -> None:
    world = worlds.begun(branch="{{ .Policy }}-{{ .NewTag }}")
    git("update-ref", f"refs/heads/{SCRATCH}/of-another-stack", "main", folder=world.bare)
    world.run()
    assert world.branches() == ["app-v1.1.0", "main", f"{SCRATCH}/of-another-stack"]


@EVERY_HOST
def test_each_branch_of_a_template_gets_a_commit_of_the_host_s(worlds: Worlds, kind: str) -> None:
    world = worlds.begun(kind, ("a", "b"), branch="images/{{ .Policy }}")
    world.run()
    assert world.branches() == ["images/a", "images/b", "main"]
    for name in ("a", "b"):
        assert "v1.1.0" in world.file(name, f"images/{name}")
        assert world.status(name)["lastPushCommit"] == world.commits(f"images/{name}")[0]


@EVERY_HOST
def test_a_push_branch_is_made_and_rebuilt_without_ever_being_its_base(worlds: Worlds, kind: str) -> None:
    world = worlds.begun(kind, branch="updates")
    world.run()
    first = world.commits()[0]
    heads = []
    world.host.before = lambda: heads.append(world.host.branch("updates"))
    world.select("v1.2.0")
    world.run()
    second, base = world.commits()
    # A host closes the pull request of a branch that offers nothing.
    assert heads == [first]
    assert second != first
    assert base == world.host.branch("main")
    assert "v1.2.0" in world.file()
    assert world.status()["observedPushRevision"] == f"updates@sha1:{second}"
    assert world.branches() == ["main", "updates"]


def test_refspecs_and_options_go_with_the_host_s_commit(worlds: Worlds) -> None:
    world = worlds.begun(refspec="refs/heads/main:refs/heads/copy", options={"topic": "images"})
    world.run()
    assert world.host.branch("copy") == world.host.branch("main") == world.status()["lastPushCommit"]


@EVERY_HOST
def test_a_branch_that_moves_meanwhile_is_fetched_again_and_the_commit_repeated(worlds: Worlds, kind: str) -> None:
    world = worlds.begun(kind)
    quick = iter([True])

    def somebody() -> None:
        if next(quick, False):
            commit_files(world.bare, {"other.yaml": b"theirs"}, "somebody was quicker")

    world.host.before = somebody
    world.run()
    made, theirs, _ = world.commits()
    assert world.text(theirs, "%s") == "somebody was quicker"
    assert world.told() == [made]
    assert "v1.1.0" in world.file()
    assert world.branches() == ["main"]


@EVERY_HOST
def test_the_modes_of_files_stay(worlds: Worlds, kind: str) -> None:
    world = worlds.begun(kind)
    executable(world)
    world.run()
    assert git("ls-tree", "main", "--", "app/app.yaml", folder=world.bare).split()[0] == "100755"
    assert "v1.1.0" in world.file()


def test_a_commit_with_other_files_than_asked_for_is_not_pushed(worlds: Worlds) -> None:
    world = worlds.begun()
    executable(world)
    world.host.changes_modes = True
    before = world.commits()
    world.run()
    assert world.commits() == before
    assert world.ready().startswith("GitOperationFailed: failed to commit through the host's API: its commit")
    assert world.ready().endswith("and is not pushed: file 'app/app.yaml' has mode 100644 in place of 100755")


def executable(world: World) -> None:
    blob = git("rev-parse", "main:app/app.yaml", folder=world.bare).strip()
    folder = git("mktree", folder=world.bare, stdin=f"100755 blob {blob}\tapp.yaml\n".encode()).strip()
    root = git("mktree", folder=world.bare, stdin=f"040000 tree {folder}\tapp\n".encode()).strip()
    commit = git("commit-tree", root, "-p", "main", "-m", "executable", folder=world.bare).strip()
    git("update-ref", "refs/heads/main", commit, folder=world.bare)


@EVERY_HOST
def test_an_answer_that_is_lost_leads_to_no_second_commit(worlds: Worlds, kind: str) -> None:
    world = worlds.begun(kind)
    before = world.commits()
    operation = "graphql" if kind == "github" else "create-commit"
    world.host.lost = {operation}
    world.run()
    assert world.commits() == before
    assert world.ready().startswith("GitOperationFailed: failed to commit through the Git host's API")
    world.host.lost.clear()
    world.run()
    assert world.commits()[1:] == before
    assert world.branches() == ["main"]
    assert world.told() == world.commits()[:1]


def test_what_a_dead_worker_left_is_removed_when_somebody_else_made_the_change(worlds: Worlds) -> None:
    world = worlds.begun()
    life = Life(ends_at=0)
    world.run(life.ports(world.ports))
    at = life.calls.index("host_commits.commit") + 1
    world = worlds.begun()
    with pytest.raises(Killed):
        world.run(Life(ends_at=at).ports(world.ports))
    assert world.branches() == ["main", f"{SCRATCH}/main"]
    commit_files(world.bare, {"app/app.yaml": MARKED.replace(b"v1.0.0", b"v1.1.0")}, "by hand")
    world.run(world.rescue(worlds.table))
    assert world.branches() == ["main"]
    assert world.text("main", "%s") == "by hand"


WRITES = {
    *("git.open.push", "host_commits.commit", "objects.put_statuses", "ledger.record"),
    *("leases.acquire", "leases.put_intent", "leases.clear_intents", "leases.release"),
}
CASES = pytest.mark.parametrize(
    ("names", "push"),
    [(("app",), {}), (("a", "b"), {"branch": "updates"})],
    ids=["a-branch", "two-on-a-push-branch"],
)


@CASES
def test_a_commit_is_on_the_branch_and_told_exactly_once_wherever_its_worker_dies(
    worlds: Worlds, names: tuple[str, ...], push: dict[str, str]
) -> None:
    def outcome(world: World) -> tuple[object, ...]:
        commits = world.commits()
        return (
            [world.file(name) for name in names],
            len(commits),
            sorted(commits.index(world.status(name)["lastPushCommit"]) for name in names),
            [world.ready(name).split(":")[0] for name in names],
            sorted(commits.index(one) for one in world.told()),
            world.branches(),
            [world.text(one, "%an") for one in commits],
        )

    whole = worlds.begun("github", names, **push)
    life = Life()
    whole.run(life.ports(whole.ports))
    expected = outcome(whole)
    outcomes = {}
    for at, call in enumerate(life.calls, start=1):
        if call not in WRITES:
            continue
        found = worlds.begun("github", names, **push)
        with pytest.raises(Killed):
            found.run(Life(ends_at=at).ports(found.ports))
        found.run(found.rescue(worlds.table))
        outcomes[f"{at} {call}"] = outcome(found)
    assert {where: found for where, found in outcomes.items() if found != expected} == {}
    assert expected[1] == len(names) + 1
    assert expected[5] == sorted({"main", str(push.get("branch", "main"))})
    # Several statuses are written together.
    assert "objects.replace_statuses" in life.calls
    assert {"git.open.push", "host_commits.commit", "leases.put_intent"} <= set(life.calls)


def test_automations_of_one_branch_that_push_themselves_keep_their_own_commits(worlds: Worlds) -> None:
    world = worlds.begun("github", ("a", "b"))
    world.ports.objects.put(world.automation("b", **{COMMIT_BY: "push"}))
    world.run()
    by_author = {world.text(one, "%s"): world.text(one, "%ae") for one in world.commits()[:2]}
    assert by_author == {"update a": BOT_EMAIL, "update b": "bot@example.com"}


def test_a_host_whose_api_makes_no_commits_is_refused_by_name(worlds: Worlds) -> None:
    world = worlds.begun()
    stored = world.ports.objects.get("GitRepository", APP)
    assert stored is not None
    metadata: Any = stored.document["metadata"]
    for kind, said in (("bitbucket", "is on bitbucket"), ("", "annotate GitRepository 'ns/app'")):
        notes = {**metadata["annotations"], GIT_HOST: kind}
        world.ports.objects.put({**stored.document, "metadata": {**metadata, "annotations": notes}})
        world.run()
        assert said in world.ready()
        assert COMMIT_BY in world.ready()
    assert world.host.calls == []


def test_the_automation_s_own_api_secret_is_used_for_the_api_alone(worlds: Worlds) -> None:
    world = worlds.begun()
    world.silent.secrets[NamespacedName("ns", "git")] = {"username": b"bot", "password": b"for-git-only"}
    world.run()
    assert "the token is not valid" in world.ready()
    world.silent.secrets[NamespacedName("ns", "api")] = {"bearerToken": TOKEN.encode()}
    world.ports.objects.put(world.automation("app", **{"tagstream.dev/api-secret": "api"}))
    world.run()
    assert world.ready().startswith("Succeeded")


def test_a_person_s_revert_is_honoured_and_our_own_commits_are_none(worlds: Worlds) -> None:
    world = worlds.begun()
    world.ports.objects.put(document("ImageRepository", image="registry.example/app", interval="1m"))
    world.ports.objects.put(
        document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    )
    world.run()
    assert world.status()["lastPushAuthor"] == f"tagstream[bot] <{BOT_EMAIL}>"
    commit_files(world.bare, {"app/app.yaml": MARKED}, "back")
    world.run()
    assert "v1.0.0" in world.file()
    assert world.status()["revertedPolicies"] == ["app"]


def test_nothing_of_the_token_is_in_what_a_failed_commit_leaves(worlds: Worlds) -> None:
    world = worlds.begun()
    world.host.refusals = [Answer(status=403, document={"message": f"{TOKEN} may not write"})]
    world.run()
    assert "may not write" in world.ready()
    assert TOKEN not in str(world.status())
    assert not any(TOKEN in line for line in world.silent.lines)
