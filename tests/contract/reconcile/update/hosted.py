"""What the tests of pull requests share: a repository on a fake host, an automation that wants requests, and runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tagstream.adapters.git_hosts.hosts import KnownHosts
from tagstream.domain.objects.git_host import API_URL, GIT_HOST, GitHostKind
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.objects.pull_request import PULL_REQUEST
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.commit_outlet import CommitOutlet, Outgoing
from tagstream.ports.git import GitSession
from tagstream.reconcile.update.automations import run_automations
from tests.contract.adapters.git_hosts.hosts import HOSTS
from tests.contract.reconciling import APP, MARKED, Silent, document, run, selection
from tests.contract.set_clock import SetClock
from tests.embedded.git_hosts.host import FakeHost, running
from tests.embedded.git_server import bare_repository, commit_files, git, git_server
from tests.embedded.single_writes import put_selection

FRIDAY = datetime(2026, 11, 27, 10, tzinfo=UTC)
BRANCH = "updates"
SECRET = NamespacedName("ns", "git")
AUTOMATION = "ImageUpdateAutomation"
TOKEN = "token-of-the-bot"
# Whoever dies before one of them has done no more than one who dies after the one before.
WRITES = {
    *("outlet.send", "git_hosts.of.open", "git_hosts.of.furnish", "git_hosts.of.change", "git_hosts.of.close"),
    *("objects.put_statuses", "objects.replace_status"),
    *("ledger.record", "leases.put_intent", "leases.clear_intents"),
}


API_PATHS: Mapping[GitHostKind, str] = {
    "github": "",
    "gitlab": "/api/v4",
    "gitea": "/api/v1",
    "bitbucket-server": "/rest",
}


@dataclass
class Hosted:
    """A stack with one automation, whose repository is on a host."""

    ports: Ports
    host: FakeHost
    bare: Path
    clock: SetClock
    silent: Silent

    def select(self, tag: str, name: str = "app") -> None:
        """The policy selects a tag."""
        key = NamespacedName("ns", name)
        new = replace(selection(tag), policy=key, ref=ImageRef(name="app", tag=tag))
        assert put_selection(self.ports.selections, new, self.ports.selections.get(key))

    def run(self, after_s: float = 60.0, ports: Ports | None = None) -> None:
        """One run of the automation, some time after the last one."""
        self.clock.at += timedelta(seconds=after_s)
        run(ports or self.ports, left_s=60.0)

    def run_all(self, names: Sequence[str], after_s: float = 60.0, ports: Ports | None = None) -> None:
        """One run of several automations."""
        self.clock.at += timedelta(seconds=after_s)
        keys = [NamespacedName("ns", name) for name in names]
        run_automations(keys, "worker", self.ports.clock.monotonic_s() + 60.0, ports or self.ports)

    def annotate(self, **annotations: str | None) -> None:
        """Annotations of the automation, by the part behind ``tagstream.dev/``, with ``_`` for ``-``."""
        named = {f"tagstream.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}
        self.ports.objects.annotate(AUTOMATION, APP, named)

    def commit(self, tag: str, message: str = "by hand") -> None:
        """Somebody sets the tag on the main branch."""
        commit_files(self.bare, {"app.yaml": MARKED.replace(b"v1.0.0", tag.encode())}, message)

    @property
    def status(self) -> Mapping[str, Any]:
        """The automation's status."""
        stored = self.ports.objects.get(AUTOMATION, APP)
        assert stored is not None
        return stored.status

    @property
    def request(self) -> Any:
        """What the status keeps of the request."""
        return self.status.get("pullRequest")

    @property
    def ready(self) -> str:
        """Reason and message of the Ready condition."""
        conditions: Any = self.status["conditions"]
        found = next(one for one in conditions if one["type"] == "Ready")
        return f"{found['reason']}: {found['message']}"

    def told(self) -> list[str]:
        """Reason and first line of the ledger's entries about requests."""
        found = self.ports.ledger.read(FRIDAY - timedelta(days=1), FRIDAY + timedelta(days=30))
        return [f"{one.reason}: {one.message.splitlines()[0]}" for one in found if one.reason.startswith("Request")]

    def head(self, branch: str = BRANCH) -> str:
        """The commit of a branch; empty if there is none."""
        return self.host.branch(branch)


@dataclass
class CutOff:
    """An outlet whose first answer is lost, though the push has arrived."""

    outlet: CommitOutlet
    is_cut: bool = False

    def send(self, outgoing: Outgoing, session: GitSession) -> None:
        self.outlet.send(outgoing, session)
        if not self.is_cut:
            self.is_cut = True
            raise RetryableError("the connection is cut off", reason="GitOperationFailed")


def repository_document(url: str, kind: str, api_url: str) -> dict[str, Any]:
    """The GitRepository of a host of our own."""
    source = document(
        "GitRepository", "source.toolkit.fluxcd.io/v1", url=url, interval="1m", secretRef={"name": SECRET.name}
    )
    source["metadata"]["annotations"] = {GIT_HOST: kind, API_URL: api_url}
    return source


def automation_document(push: str = BRANCH, name: str = "app", **annotations: str) -> dict[str, Any]:
    """An automation that wants requests."""
    spec = {
        "checkout": {"ref": {"branch": "main"}},
        "commit": {"author": {"email": "bot@example.com"}},
        "push": {"branch": push},
    }
    made = document(AUTOMATION, interval="1m", sourceRef={"kind": "GitRepository", "name": "app"}, git=spec)
    notes = {f"tagstream.dev/{key.replace('_', '-')}": text for key, text in annotations.items()}
    made["metadata"] = {"name": name, "namespace": "ns", "annotations": {PULL_REQUEST: "true", **notes}}
    return made


@contextmanager
def hosted(ports: Ports, silent: Silent, root: Path, kind: GitHostKind) -> Iterator[Hosted]:
    """A stack whose automation has a new tag to propose; the host checks every request."""
    tested = next(one for one in HOSTS if one.kind == kind)
    bare = bare_repository(root, tested.path.strip("/"), {"app.yaml": MARKED})
    clock = SetClock(FRIDAY)
    silent.secrets[SECRET] = {"username": b"bot", "password": TOKEN.encode()}
    ports = replace(ports, clock=clock, git_hosts=KnownHosts(lambda access: access, clock))
    host = tested.fake()
    host.bare, host.authorizations = bare, set(tested.authorizations.values())
    with git_server(root) as server, running(host):
        url = server.url(tested.path.strip("/"))
        ports.objects.put(repository_document(url, kind, host.origin + API_PATHS[kind]))
        ports.objects.put(automation_document())
        stack = Hosted(ports, host, bare, clock, silent)
        stack.select("v1.1.0")
        yield stack
    assert host.problems == []


def tag_on(bare: Path, branch: str = BRANCH) -> str:
    """The tag in the file of a branch."""
    return git("show", f"{branch}:app.yaml", folder=bare).split()[1].removeprefix("app:")
