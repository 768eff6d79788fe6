"""Secrets Manager hangs: automations that need nothing of it are not held up, and others wait side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tagstream.domain.objects.model import NamespacedName, Receiver
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.reconcile.receive.paths import refresh_receivers
from tagstream.reconcile.stored_objects import parsed_objects
from tagstream.reconcile.update.automations import run_automations
from tests.contract.reconcile.update.test_hosts import automated_in, status_in
from tests.contract.reconciling import APP, MARKED, Silent, automated, document, selection
from tests.embedded.git_server import bare_repository, git, git_server
from tests.embedded.single_writes import put_selection

MANY = 24
HANGS_S = 1.0


class HangingSecrets(Silent):
    """Every read takes its time and fails; ``held`` ends a read early."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.released = threading.Event()
        self.is_held = False
        self.lock = threading.Lock()

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        with self.lock:
            self.reads += 1
        self.released.wait(30 if self.is_held else HANGS_S)
        raise RetryableError(f"failed to read secret '{key}': ReadTimeoutError", reason="AuthenticationFailed")


@pytest.fixture
def hung() -> HangingSecrets:
    return HangingSecrets()


def test_an_automation_without_secrets_commits_while_others_wait_for_theirs(
    ports: Ports, tmp_path: Path, hung: HangingSecrets
) -> None:
    hung.is_held = True
    ports = replace(ports, secrets=hung)
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    put_selection(ports.selections, selection("v1.1.0"), None)
    with git_server(tmp_path) as server:
        server.before_push = hung.released.set
        automated(ports, server.url("app.git"))
        keys = [
            automated_in(ports, f"ns-{n}", server.url(f"other-{n}.git"), secretRef={"name": "git"}) for n in range(3)
        ]
        run_automations([*keys, APP], "worker", ports.clock.monotonic_s() + 60, ports)
    assert "v1.1.0" in git("show", "main:app.yaml", folder=bare)
    for key in keys:
        assert "failed to read secret" in status_in(ports, key)["conditions"][0]["message"]


def test_the_secrets_of_many_automations_are_waited_for_side_by_side(ports: Ports, hung: HangingSecrets) -> None:
    ports = replace(ports, secrets=hung)
    url = "https://git.example.com/app.git"
    keys = [automated_in(ports, f"ns-{n}", url, secretRef={"name": "git"}) for n in range(MANY)]
    begun = time.monotonic()
    run_automations(keys, "worker", ports.clock.monotonic_s() + 60, ports)
    assert time.monotonic() - begun < MANY * HANGS_S / 2
    assert hung.reads == MANY


def test_automations_of_one_branch_are_run_one_after_the_other_whether_they_need_a_secret_or_not(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    silent.secrets[NamespacedName("other", "git")] = {"username": b"bot", "password": b"hunter2"}
    content = MARKED + MARKED.replace(b"ns:app", b"other:app")
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": content})
    put_selection(ports.selections, selection("v1.1.0"), None)
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"))
        other = automated_in(ports, "other", server.url("app.git"), secretRef={"name": "git"})
        put_selection(ports.selections, replace(selection("v1.1.0"), policy=other), None)
        run_automations([APP, other], "worker", ports.clock.monotonic_s() + 60, ports)
    assert git("show", "main:app.yaml", folder=bare).count("v1.1.0") == 2
    assert git("rev-list", "--count", "main", folder=bare).strip() == "3"


def test_receivers_wait_for_their_secrets_side_by_side(ports: Ports, hung: HangingSecrets) -> None:
    for number in range(MANY):
        spec = {
            "type": "github",
            "secretRef": {"name": "token"},
            "resources": [{"kind": "ImageRepository", "name": "*"}],
        }
        one = document("Receiver", "notification.toolkit.fluxcd.io/v1", **spec)
        ports.objects.put(one | {"metadata": {"name": f"r{number}", "namespace": "ns"}})
    found = list(parsed_objects(ports.objects.list("Receiver"), Receiver, ports.log))
    begun = time.monotonic()
    refresh_receivers(found, ports.clock.monotonic_s() + 60, replace(ports, secrets=hung))
    assert hung.reads == MANY
    assert time.monotonic() - begun < MANY * HANGS_S / 2
