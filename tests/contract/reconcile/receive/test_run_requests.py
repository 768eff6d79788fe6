"""A Git host's deliveries run the automations of the objects that their Receiver lists."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.queue import QueuedRun
from tagstream.reconcile.receive.paths import publish_receiver
from tests.contract.reconciling import APP, automated, document
from tests.contract.webhook_front import HOOK, TOKEN, Front

SECOND = NamespacedName("other", "second")


@pytest.fixture
def front(table: Table) -> Front:
    """Two automations of one GitRepository, the second in another namespace."""
    front = Front(table)
    automated(front.ports, "https://git.example/app.git", branch="updates")
    second = document("ImageUpdateAutomation", interval="1m", git={"commit": {"author": {"email": "b@c"}}})
    second["spec"]["sourceRef"] = {"kind": "GitRepository", "name": "app", "namespace": "ns"}
    second["metadata"] = {"name": SECOND.name, "namespace": SECOND.namespace}
    front.ports.objects.put(second)
    return front


def listing(front: Front, kind: str, sender: str = "github") -> None:
    """A Receiver that lists one object."""
    receiver = document(
        "Receiver",
        "notification.toolkit.fluxcd.io/v1",
        type=sender,
        secretRef={"name": "hook"},
        resources=[{"kind": kind, "name": "app"}],
    )
    receiver["metadata"]["name"] = HOOK.name
    front.path = publish_receiver(front.ports.objects.put(receiver), front.ports) or ""


def runs(front: Front) -> list[QueuedRun]:
    """The runs that the queue was asked for."""
    return [one for one in front.silent.sent if isinstance(one, QueuedRun)]


def delivered(front: Front, event: str, delivery: str = "1") -> list[QueuedRun]:
    """The runs that a delivery of GitHub, and those before, ask the queue for."""
    body = json.dumps({"action": "closed", "number": 7}).encode()
    signature = hmac.new(TOKEN, body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={signature}", "x-github-event": event, "x-github-delivery": delivery}
    assert front.send(body, headers)["statusCode"] == 200
    return runs(front)


def test_a_listed_repository_runs_its_automations_of_every_namespace(front: Front) -> None:
    listing(front, "GitRepository")
    [asked] = delivered(front, "pull_request")
    assert asked == QueuedRun(automations=(APP, SECOND), reason="webhook", requests=("7",))
    assert front.last("Receiver", HOOK) == ("github", "asked for 2 runs and ns/app")


def test_a_listed_automation_runs_alone(front: Front) -> None:
    listing(front, "ImageUpdateAutomation")
    assert delivered(front, "push") == [QueuedRun(automations=(APP,), reason="webhook", requests=())]
    assert any("runs ImageUpdateAutomations: ns/app" in one.message for one in front.told())


def test_the_same_delivery_twice_runs_them_once(front: Front) -> None:
    listing(front, "ImageUpdateAutomation")
    delivered(front, "push")
    assert len(delivered(front, "push")) == 1
    assert len(delivered(front, "push", "2")) == 2


@pytest.mark.parametrize("event", ["issues", "star", "ping"])
def test_events_that_change_no_branch_and_no_request_run_nothing(front: Front, event: str) -> None:
    listing(front, "GitRepository")
    assert delivered(front, event) == []


def test_gitlab_s_events_run_them_too(front: Front) -> None:
    listing(front, "ImageUpdateAutomation", "gitlab")
    front.send(
        {"object_kind": "merge_request"}, {"x-gitlab-token": TOKEN.decode(), "x-gitlab-event": "Merge Request Hook"}
    )
    assert runs(front) == [QueuedRun(automations=(APP,), reason="webhook")]


@pytest.mark.parametrize(("event", "count"), [("pr:merged", 1), ("pullrequest:rejected", 1), ("pr:comment:added", 0)])
def test_bitbucket_s_events_of_requests_run_them_too(front: Front, event: str, count: int) -> None:
    listing(front, "ImageUpdateAutomation", "bitbucket")
    body = b"{}"
    signature = hmac.new(TOKEN, body, hashlib.sha256).hexdigest()
    assert front.send(body, {"x-hub-signature": f"sha256={signature}", "x-event-key": event})["statusCode"] == 200
    assert len(runs(front)) == count


def test_a_receiver_of_images_alone_asks_for_no_run(front: Front) -> None:
    front.receive("github")
    assert delivered(front, "push") == []
