"""Git servers that hang: nobody else waits for them, and nobody asks them again before their cool-down is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tagstream.adapters.git.logins import GitCredentials, RoleKeys
from tagstream.adapters.git.remote import GitClient
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.update.automations import run_automations
from tagstream.reconcile.update.host_health import MOST_HUNG
from tagstream.reconcile.update.lanes import A_HOST
from tests.contract.reconciling import APP, MARKED, Silent, automated, document, run, selection
from tests.embedded.git_server import GitServer, bare_repository, git, git_server
from tests.embedded.hanging import Hanging, hanging
from tests.embedded.single_writes import put_selection

HOSTS, BRANCHES = 4, 3


def automated_in(ports: Ports, namespace: str, url: str, **spec: Any) -> NamespacedName:
    """An automation of a repository in a namespace of its own."""
    key = NamespacedName(namespace, "app")
    source = document("GitRepository", "source.toolkit.fluxcd.io/v1", url=url, interval="1m", **spec)
    git_spec = {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "b@c"}}}
    reference = {"kind": "GitRepository", "name": "app"}
    one = document("ImageUpdateAutomation", interval="1m", sourceRef=reference, git=git_spec)
    for each in (source, one):
        ports.objects.put({**each, "metadata": {"name": "app", "namespace": namespace}})
    return key


def status_in(ports: Ports, key: NamespacedName) -> Any:
    stored = ports.objects.get("ImageUpdateAutomation", key)
    assert stored is not None
    return stored.status


@pytest.fixture
def hung(ports: Ports) -> Iterator[tuple[list[NamespacedName], list[Hanging]]]:
    """Automations of several branches on several servers that hang."""
    with ExitStack() as stack:
        servers = [stack.enter_context(hanging()) for _ in range(HOSTS)]
        keys = [
            automated_in(ports, f"hung-{host}-{branch}", f"http://{server.address}/{branch}.git")
            for host, server in enumerate(servers)
            for branch in range(BRANCHES)
        ]
        yield keys, servers


def test_a_healthy_automation_beside_servers_that_hang_commits_within_seconds(
    ports: Ports, tmp_path: Path, hung: tuple[list[NamespacedName], list[Hanging]]
) -> None:
    keys, servers = hung
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"))
        run(ports)
        began_s = ports.clock.monotonic_s()
        pushed_s: list[float] = []
        server.before_push = lambda: pushed_s.append(ports.clock.monotonic_s() - began_s)
        put_selection(ports.selections, selection("v1.1.0"), None)
        run_automations([*keys, APP], "worker", began_s + 295, ports)
        took_s = ports.clock.monotonic_s() - began_s
        assert "v1.1.0" in git("show", "main:app.yaml", folder=bare)
        assert pushed_s[0] < 5
        # One time-out for all hosts together, since each host's other branches are left alone after the first.
        assert took_s < 20
        asked = [len(one.taken) for one in servers]
        assert max(asked) <= BRANCHES

        again_s = ports.clock.monotonic_s()
        run_automations(keys, "worker", again_s + 295, ports)
        assert ports.clock.monotonic_s() - again_s < 5
    assert [len(one.taken) for one in servers] == asked
    for key in keys:
        found = status_in(ports, key)
        assert found["conditions"][0]["reason"] == "GitOperationFailed"
        assert found["conditions"][0]["message"].startswith("failed to checkout source: ")
        # The tick asks for its run again when the cool-down is over.
        assert found["tagstream"]["retryAt"]


def test_a_server_that_answered_so_far_and_hangs_now_does_not_get_its_whole_time_out(
    ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.adapters.git.http_client.LISTED_WITHIN_S", 1.0)
    monkeypatch.setattr("tagstream.reconcile.update.host_health.HUNG_AFTER_S", 0.5)
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"))
        put_selection(ports.selections, selection("v1.1.0"), None)
        run(ports)
        port = int(server.url("").split(":")[2].split("/")[0])
    assert status_in(ports, APP)["conditions"][0]["status"] == "True"
    put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
    with hanging(port) as hung:
        began_s = ports.clock.monotonic_s()
        run(ports, left_s=100)
        # The GitRepository's time-out is a minute.
        assert ports.clock.monotonic_s() - began_s < 20
        asked = len(hung.taken)
        found = status_in(ports, APP)
        assert found["conditions"][0]["reason"] == "GitOperationFailed"
        run(ports, left_s=100)
        # Now it is left alone.
        assert len(hung.taken) == asked
    assert "v1.1.0" in git("show", "main:app.yaml", folder=bare)


def test_a_server_that_answers_each_request_slowly_does_not_hold_a_run_beyond_its_time(
    ports: Ports, tmp_path: Path
) -> None:
    bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"))
        put_selection(ports.selections, selection("v1.1.0"), None)
        server.hangs = lambda path, body: bool(time.sleep(0.9))
        run(ports, left_s=1.5)
        asked = len(server.requests)
    # A commit needs four requests. Those that were begun have what is left of the time, and not each the whole of it.
    assert asked < 4
    assert status_in(ports, APP)["conditions"][0]["reason"] == "GitOperationFailed"


def test_a_server_that_is_left_alone_is_asked_when_somebody_asks_for_the_run(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    automated(ports, url)
    host = "git:" + url.split("/")[2]
    ports.tags.put_cool_down(host, ports.clock.now().replace(year=2100))
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    assert "left alone until 2100-" in status_in(ports, APP)["conditions"][0]["message"]
    ports.objects.annotate("ImageUpdateAutomation", APP, {"reconcile.fluxcd.io/requestedAt": "now"})
    run(ports)
    assert "v1.1.0" in git("show", "main:app.yaml", folder=bare)


def no_role() -> RoleKeys:
    raise AssertionError("nobody signs in with a role here")


def rsa_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def its_proxy_hangs(ports: Ports, silent: Silent, server: GitServer, hung: Hanging) -> NamespacedName:
    key = automated_in(ports, "troubled", server.url("app.git"), timeout="1s", proxySecretRef={"name": "proxy"})
    silent.secrets[NamespacedName("troubled", "proxy")] = {"address": f"http://{hung.address}".encode()}
    return key


def its_login_hangs(ports: Ports, silent: Silent, server: GitServer, hung: Hanging) -> NamespacedName:
    login = {"provider": "github", "secretRef": {"name": "app"}}
    key = automated_in(ports, "troubled", server.url("app.git"), timeout="1s", **login)
    data = {"githubAppID": b"1", "githubAppInstallationID": b"2", "githubAppPrivateKey": rsa_key()}
    silent.secrets[NamespacedName("troubled", "app")] = data | {"githubAppBaseURL": f"http://{hung.address}".encode()}
    return key


def its_pack_hangs(ports: Ports, silent: Silent, server: GitServer, hung: Hanging) -> NamespacedName:
    server.hangs = lambda path, body: path.startswith("/slow.git") and b"command=fetch" in body
    return automated_in(ports, "troubled", server.url("slow.git"), timeout="1s")


Trouble = Callable[[Ports, Silent, GitServer, Hanging], NamespacedName]


@pytest.mark.parametrize("trouble", [its_proxy_hangs, its_login_hangs, its_pack_hangs])
def test_what_only_one_tenant_suffers_from_closes_the_server_for_that_tenant_alone(
    ports: Ports, silent: Silent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    monkeypatch.setattr("tagstream.reconcile.update.host_health.HUNG_AFTER_S", 0.5)
    ports = replace(ports, git=GitClient(GitCredentials(ports.clock, no_role)))
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    bare_repository(tmp_path, "slow.git", {"app.yaml": b"{}"})
    put_selection(ports.selections, selection("v1.1.0"), None)
    with git_server(tmp_path) as server, hanging() as hung:
        troubled = trouble(ports, silent, server, hung)
        run_automations([troubled], "worker", ports.clock.monotonic_s() + 60, ports)
        automated(ports, server.url("app.git"))
        run(ports)
        assert "v1.1.0" in git("show", "main:app.yaml", folder=bare)
        run_automations([troubled], "worker", ports.clock.monotonic_s() + 60, ports)
    assert "is left alone until" in status_in(ports, troubled)["conditions"][0]["message"]


def test_an_automation_whose_server_answered_it_so_far_asks_although_others_have_closed_the_server(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    ports.tags.put_cool_down("git:" + url.split("/")[2], ports.clock.now() + timedelta(hours=1))
    put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
    run(ports)
    assert "v1.2.0" in git("show", "main:app.yaml", folder=bare)


def test_a_repository_that_hangs_on_a_server_that_answers_others_is_left_alone_by_itself(
    ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.reconcile.update.host_health.HUNG_AFTER_S", 0.5)
    bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    bare_repository(tmp_path, "hung.git", {"app.yaml": b"{}"})
    later = bare_repository(tmp_path, "later.git", {"app.yaml": MARKED.replace(b"ns:app", b"later:app")})
    with git_server(tmp_path) as server:
        server.hangs = lambda path, body: path.startswith("/hung.git")
        automated(ports, server.url("app.git"))
        run(ports)
        hung = automated_in(ports, "hung", server.url("hung.git"), timeout="1s")
        run_automations([hung, APP], "worker", ports.clock.monotonic_s() + 60, ports)
        assert "context deadline exceeded" in status_in(ports, hung)["conditions"][0]["message"]
        newcomer = automated_in(ports, "later", server.url("later.git"))
        put_selection(ports.selections, replace(selection("v1.1.0"), policy=newcomer), None)
        run_automations([newcomer], "worker", ports.clock.monotonic_s() + 60, ports)
    assert "v1.1.0" in git("show", "main:app.yaml", folder=later)


def test_many_repositories_that_hang_on_a_server_that_answers_others_do_not_hold_a_run_for_long(
    ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.reconcile.update.host_health.HUNG_AFTER_S", 0.5)
    bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    with git_server(tmp_path) as server:
        server.hangs = lambda path, body: path.startswith("/hung")
        automated(ports, server.url("app.git"))
        run(ports)
        hung = [automated_in(ports, f"hung-{n}", server.url(f"hung-{n}.git"), timeout="1s") for n in range(24)]
        began_s = ports.clock.monotonic_s()
        run_automations([*hung, APP], "worker", began_s + 60, ports)
        assert ports.clock.monotonic_s() - began_s < 8
        asked = {path for path in server.requests if "/hung" in path}
    assert len(asked) <= MOST_HUNG + A_HOST
    left = [status_in(ports, key) for key in hung]
    assert all(one["tagstream"]["retryAt"] for one in left)
