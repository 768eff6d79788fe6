"""Deliveries against a real table: what they ask for, what is kept of them, and what a flood may cost."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.model import NamespacedName
from tagstream.ports import HookPorts
from tagstream.reconcile import handlers
from tagstream.reconcile.receiver import deliver
from tagstream.reconcile.receiver_path import publish_receiver
from tagstream.records import LedgerEntry
from tests.contract.reconciling import APP, Silent, document, ports_on
from tests.house.source_files import ROOT
from tests.house.template_file import of_type

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
        self.path = ""
        self.receive("generic-hmac")

    def receive(self, kind: str) -> None:
        """Make the Receiver one of another type."""
        receiver = document(
            "Receiver",
            "notification.toolkit.fluxcd.io/v1",
            type=kind,
            secretRef={"name": "hook"},
            resources=[{"kind": "ImageRepository", "name": "*"}],
        )
        stored = self.ports.objects.put({**receiver, "metadata": {"name": "hook", "namespace": "ns"}})
        self.path = publish_receiver(stored, self.ports) or ""

    def told(self) -> tuple[LedgerEntry, ...]:
        """The events of the last hour."""
        now = self.ports.clock.now()
        return self.ports.ledger.read(now - timedelta(hours=1), now)

    def post(self, number: int, path: str = "", token: bytes = TOKEN) -> dict[str, Any]:
        body = json.dumps({"image": IMAGE, "tag": f"v{number}"}).encode()
        signature = hmac.new(token, body, hashlib.sha256).hexdigest()
        return self.send(body, {"content-type": "application/json", "x-signature": f"sha256={signature}"}, path)

    def send(self, body: bytes, headers: dict[str, str], path: str = "") -> dict[str, Any]:
        where = path or self.path
        event = {
            "version": "2.0",
            "rawPath": where,
            "requestContext": {"http": {"method": "POST", "path": where, "sourceIp": "203.0.113.1"}},
            "headers": headers,
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
    known, events = kept.count(200), calls.count("BatchWriteItem")
    calls.clear()
    for number in range(20):
        front.post(number, path="/hook/" + f"{number:064x}")
    assert (known, events, set(calls)) == (1, 1, {"GetItem"})
    refused = [one for one in front.silent.counted if one == "HookRejected receiver"]
    assert len(refused) == 40


def test_of_a_burst_every_delivery_knows_the_scans_that_may_cover_it(front: Front) -> None:
    for number in range(5):
        front.post(number)
    first, later = (one.cause for one in front.silent.sent)
    joined = [set((one.facts or {})["joined"]) for one in front.told()]  # type: ignore[call-overload]
    assert joined == [set(), {first}, {first, later}, {first, later}, {first, later}]


def test_a_delivery_that_asks_for_nothing_is_an_event_too(front: Front) -> None:
    front.receive("dockerhub")
    body = json.dumps({"repository": {"repo_name": "team/app"}, "push_data": {}}).encode()
    assert front.send(body, {"content-type": "application/json"})["statusCode"] == 200
    assert [(one.severity, one.reason, one.message, one.cause != "") for one in front.told()] == [
        ("info", "DeliveryAccepted", "dockerhub delivery: nothing to scan: untagged", True)
    ]


def test_refused_deliveries_are_one_event_in_a_while(front: Front) -> None:
    for number in range(5):
        front.post(number, token=b"guessed")
    assert [(one.severity, one.reason, one.message, one.cause) for one in front.told()] == [
        ("error", "DeliveryRefused", "generic-hmac delivery refused: signature", "")
    ]


def test_a_delivery_that_cannot_be_acted_on_is_counted_and_its_repetition_is_the_first(front: Front) -> None:
    front.silent.broken = True
    broken = front.post(1)["statusCode"]
    front.silent.broken = False
    assert (broken, front.post(1)["statusCode"], len(front.silent.sent)) == (503, 200, 1)
    assert front.silent.counted == ["HookFailed receiver", "HookAccepted receiver"]


def test_an_ecr_event_is_shown_with_its_repository_and_is_the_cause_of_what_follows(front: Front) -> None:
    event = json.loads((ROOT / "events/ecr_push.json").read_bytes())
    detail = event["detail"]
    image = f"{event['account']}.dkr.ecr.{event['region']}.amazonaws.com/{detail['repository-name']}"
    # Suspended, so that nobody is called.
    front.ports.objects.put(document("ImageRepository", image=image, interval="1h", suspend=True))
    assert handlers.scan(event, 30_000, front.ports) == {"batchItemFailures": []}
    assert front.last("ImageRepository", APP) == ("ecr", "asked for a scan")
    assert [(one.kind, one.key, one.cause, one.facts) for one in front.told()] == [
        (
            "ImageRepository",
            APP,
            event["id"],
            {"sender": "ecr", "action": "PUSH", "tags": [detail["image-tag"]], "repositories": [str(APP)]},
        )
    ]


def test_the_webhook_writes_only_where_its_role_may(front: Front, table: Table) -> None:
    written: set[str] = set()

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        body = json.loads(params["body"])
        if model.name == "BatchWriteItem":
            items = [one["PutRequest"]["Item"] for requests in body["RequestItems"].values() for one in requests]
        elif model.name in ("PutItem", "UpdateItem", "DeleteItem"):
            items = [body.get("Item") or body["Key"]]
        else:
            items = []
        written.update(item["pk"]["S"].partition("#")[0] + "#*" for item in items)

    table.client.meta.events.register("before-call.dynamodb", note)
    for number in range(3):
        front.post(number)
    front.post(4, token=b"guessed")
    front.silent.broken = True
    front.post(5)
    statements = of_type("AWS::IAM::Role")["WebhookRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    (allowed,) = [one["Condition"] for one in statements if one["Sid"] == "WriteDeliveries"]
    assert written == set(allowed["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
