"""Each test of a sync gets a stack of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tagstream.adapters.store.table import Table
from tests.contract.reconcile.sync.fleet import Fleet, policy, repository
from tests.contract.reconciling import Silent, ports_on
from tests.embedded.git_server import bare_repository, git_server


@pytest.fixture
def fleet(table: Table, silent: Silent, tmp_path: Path) -> Iterator[Fleet]:
    root = tmp_path / "git"
    root.mkdir()
    first = {"fleet/web.yaml": repository("web").encode(), "fleet/policy.yaml": policy("web").encode()}
    bare = bare_repository(root, "fleet.git", first)
    with git_server(root) as server:
        found = Fleet(ports=ports_on(table, silent), silent=silent, bare=bare, url=server.url("fleet.git"))
        found.kustomization()
        yield found
