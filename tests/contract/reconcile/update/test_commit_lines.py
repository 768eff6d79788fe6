"""The log line of a commit, which the dashboard shows as a row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tagstream.ports.bundle import Ports
from tests.contract.reconciling import automated, run, selection
from tests.embedded.git_server import git


@dataclass
class Lines:
    """A log that keeps the facts of its lines by their message."""

    facts: dict[str, dict[str, object]] = field(default_factory=dict)

    def correlate(self, cause: str) -> None:
        """Nothing is kept of it."""

    def info(self, message: str, **facts: object) -> None:
        self.facts[message] = facts

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
    ports.selections.put(selection("v1.1.0"), None)
    run(watched)
    commit = git("rev-parse", "main", folder=bare).strip()
    facts = lines.facts["committed"]
    assert facts["commit"] == commit
    assert facts.get("url") == (f"{url.removesuffix('.git')}/{path}/{commit}" if path else None)
