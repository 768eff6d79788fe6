"""A flood of forged deliveries over loopback, genuine ones among them: these all count, and nothing else starts."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.model import NamespacedName
from tagstream.ports import HookPorts
from tagstream.reconcile.receiver import deliver
from tagstream.reconcile.receiver_path import publish_receiver
from tests.contract.reconciling import Silent, document, ports_on

FORGED, GENUINE, REPOSITORIES = 10_000, 1_000, 50
TOKEN = "a-token-of-the-receiver"
HOOK = NamespacedName("ns", "hook")
HOST = "registry.example.com:5000"


class Front(ThreadingHTTPServer):
    """Answers as the Function URL does: every request is an event for ``deliver``."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, table: Table) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.silent = Silent()
        ports = ports_on(table, self.silent)
        self.silent.secrets[HOOK] = {"token": TOKEN.encode()}
        for number in range(REPOSITORIES + 1):
            name = f"app-{number}" if number < REPOSITORIES else "bystander"
            one = document("ImageRepository", image=f"{HOST}/team/{name}", interval="1h")
            ports.objects.put({**one, "metadata": {"name": name, "namespace": "ns"}})
        receiver = document(
            "Receiver",
            "notification.toolkit.fluxcd.io/v1",
            type="generic",
            secretRef={"name": "hook"},
            resources=[{"kind": "ImageRepository", "name": "*"}],
        )
        annotations = {"tagstream.dev/sender": "distribution"}
        stored = ports.objects.put(
            {**receiver, "metadata": {"name": "hook", "namespace": "ns", "annotations": annotations}}
        )
        self.path = publish_receiver(stored, ports) or ""
        names = ("hooks", "objects", "secrets", "queue", "ledger", "clock", "metrics", "log")
        found = {name: getattr(ports, name) for name in names}
        self.hook_ports = HookPorts(issuer_keys=lambda issuer, fresh: {}, **found)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Front

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        event = {
            "version": "2.0",
            "rawPath": self.path,
            "requestContext": {"http": {"method": "POST", "path": self.path, "sourceIp": "127.0.0.1"}},
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(),
            "isBase64Encoded": False,
        }
        answer: Any = deliver(event, self.server.hook_ports)
        self.send_response(int(answer["statusCode"]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def front(table: Table) -> Iterator[Front]:
    with Front(table) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def delivery(number: int, repository: str) -> bytes:
    target = {
        "repository": f"team/{repository}",
        "tag": f"v{number}",
        "mediaType": "application/vnd.oci.image.index.v1+json",
    }
    return json.dumps(
        {"events": [{"id": f"event-{number}", "action": "push", "target": target, "request": {"host": HOST}}]}
    ).encode()


def test_every_genuine_repository_is_scanned_and_nothing_else_started(front: Front) -> None:
    chance = random.Random(7)
    genuine = [(front.path, TOKEN, delivery(number, f"app-{number % REPOSITORIES}")) for number in range(GENUINE)]
    forged = [
        # Half of them know the path and not the token, the others know neither.
        (front.path if number % 2 else f"/hook/{number:064x}", "guessed", delivery(number, "bystander"))
        for number in range(FORGED)
    ]
    requests = chance.sample([*genuine, *forged], FORGED + GENUINE)
    workers = threading.local()

    def send(request: tuple[str, str, bytes]) -> tuple[str, int]:
        path, token, body = request
        if not hasattr(workers, "connection"):
            workers.connection = http.client.HTTPConnection(*front.server_address[:2], timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        workers.connection.request("POST", path, body, headers)
        answer = workers.connection.getresponse()
        answer.read()
        return token, answer.status

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(send, requests))
    scanned = Counter(key.name for one in front.silent.sent for key in one.repositories)
    assert answers == {(TOKEN, 200): GENUINE, ("guessed", 404): FORGED}
    assert set(scanned) == {f"app-{number}" for number in range(REPOSITORIES)}
    # A burst is one scan at once and one at its end: far fewer than deliveries.
    assert sum(scanned.values()) < GENUINE
    counted = Counter(front.silent.counted)
    assert (counted["HookRejected receiver"], counted["HookAccepted receiver"]) == (FORGED, GENUINE)
