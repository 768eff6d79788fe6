"""The webhook function on a real table, with one Receiver and one ImageRepository."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import WebhookPorts
from tagstream.ports.ledger import LedgerEntry
from tagstream.reconcile.handlers import webhook
from tagstream.reconcile.receive.paths import publish_receiver
from tests.contract.mortal_ports import Life
from tests.contract.reconciling import Silent, document, ports_on

TOKEN = b"a-token-of-the-receiver"
IMAGE = "registry.example.com/team/app"
HOOK = NamespacedName("ns", "hook")


class Front:
    """The webhook function's ports, a Receiver (of type generic-hmac) and one ImageRepository."""

    def __init__(self, table: Table, kind: str = "generic-hmac", annotations: Mapping[str, str] | None = None) -> None:
        self.silent = Silent()
        self.ports = ports_on(table, self.silent)
        self.silent.secrets[HOOK] = {"token": TOKEN}
        self.watch("app", IMAGE)
        self.path = ""
        self.life = Life()
        self.receive(kind, annotations)

    def receive(self, kind: str, annotations: Mapping[str, str] | None = None) -> None:
        """Change the type of the Receiver."""
        receiver = document(
            "Receiver",
            "notification.toolkit.fluxcd.io/v1",
            type=kind,
            secretRef={"name": "hook"},
            resources=[{"kind": "ImageRepository", "name": "*"}],
        )
        metadata = {"name": "hook", "namespace": "ns", "annotations": dict(annotations or {})}
        stored = self.ports.objects.put({**receiver, "metadata": metadata})
        self.path = publish_receiver(stored, self.ports) or ""

    def watch(self, name: str, image: str) -> None:
        one = document("ImageRepository", image=image, interval="1h")
        self.ports.objects.put({**one, "metadata": {"name": name, "namespace": "ns"}})

    def told(self) -> tuple[LedgerEntry, ...]:
        """Return the events of the last hour."""
        now = self.ports.clock.now()
        return self.ports.ledger.read(now - timedelta(hours=1), now)

    def post(self, number: int, path: str = "", token: bytes = TOKEN) -> dict[str, Any]:
        body = json.dumps({"image": IMAGE, "tag": f"v{number}"}).encode()
        signature = hmac.new(token, body, hashlib.sha256).hexdigest()
        return self.send(body, {"x-signature": f"sha256={signature}"}, path)

    def send(self, body: object, headers: Mapping[str, str] | None = None, path: str = "") -> dict[str, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        where = path or self.path
        event = {
            "version": "2.0",
            "rawPath": where,
            "requestContext": {"http": {"method": "POST", "path": where, "sourceIp": "203.0.113.1"}},
            "headers": {"content-type": "application/json", **(headers or {})},
            "body": raw.decode(),
            "isBase64Encoded": False,
        }
        names = (
            "deliveries",
            "objects",
            "secrets",
            "queue",
            "ledger",
            "clock",
            "metrics",
            "log",
            "no_cross_namespace_refs",
        )
        found = {name: getattr(self.ports, name) for name in names}
        return dict(webhook(event, self.life.ports(WebhookPorts(issuer_keys=lambda issuer, fresh: {}, **found))))

    def sign(self, delivery: str) -> dict[str, str]:
        """Make the headers of an empty delivery with a signed timestamp."""
        stamp = str(int(self.ports.clock.now().timestamp()))
        signature = hmac.new(TOKEN, f"{stamp}.{{}}".encode(), hashlib.sha256).hexdigest()
        proof = {"x-signature-timestamp": stamp, "x-signature": f"sha256={signature}"}
        return proof | {"x-delivery-id": delivery}

    def asked(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the repositories whose scan was asked for, each with the tags that the scan expects."""
        return [(key.name, one.expected_tags) for one in self.silent.scans() for key in one.repositories]

    def last(self, kind: str, key: NamespacedName) -> tuple[str, str]:
        """Return the sender and the result of the newest delivery."""
        found = self.ports.deliveries.last_deliveries(kind).get(key)
        return (found.sender, found.result) if found else ("", "")
