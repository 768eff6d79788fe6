"""Deliveries against a real table: what they ask for, what is kept of them, and what a flood may cost."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.model import NamespacedName
from tagstream.ports import HookPorts
from tagstream.reconcile.receiver import deliver
from tagstream.reconcile.receiver_path import publish_receiver
from tests.contract.reconciling import APP, Silent, document, ports_on

TOKEN = b"a-token-of-the-receiver"
IMAGE = "registry.example.com/team/app"
HOOK = NamespacedName("ns", "hook")


class Front:
    """The webhook function's ports, a Receiver of type generic-hmac and one ImageRepository."""

    def __init__(self, table: Table) -> None:
        self.silent = Silent()
        self.ports = ports_on(table, self.silent)
        self.silent.secrets[HOOK] = {"token": TOKEN}
        self.ports.objects.put(document("ImageRepository", image=IMAGE, interval="1h"))
        receiver = document(
            "Receiver",
            "notification.toolkit.fluxcd.io/v1",
            type="generic-hmac",
            secretRef={"name": "hook"},
            resources=[{"kind": "ImageRepository", "name": "*"}],
        )
        stored = self.ports.objects.put({**receiver, "metadata": {"name": "hook", "namespace": "ns"}})
        self.path = publish_receiver(stored, self.ports) or ""

    def post(self, number: int, path: str = "", token: bytes = TOKEN) -> dict[str, Any]:
        body = json.dumps({"image": IMAGE, "tag": f"v{number}"}).encode()
        signature = hmac.new(token, body, hashlib.sha256).hexdigest()
        where = path or self.path
        event = {
            "version": "2.0",
            "rawPath": where,
            "requestContext": {"http": {"method": "POST", "path": where, "sourceIp": "203.0.113.1"}},
            "headers": {"content-type": "application/json", "x-signature": f"sha256={signature}"},
            "body": body.decode(),
            "isBase64Encoded": False,
        }
        names = ("hooks", "objects", "secrets", "queue", "ledger", "clock", "metrics", "log")
        found = {name: getattr(self.ports, name) for name in names}
        return dict(deliver(event, HookPorts(issuer_keys=lambda issuer, fresh: {}, **found)))

    def last(self, kind: str, key: NamespacedName) -> tuple[str, str]:
        """Sender and result of the newest delivery."""
        found = self.ports.hooks.last_deliveries(kind).get(key)
        return (found.sender, found.result) if found else ("", "")


@pytest.fixture
def front(table: Table) -> Front:
    return Front(table)


def test_a_delivery_is_shown_with_its_receiver_and_its_repository(front: Front) -> None:
    assert front.post(1)["statusCode"] in (200, 202)
    assert (front.last("Receiver", HOOK), front.last("ImageRepository", APP)) == (
        ("generic-hmac", "asked for 1 scan"),
        ("generic-hmac", "asked for a scan"),
    )


def test_a_delivery_for_nobody_is_shown_with_its_receiver_alone(front: Front) -> None:
    front.ports.objects.delete("ImageRepository", APP)
    front.post(1)
    assert (front.last("Receiver", HOOK), front.last("ImageRepository", APP), front.silent.sent) == (
        ("generic-hmac", "no ImageRepository is meant"),
        ("", ""),
        [],
    )


def test_a_forged_delivery_is_shown_with_its_cause_and_starts_nothing(front: Front) -> None:
    front.post(1, token=b"guessed")
    assert (front.last("Receiver", HOOK), front.silent.sent) == (("generic-hmac", "refused: signature"), [])


def test_an_unknown_path_and_a_wrong_signature_are_answered_alike(front: Front) -> None:
    assert front.post(1, token=b"guessed") == front.post(1, path="/hook/" + "0" * 64)


def test_a_flood_of_forged_deliveries_writes_once_in_a_while(front: Front, table: Table) -> None:
    kept: list[int] = []
    table.client.meta.events.register(
        "after-call.dynamodb.PutItem", lambda http_response, **_: kept.append(http_response.status_code)
    )
    calls: list[str] = []
    table.client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    for number in range(20):
        front.post(number, token=b"guessed")
    known = kept.count(200)
    calls.clear()
    for number in range(20):
        front.post(number, path="/hook/" + f"{number:064x}")
    assert (known, set(calls)) == (1, {"GetItem"})
    refused = [one for one in front.silent.counted if one == "HookRejected receiver"]
    assert len(refused) == 40


def test_of_a_burst_every_delivery_knows_the_scan_that_covers_it(front: Front) -> None:
    for number in range(5):
        front.post(number)
    causes = [one.cause for one in front.silent.sent]
    now = front.ports.clock.now()
    told: list[Any] = [
        (one.cause, one.facts) for one in front.ports.ledger.read(now.replace(hour=0, minute=0, second=0), now)
    ]
    first, later = causes
    assert [facts["joined"] for _, facts in sorted(told, key=lambda one: [*causes, one[0]].index(one[0]))] == [
        [],
        [],
        [later],
        [later],
        [later],
    ]
    assert first != later
