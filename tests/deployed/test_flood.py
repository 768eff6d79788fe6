"""A flood of forged deliveries hits the deployed webhook: only the genuine ones among them have an effect."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.registry import Registry, running_registry
from tests.embedded.system import System, documents

# `make load` sends more.
FORGED, GENUINE, REPOSITORIES = 2_000, 200, 50
SENDERS = 4
# The embedded AWS keeps the last 10,000 lines of a log, and one delivery writes five.
SLICE = 1_000
NAMESPACE = "flood"
TOKEN = "a-token-of-the-receiver"
WATCHED = [f"app-{number}" for number in range(REPOSITORIES)]
BYSTANDER = "bystander"
BEFORE, PUSHED = "v1.0.0", "v2.0.0"


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with running_registry() as running:
        for name in (*WATCHED, BYSTANDER):
            running.add_tags(f"team/{name}", [BEFORE])
        yield running


@pytest.fixture(scope="module")
def system(stack: EmbeddedStack, registry: Registry) -> System:
    """The stack with all repositories scanned once, and a Receiver that lists them all."""
    built = System(stack=stack, registry=registry.address)
    secret = {"metadata": named("hook"), "apiVersion": "v1", "kind": "Secret", "stringData": {"token": TOKEN}}
    repositories = [
        {
            "apiVersion": "image.toolkit.fluxcd.io/v1",
            "kind": "ImageRepository",
            "metadata": named(name),
            "spec": {"image": f"{registry.address}/team/{name}", "interval": "24h"},
        }
        for name in (*WATCHED, BYSTANDER)
    ]
    receiver = {
        "apiVersion": "notification.toolkit.fluxcd.io/v1",
        "kind": "Receiver",
        "metadata": named("hook", annotations={"tagstream.dev/sender": "distribution"}),
        "spec": {
            "type": "generic",
            "secretRef": {"name": "hook"},
            "resources": [{"kind": "ImageRepository", "name": "*"}],
        },
    }
    built.cli("apply", "-f", "-", stdin=documents(secret, receiver, *repositories))
    stack.wait_for("the first scans", lambda: set(newest(built).values()) == {BEFORE})
    return built


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE, **more}


def newest(system: System) -> dict[str, str]:
    """Return the newest tag that each repository's last scan has found."""
    return {
        one["metadata"]["name"]: one.get("status", {}).get("lastScanResult", {}).get("latestTags", [""])[0]
        for one in system.objects("repository", NAMESPACE)
    }


def delivery(number: int, host: str, repository: str) -> bytes:
    target = {
        "repository": f"team/{repository}",
        "tag": PUSHED,
        "mediaType": "application/vnd.oci.image.index.v1+json",
    }
    return json.dumps(
        {"events": [{"id": f"event-{number}", "action": "push", "target": target, "request": {"host": host}}]}
    ).encode()


def flood(stack: EmbeddedStack, requests: list[tuple[str, str, bytes]]) -> Counter[tuple[str, int]]:
    """Send all requests to the Function URL; return how often each kind of request got each status code."""
    workers = threading.local()
    endpoint, host = (urlsplit(url).netloc for url in (stack.endpoint, stack.outputs["WebhookUrl"]))

    def send(request: tuple[str, str, bytes]) -> tuple[str, int]:
        path, token, body = request
        if not hasattr(workers, "connection"):
            workers.connection = http.client.HTTPConnection(endpoint, timeout=60)
        headers = {"Host": host, "Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        workers.connection.request("POST", path, body, headers)
        answer = workers.connection.getresponse()
        answer.read()
        return token, answer.status

    with ThreadPoolExecutor(SENDERS) as pool:
        return Counter(pool.map(send, requests))


def counted(stack: EmbeddedStack, since: float) -> Counter[str]:
    """Return how often the webhook's log says each of the two outcomes of a delivery."""
    pages = stack.client("logs").get_paginator("filter_log_events")
    found: Counter[str] = Counter()
    for page in pages.paginate(logGroupName=f"/aws/lambda/{stack.name}-webhook", startTime=int(since * 1000)):
        for event in page["events"]:
            message = json.loads(event["message"])["message"] if event["message"].startswith("{") else ""
            found.update([message] if message in ("delivery accepted", "delivery refused") else [])
    return found


def test_every_genuine_repository_is_scanned_and_nothing_else_started(
    system: System, registry: Registry, stack: EmbeddedStack
) -> None:
    path = system.hook_path("hook", NAMESPACE)
    for name in (*WATCHED, BYSTANDER):
        registry.add_tags(f"team/{name}", [PUSHED])
    begin = len(registry.requests)
    genuine = [
        (path, TOKEN, delivery(number, registry.address, WATCHED[number % REPOSITORIES])) for number in range(GENUINE)
    ]
    forged = [
        # One half of the forgeries know the path but not the token; the other half know neither.
        (path if number % 2 else f"/hook/{number:064x}", "guessed", delivery(number, registry.address, BYSTANDER))
        for number in range(FORGED)
    ]
    requests = random.Random(7).sample([*genuine, *forged], FORGED + GENUINE)
    answers: Counter[tuple[str, int]] = Counter()
    counters: Counter[str] = Counter()
    for start in range(0, len(requests), SLICE):
        since = time.time()
        answers += flood(stack, requests[start : start + SLICE])
        counters += counted(stack, since)
    assert answers == {(TOKEN, 200): GENUINE, ("guessed", 404): FORGED}
    stack.wait_for("every scan", lambda: all(newest(system)[name] == PUSHED for name in WATCHED), 120)
    asked = Counter(url.split("/")[3] for method, url in registry.requests[begin:] if "/tags/list" in url)
    assert set(asked) == set(WATCHED)
    # There are at most as many scans as deliveries, and fewer if deliveries came close together.
    assert sum(asked.values()) < GENUINE
    assert newest(system)[BYSTANDER] == BEFORE
    assert counters == {"delivery accepted": GENUINE, "delivery refused": FORGED}
