"""The log line of a commit, which the dashboard shows as a row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.ports.bundle import Ports
from tests.contract.reconcile.update.hosted import automation_document
from tests.contract.reconciling import automated, document, run, selection
from tests.embedded.git_server import commit_files, git
from tests.embedded.single_writes import put_selection


@dataclass
class Lines:
    """A log that keeps the facts of its lines by their message, and those of each line for a commit."""

    facts: dict[str, dict[str, object]] = field(default_factory=dict)
    commits: list[dict[str, object]] = field(default_factory=list)

    def correlate(self, cause: str) -> None:
        """Nothing is kept of it."""

    def info(self, message: str, **facts: object) -> None:
        self.facts[message] = facts
        self.commits += [facts] if message == "committed" else []

    debug = error = info


@pytest.mark.parametrize(("host", "path"), [("gitea", "commit"), ("bitbucket", "commits"), ("", None)])
def test_a_commit_is_linked_where_the_kind_of_its_host_is_known(
    ports: Ports, repository: tuple[str, Path], host: str, path: str | None
) -> None:
    url, bare = repository
    lines = Lines()
    watched = replace(ports, log=lines)
    automated(watched, url)
    (stored,) = ports.objects.list("GitRepository")
    document: Any = stored.document
    notes = {"tagstream.dev/git-host": host} if host else {}
    ports.objects.put({**document, "metadata": {**document["metadata"], "annotations": notes}})
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(watched)
    commit = git("rev-parse", "main", folder=bare).strip()
    facts = lines.facts["committed"]
    assert facts["commit"] == commit
    assert facts.get("url") == (f"{url.removesuffix('.git')}/{path}/{commit}" if path else None)


@pytest.mark.parametrize("refused", ["", "other"])
def test_each_commit_of_a_branch_template_has_its_own_line(
    ports: Ports, repository: tuple[str, Path], refused: str
) -> None:
    url, bare = repository
    lines = Lines()
    watched = replace(ports, log=lines)
    automated(watched, url)
    made = automation_document("images/{{ .Policy }}-{{ .NewTag }}")
    ports.objects.put({**made, "metadata": {"name": "app", "namespace": "ns"}})
    tags = {"api": 12, "app": 90, **({refused: 600} if refused else {})}
    for name, age_s in tags.items():
        policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "x"}})
        ports.objects.put({**policy, "metadata": {"name": name, "namespace": "ns"}})
        commit_files(bare, {f"{name}.yaml": b'image: app:v1.0.0 # {"$imagepolicy": "ns:%b"}\n' % name.encode()}, name)
        key = NamespacedName("ns", name)
        tag = "v2..2" if name == refused else "v1.1.0"
        at = ports.clock.now() - timedelta(seconds=age_s)
        new = replace(selection(tag), policy=key, ref=ImageRef(name="app", tag=tag), selected_at=at)
        put_selection(ports.selections, new, ports.selections.get(key))
    run(watched)
    names = ("images/api-v1.1.0", "images/app-v1.1.0")
    heads = {name: git("rev-parse", name, folder=bare).strip() for name in names}
    assert {str(one["branch"]): one["commit"] for one in lines.commits} == heads
    assert [one["changes"] for one in lines.commits] == [1, 1]
    assert [12 <= float(str(one["lag_s"])) < 80 for one in lines.commits] == [True, False]
    assert ("reconcile failed" in lines.facts) is bool(refused)
