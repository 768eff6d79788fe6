"""A write whose answer got lost leaves the table as if it had come: one of a stage's writes, or every one."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from tagstream.adapters.store import keys
from tagstream.adapters.store.agenda import NOTES_KEPT, change_note
from tagstream.adapters.store.table import Table
from tagstream.errors import RetryableError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports, WebhookPorts
from tagstream.reconcile import handlers
from tagstream.reconcile.migrations import migrate
from tagstream.reconcile.receive.paths import publish_receiver
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.lost_answers import EVERY, Ending, differing, losing_ports, picture
from tests.contract.reconciling import APP, Silent, automated, document, emptied, ports_on, scan, watched
from tests.contract.set_clock import SetClock
from tests.contract.webhook_front import HOOK, IMAGE, TOKEN
from tests.embedded.registry import Registry

TICK = {"tagstream": "tick"}
FORMER = b"a-former-token-of-the-receiver"


@dataclass(frozen=True)
class Stage:
    """Work of a stage.

    ``begun`` prepares a table for it; ``work`` raises RetryableError when it has to be repeated, as Lambda or a sender
    does.
    """

    begun: Callable[[Ports, Registry], object]
    work: Callable[[Ports], object]


def with_digest(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    policy = document(
        "ImagePolicy",
        imageRepositoryRef={"name": "app"},
        policy={"semver": {"range": "1.x"}},
        digestReflectionPolicy="Always",
        interval="10m",
    )
    scan(ports)
    ports.objects.put(policy)


def with_hook(ports: Ports, _registry: Registry) -> None:
    receiver = document(
        "Receiver",
        "notification.toolkit.fluxcd.io/v1",
        type="generic-hmac",
        secretRef={"name": "hook"},
        resources=[{"kind": "ImageRepository", "name": "*"}],
    )
    ports.objects.put({**receiver, "metadata": {"name": "hook", "namespace": "ns"}})
    ports.objects.put(document("ImageRepository", image=IMAGE, interval="1h"))


def with_an_open_hook(ports: Ports, registry: Registry) -> None:
    with_hook(ports, registry)
    publish(ports, FORMER)


def with_many_notes(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    automated(ports, "http://127.0.0.1:1/x.git")
    agenda: Any = ports.agenda
    now = ports.clock.now()
    name = ObjectName(kind="ImageRepository", key=APP)
    agenda.table.write_many([change_note(name, now, now) for _ in range(NOTES_KEPT + 1)])


def with_leftovers(ports: Ports, registry: Registry) -> None:
    with_digest(ports, registry)
    with_an_open_hook(ports, registry)
    evaluate(ports)


def with_a_gate(ports: Ports, registry: Registry) -> None:
    """A policy that has selected a tag, and may take another one only after an hour."""
    with_digest(ports, registry)
    evaluate(ports)
    ports.objects.annotate("ImagePolicy", APP, {"tagstream.dev/minimum-age": "1h"})
    registry.add_tags("app", ["v1.9.0"])
    # Tags of the second of a repository's first scan count as old.
    scan(replace(ports, clock=SetClock(ports.clock.now() + timedelta(seconds=5))))


def with_an_older_schema(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    objects: Any = ports.objects
    image = f"{registry.address}/app"
    objects.table.delete_many([keys.key("schema"), keys.image(image, APP), keys.policies(APP)])


def evaluate(ports: Ports) -> None:
    evaluate_policies([APP], Cause(text="test"), ports.clock.monotonic_s() + 30, ports)


def publish(ports: Ports, token: bytes = TOKEN) -> None:
    secrets: Any = ports.secrets
    secrets.secrets[HOOK] = {"token": token}
    stored = ports.objects.get("Receiver", HOOK)
    assert stored is not None
    publish_receiver(stored, ports)


def deliver(ports: Ports) -> None:
    """One delivery with an id. The sender repeats it when it is answered 503."""
    body = json.dumps({"image": IMAGE, "tag": "v1"}).encode()
    signature = hmac.new(FORMER, body, hashlib.sha256).hexdigest()
    headers = {"x-signature": f"sha256={signature}", "x-delivery-id": "delivery-1"}
    silent: Any = ports.secrets
    silent.secrets[HOOK] = {"token": FORMER}
    path = ports.deliveries.paths(HOOK)[0]
    http = {"method": "POST", "path": path, "sourceIp": "203.0.113.1"}
    event = {"version": "2.0", "rawPath": path, "requestContext": {"http": http}, "headers": headers}
    names = ("deliveries", "objects", "secrets", "queue", "ledger", "clock", "metrics", "log")
    found: dict[str, Any] = {name: getattr(ports, name) for name in names}
    hook_ports = WebhookPorts(issuer_keys=lambda issuer, fresh: {}, **found)
    answer = handlers.webhook({**event, "body": body.decode(), "isBase64Encoded": False}, hook_ports)
    if answer["statusCode"] == 503:
        raise RetryableError("the sender repeats it", reason="Busy")
    assert answer["statusCode"] in (200, 202)


def deleted(ports: Ports) -> None:
    for kind, key in (("ImagePolicy", APP), ("ImageRepository", APP), ("Receiver", HOOK)):
        ports.objects.delete(kind, key)
        ports.objects.delete_derived(kind, key)


def ticked(ports: Ports) -> None:
    handlers.scan(TICK, 60_000, ports)


# Work that is done again may tell an event again, or find that there is nothing new to tell; and a delivery that comes
# again is one of a burst.
REPEATED = frozenset({"ledger", "pending#ns/app"})
STAGES = {
    "select": Stage(with_digest, evaluate),
    "publish": Stage(with_hook, publish),
    "move-an-address": Stage(with_an_open_hook, publish),
    "receive": Stage(with_an_open_hook, deliver),
    "tick": Stage(with_many_notes, ticked),
    "delete": Stage(with_leftovers, deleted),
    "minimum-age": Stage(with_a_gate, evaluate),
    "migrate": Stage(with_an_older_schema, migrate),
}


def begun(stage: Stage, table: Table, registry: Registry) -> None:
    emptied(table)
    registry.repositories.clear()
    registry.add_tags("app", [f"v1.{minor}.0" for minor in range(5)])
    stage.begun(ports_on(table, Silent()), registry)


def after(stage: Stage, table: Table, registry: Registry, loses: int, ending: Ending) -> dict[Any, object]:
    """What the table says when the answers of a worker got lost, and another one came if it gave up."""
    begun(stage, table, registry)
    worker, _ = losing_ports(table, loses, ending)
    said = frozenset[str]() if ending == "repeated" else REPEATED
    if ending == "repeated":
        stage.work(worker)
    else:
        with suppress(RetryableError):
            stage.work(worker)
        stage.work(ports_on(table, Silent()))
    return picture(table, without=said)


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("ending", ["repeated", "given up"])
def test_a_stage_leaves_the_same_whichever_answer_of_the_table_is_lost(
    table: Table, registry: Registry, name: str, ending: Ending
) -> None:
    stage = STAGES[name]
    begun(stage, table, registry)
    worker, client = losing_ports(table)
    stage.work(worker)
    expected = picture(table, without=frozenset() if ending == "repeated" else REPEATED)
    count = len(client.writes)
    numbers = [*range(1, count + 1), *([EVERY] if ending == "repeated" else [])]
    found = {f"{at} of {client.writes}": after(stage, table, registry, at, ending) for at in numbers}
    assert count > 0
    assert {where: differing(expected, one) for where, one in found.items() if one != expected} == {}
