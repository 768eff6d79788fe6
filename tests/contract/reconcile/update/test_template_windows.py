"""Windows and freezes of automations whose push branch is a template: each branch waits for its own automation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.domain.calendar.hand_freeze import HandFreeze, Scope
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.commit_outlet import Outgoing
from tagstream.ports.git import GitSession
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.update.automations import run_automations
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.update.hosted import AUTOMATION, FRIDAY, WRITES, Hosted, automation_document
from tests.contract.reconcile.update.test_branch_templates import API, MOVED, begun, branches, changed, shown
from tests.contract.reconciling import APP, Silent, document
from tests.embedded.git_server import commit_files
from tests.embedded.single_writes import put_status

OTHER = NamespacedName("ns", "other")
BY_TAG = "images/{{ .NewTag }}"


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    with begun(ports, silent, tmp_path) as made:
        yield made


def automation_of(template: str, name: str, path: str) -> dict[str, Any]:
    made = automation_document(template, name)
    return {**made, "spec": {**made["spec"], "update": {"path": path, "strategy": "Setters"}}}


def two_automations(stack: Hosted, template: str = MOVED) -> None:
    """One of app.yaml and one of api.yaml, in one repository, with one template."""
    for name, path in (("app", "app.yaml"), ("other", "api.yaml")):
        stack.ports.objects.put(automation_of(template, name, path))


def more_policies(stack: Hosted, *names: str) -> None:
    """Policies whose markers are in files of their own."""
    for name in names:
        policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "x"}})
        policy["metadata"]["name"] = name
        stack.ports.objects.put(policy)
        commit_files(stack.bare, {f"{name}.yaml": API.replace(b"ns:api", f"ns:{name}".encode())}, name)
        stack.select("v1.3.0", name)


def freeze(stack: Hosted, *scopes: Scope) -> None:
    """Replace the freezes that people have made."""
    made = [HandFreeze(scope=one, author="alice", made_at=FRIDAY, reason="incident") for one in scopes]
    assert stack.ports.freezes.replace(stack.ports.freezes.read(), made, [])


def run_both(stack: Hosted, ports: Ports | None = None, after_s: float = 60.0) -> None:
    stack.clock.at += timedelta(seconds=after_s)
    ports = ports or stack.ports
    run_automations([APP, OTHER], "worker", ports.clock.monotonic_s() + 60, ports)


def stored(stack: Hosted, key: NamespacedName) -> StoredObject:
    found = stack.ports.objects.get(AUTOMATION, key)
    assert found is not None
    return found


def wait_of(stack: Hosted, key: NamespacedName) -> str:
    """Why an automation waits; empty if it does not."""
    return str(status.postponement(stored(stack, key).status).get("reason", ""))


def kept_by(stack: Hosted, key: NamespacedName) -> list[str]:
    branches: Any = stored(stack, key).status.get("pushBranches", [])
    return [one["branch"] for one in branches]


ONE = Scope(namespace="ns", name="app")


def test_a_freeze_of_one_automation_holds_its_own_branches_only(stack: Hosted) -> None:
    two_automations(stack)
    freeze(stack, ONE)
    run_both(stack)
    assert shown(stack) == [("images/api", "open")]
    assert branches(stack) == ["images/api"]
    assert "incident" in wait_of(stack, APP)
    assert wait_of(stack, OTHER) == ""
    assert status.is_ready(stored(stack, OTHER).status)


def test_what_was_pushed_before_a_freeze_stays_while_the_others_go_on(stack: Hosted) -> None:
    two_automations(stack)
    run_both(stack)
    head = stack.head("images/app")
    freeze(stack, ONE)
    stack.select("v1.2.0")
    stack.select("v2.2.0", "api")
    commit_files(stack.bare, {"README": b"other"}, "elsewhere")
    run_both(stack)
    assert stack.head("images/app") == head
    assert changed(stack, "images/api") == ["image: app:v2.2.0"]
    assert {one.title for one in stack.host.requests} == {"Update app to v2.2.0", "Update app to v1.1.0"}
    freeze(stack)
    run_both(stack)
    assert changed(stack, "images/app") == ["image: app:v1.2.0"]
    assert wait_of(stack, APP) == ""


def test_a_branch_that_both_offer_waits_for_both_and_other_branches_do_not(stack: Hosted) -> None:
    two_automations(stack, BY_TAG)
    more_policies(stack, "third")
    stack.ports.objects.put(automation_of(BY_TAG, "other", "./"))
    stack.select("v1.1.0", "api")
    freeze(stack, ONE)
    run_both(stack)
    assert branches(stack) == ["images/v1.3.0"]
    assert "the branch is rebuilt with the commit of ns/app, which waits: " in wait_of(stack, OTHER)
    # Its other branches are looked at each interval.
    assert status.wait_until(stored(stack, OTHER).status) == stack.clock.at + timedelta(minutes=1)
    freeze(stack)
    run_both(stack)
    assert branches(stack) == ["images/v1.1.0", "images/v1.3.0"]
    assert changed(stack, "images/v1.1.0") == ["image: app:v1.1.0"] * 2
    assert [wait_of(stack, key) for key in (APP, OTHER)] == ["", ""]


def test_a_shared_branch_whose_automations_are_never_open_together_is_not_pushed_and_the_status_says_so(
    stack: Hosted,
) -> None:
    stack.select("v1.1.0", "api")
    for name, path, window in (("app", "app.yaml", "Fri 09:00-17:00"), ("other", "api.yaml", "Tue 09:00-10:00")):
        made = automation_of(BY_TAG, name, path)
        made["metadata"]["annotations"]["tagstream.dev/window"] = window
        stack.ports.objects.put(made)
    run_both(stack)
    assert branches(stack) == []
    assert wait_of(stack, APP).endswith("the windows of the automations that rebuild the branch never open together")
    assert status.postponement(stored(stack, APP).status)["until"] == ""


def test_a_branch_that_another_folder_offers_too_waits_for_its_automation(stack: Hosted) -> None:
    for name in ("app", "api"):
        marked = b'image: app:v1.0.0 # {"$imagepolicy": "ns:%s"}\n' % name.encode()
        commit_files(stack.bare, {f"{name}/deep/image.yaml": marked}, f"folder {name}")
    for name, path in (("app", "./app"), ("other", "./api")):
        stack.ports.objects.put(automation_of(BY_TAG, name, path))
    stack.select("v1.1.0", "api")
    freeze(stack, ONE)
    run_both(stack)
    assert branches(stack) == []
    freeze(stack)
    run_both(stack)
    assert changed(stack, "images/v1.1.0") == ["image: app:v1.1.0"] * 2


def test_two_automations_of_the_same_policies_keep_one_branch_and_one_request_for_each(stack: Hosted) -> None:
    for name in ("app", "other"):
        stack.ports.objects.put(automation_of(MOVED, name, "./"))
    run_both(stack)
    heads = [stack.head(f"images/{name}") for name in ("api", "app")]
    for _ in range(2):
        run_both(stack)
        assert [stack.head(f"images/{name}") for name in ("api", "app")] == heads
    freeze(stack, ONE)
    stack.select("v1.2.0")
    run_both(stack)
    assert [stack.head(f"images/{name}") for name in ("api", "app")] == heads
    freeze(stack)
    run_both(stack)
    assert changed(stack, "images/app") == ["image: app:v1.2.0"]
    assert stack.head("images/api") == heads[0]
    assert shown(stack) == [("images/api", "open"), ("images/app", "open")]


def test_who_waits_for_another_automation_goes_when_that_one_is_gone(stack: Hosted) -> None:
    two_automations(stack, BY_TAG)
    stack.select("v1.1.0", "api")
    freeze(stack, ONE)
    run_both(stack)
    assert branches(stack) == []
    stack.ports.objects.delete(AUTOMATION, APP)
    run_both(stack)
    assert changed(stack, "images/v1.1.0") == ["image: app:v1.1.0"]


def test_a_branch_of_one_that_waits_is_not_removed_by_another_that_leaves_it(stack: Hosted) -> None:
    two_automations(stack, BY_TAG)
    stack.select("v1.1.0", "api")
    run_both(stack)
    head = stack.head("images/v1.1.0")
    freeze(stack, ONE)
    stack.select("v1.2.0")
    stack.select("v1.3.0", "api")
    run_both(stack)
    assert branches(stack) == ["images/v1.1.0", "images/v1.3.0"]
    assert stack.head("images/v1.1.0") == head
    assert shown(stack) == [("images/v1.1.0", "open"), ("images/v1.3.0", "open")]
    freeze(stack)
    run_both(stack)
    assert branches(stack) == ["images/v1.2.0", "images/v1.3.0"]
    assert shown(stack)[0] == ("images/v1.1.0", "closed")
    assert (kept_by(stack, APP), kept_by(stack, OTHER)) == (["images/v1.2.0"], ["images/v1.3.0"])


def test_a_worker_that_dies_while_another_automation_waits_leaves_both_right(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    def prepared(number: int) -> Any:
        folder = tmp_path / str(number)
        folder.mkdir()
        for key in (APP, OTHER):
            put_status(ports.objects, AUTOMATION, key, {})
        return begun(ports, silent, folder)

    def prepare(stack: Hosted) -> None:
        two_automations(stack, BY_TAG)
        freeze(stack)
        stack.select("v1.1.0", "api")
        run_both(stack)
        freeze(stack, ONE)
        stack.select("v1.2.0")
        stack.select("v1.3.0", "api")

    with prepared(0) as stack:
        prepare(stack)
        life = Life()
        run_both(stack, life.ports(stack.ports))
    deaths = [number for number, call in enumerate(life.calls, start=1) if call in WRITES]
    assert len(deaths) > 4
    for at in deaths:
        with prepared(at) as stack:
            stack.clock.at += timedelta(days=2 * at)
            prepare(stack)
            with pytest.raises(Killed):
                run_both(stack, Life(ends_at=at).ports(stack.ports))
            run_both(stack, after_s=3600)
            assert branches(stack) == ["images/v1.1.0", "images/v1.3.0"], at
            freeze(stack)
            run_both(stack)
            assert branches(stack) == ["images/v1.2.0", "images/v1.3.0"], at
            assert Counter(state for _, state in shown(stack)) == {"open": 2, "closed": 1}, at
            entries = stack.ports.ledger.read(stack.clock.at - timedelta(days=1), stack.clock.at)
            told = Counter(one.reason for one in entries if one.reason.startswith("Request"))
            assert told == {"RequestOpened": 3, "RequestClosed": 1}, at


@dataclass
class Slow:
    """An outlet whose pushes take some seconds; after the first something happens."""

    stack: Hosted
    seconds: float
    after_first: Any = None
    sent: list[str] = field(default_factory=list)

    def send(self, outgoing: Outgoing, session: GitSession) -> None:
        self.stack.ports.outlet.send(outgoing, session)
        self.sent += [one.ref.decode().removeprefix("refs/heads/") for one in outgoing.updates]
        self.stack.clock.sleep(self.seconds)
        if self.after_first is not None:
            self.after_first()
            self.after_first = None


def test_a_freeze_between_two_pushes_of_a_template_stops_the_second(stack: Hosted) -> None:
    more_policies(stack, "third")
    stack.ports.objects.put(automation_document(MOVED))
    slow = Slow(stack, 6.0, lambda: freeze(stack, Scope()))
    stack.run(ports=replace(stack.ports, outlet=slow))
    assert slow.sent == ["images/api"]
    assert shown(stack) == [("images/api", "open")]
    assert "incident" in wait_of(stack, APP)
    stack.run()
    assert branches(stack) == ["images/api"]
    freeze(stack)
    stack.run()
    assert branches(stack) == ["images/api", "images/app", "images/third"]
    assert wait_of(stack, APP) == ""
    entries = stack.ports.ledger.read(FRIDAY, stack.clock.at)
    assert sum("pushed commit" in one.message for one in entries) == 3


def test_a_freeze_after_the_pushes_keeps_the_older_branch_and_its_request(stack: Hosted) -> None:
    stack.run()
    stack.select("v1.2.0")
    stack.run(ports=replace(stack.ports, outlet=Slow(stack, 6.0, lambda: freeze(stack, Scope()))))
    assert branches(stack) == ["images/api-v2.1.0", "images/app-v1.1.0", "images/app-v1.2.0"]
    assert ("images/app-v1.1.0", "open") in shown(stack)
    freeze(stack)
    stack.run()
    assert branches(stack) == ["images/api-v2.1.0", "images/app-v1.2.0"]
    assert ("images/app-v1.1.0", "closed") in shown(stack)


def test_a_freeze_of_one_automation_during_a_run_keeps_the_branch_that_another_leaves_too(stack: Hosted) -> None:
    two_automations(stack, BY_TAG)
    stack.select("v1.1.0", "api")
    run_both(stack)
    more_policies(stack, "third")
    stack.ports.objects.put(automation_of(BY_TAG, "other", "./"))
    done = b'image: app:v1.1.0 # {"$imagepolicy": "ns:%s"}\n'
    commit_files(stack.bare, {f"{name}.yaml": done % name.encode() for name in ("app", "api")}, "by hand")
    slow = Slow(stack, 6.0, lambda: freeze(stack, ONE))
    run_both(stack, replace(stack.ports, outlet=slow))
    assert slow.sent == ["images/v1.3.0"]
    assert branches(stack) == ["images/v1.1.0", "images/v1.3.0"]
    assert shown(stack) == [("images/v1.1.0", "open"), ("images/v1.3.0", "open")]
    assert "incident" in wait_of(stack, APP)
    assert "the branch is rebuilt with the commit of ns/app, which waits: " in wait_of(stack, OTHER)
    freeze(stack)
    run_both(stack)
    assert branches(stack) == ["images/v1.3.0"]
    assert shown(stack) == [("images/v1.1.0", "closed"), ("images/v1.3.0", "open")]
    assert [wait_of(stack, key) for key in (APP, OTHER)] == ["", ""]


def test_a_window_that_ends_between_two_pushes_stops_the_second(stack: Hosted) -> None:
    stack.annotate(window="Fri 09:00-11:00")

    def goes_on() -> None:
        stack.clock.at += timedelta(hours=1)

    slow = Slow(stack, 0.0, goes_on)
    stack.run(ports=replace(stack.ports, outlet=slow))
    assert slow.sent == ["images/api-v2.1.0"]
    assert "outside the window" in wait_of(stack, APP)


def test_a_freeze_that_begins_before_the_push_of_one_branch_stops_it(stack: Hosted) -> None:
    stack.ports.objects.put(automation_document("updates"))

    @dataclass
    class Waited:
        """Leases that somebody else has for a while, in which a freeze begins."""

        def acquire(self, *arguments: Any) -> Any:
            freeze(stack, Scope())
            stack.clock.sleep(6.0)
            return stack.ports.leases.acquire(*arguments)

        def __getattr__(self, member: str) -> Any:
            return getattr(stack.ports.leases, member)

    waited: Any = Waited()
    stack.run(ports=replace(stack.ports, leases=waited))
    assert branches(stack) == []
    assert "incident" in wait_of(stack, APP)
    freeze(stack)
    stack.run()
    assert branches(stack) == ["updates"]


@pytest.mark.parametrize(("seconds", "reads"), [(0.0, 0), (1.0, 0), (6.0, 2)])
def test_freezes_are_read_again_only_after_some_seconds(stack: Hosted, seconds: float, reads: int) -> None:
    more_policies(stack, "third")
    stack.ports.objects.put(automation_document(MOVED))
    life = Life()
    ports = life.ports(replace(stack.ports, outlet=Slow(stack, seconds)))
    stack.run(ports=ports)
    assert branches(stack) == ["images/api", "images/app", "images/third"]
    # One reads the Namespace with the repository, the other one the policies that the commits set.
    assert life.calls.count("objects.documents") == 2 + reads
