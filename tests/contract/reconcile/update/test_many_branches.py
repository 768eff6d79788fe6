"""Branches of a template whose commits do not fit into the item of their lease: each is recorded exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.ports.bundle import Ports
from tests.contract.reconcile.update.hosted import Hosted, automation_document
from tests.contract.reconcile.update.repeated_runs import Repeated, branches_of, wrong
from tests.contract.reconcile.update.test_branch_templates import TAGGED, begun
from tests.contract.reconcile.update.test_template_deaths import policy
from tests.contract.reconciling import Silent
from tests.embedded.git_server import commit_files

NAMES = ("api", "app", "job", "web")
# No compression finds these characters again, so that a commit with them leaves no room for others in its lease.
MESSAGE = hashlib.shake_256(b"message").hexdigest(3_000)


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    """A stack whose automation pushes four branches, each with a long message, and keeps no requests."""
    with begun(ports, silent, tmp_path) as made:
        for name in NAMES:
            made.ports.objects.put(policy(name))
            line = f'image: app:v1.0.0 # {{"$imagepolicy": "ns:{name}"}}\n'
            commit_files(made.bare, {f"{name}.yaml": line.encode()}, name)
        automation: Any = automation_document(TAGGED)
        del automation["metadata"]["annotations"]
        automation["spec"]["git"]["commit"]["messageTemplate"] = MESSAGE
        made.ports.objects.put(automation)
        for name in NAMES:
            made.select("v1.1.0", name)
        made.run()
        for name in NAMES:
            made.select("v1.2.0", name)
        yield made


def test_a_worker_that_dies_at_any_call_leaves_no_commit_unrecorded(stack: Hosted, table: Table) -> None:
    looked_at = Repeated(stack, table, each_call=True)
    expected: Any = looked_at.whole()
    assert looked_at.calls.count("leases.put_intent") == len(NAMES)
    assert branches_of(stack) == [f"images/{name}-v1.2.0" for name in NAMES]
    pushes = {text: often for text, often in expected["told"].items() if "pushed commit" in text}
    assert len(pushes) == len(NAMES)
    assert set(pushes.values()) == {1}
    assert wrong(expected, dict(looked_at.deaths())) == {}


def test_a_worker_that_dies_while_it_records_a_commit_leaves_none_unrecorded(stack: Hosted, table: Table) -> None:
    looked_at = Repeated(stack, table)
    expected = looked_at.whole()
    found = dict(looked_at.deaths_at_the_lease())
    assert len(found) >= 10
    assert wrong(expected, found) == {}
