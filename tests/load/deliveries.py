"""Load on the webhook: 10,000 deliveries a minute, of which one in a hundred is genuine."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from tagstream.domain.objects.model import NamespacedName
from tests.embedded.distribution import running_distribution
from tests.simulation.cloud import Cloud, running_cloud
from tests.simulation.documents import add_receiver, delivery_event, document
from tests.simulation.figures import Row, spread
from tests.simulation.image_host import ImageHost
from tests.simulation.worker import Answer

A_MINUTE = 10_000
GENUINE_EVERY = 100
IMAGES = 50
NAMESPACE = "load"
# Deliveries that wait for a worker; a machine that is too slow gets the next ones later.
MOST_WAITING = 100
SAMPLE = 500
SETTLE_S = 600.0


@dataclass
class _Flood:
    cloud: Cloud
    registry: ImageHost
    path: str
    newest: dict[int, int] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    waiting: int = 0

    def send(self, kind: str, event: dict[str, Any]) -> None:
        """One delivery, now."""
        self.waiting += 1

        def is_taken(answer: Answer | None) -> bool:
            status = 0 if answer is None or answer.error else int(answer.value["statusCode"])
            self.waiting -= 1
            self.answers[kind, status] += 1
            # A genuine sender repeats what was not accepted; a forger does not.
            again = kind == "genuine" and not 200 <= status < 300
            self.waiting += again
            return not again

        self.cloud.senders.add(event, self.cloud.clock.now_s(), is_taken)

    def next(self, number: int) -> None:
        """The delivery of this number: every hundredth is genuine."""
        if number % GENUINE_EVERY:
            self.forged(number)
        else:
            self.genuine(number // GENUINE_EVERY)

    def genuine(self, number: int) -> None:
        """A push to one of the images, and its delivery."""
        image = number % IMAGES
        self.newest[image] = self.newest.get(image, 0) + 1
        tag = f"1.{self.newest[image]}.0"
        self.registry.push(f"{NAMESPACE}/app{image}", tag)
        address = f"{self.registry.registry.address}/{NAMESPACE}/app{image}"
        self.send("genuine", delivery_event(self.path, address, tag))

    def forged(self, number: int) -> None:
        """A delivery to a path that is none, to one that nobody has, or with a signature that is wrong."""
        kind = ("no path", "unknown path", "unknown path", "wrong signature")[number % 4]
        path = {"no path": "/hook", "unknown path": f"/hook/{number:064x}", "wrong signature": self.path}[kind]
        self.send(kind, delivery_event(path, "registry.example.com/app", "1.0.0", token="guessed"))


def rows(minutes: float, seed: int) -> Iterator[Row]:
    """Send deliveries for some minutes and say what they cost."""
    with ExitStack() as stack:
        registry = ImageHost(stack.enter_context(running_distribution()))
        cloud = stack.enter_context(running_cloud(random.Random(seed)))
        flood = _Flood(cloud=cloud, registry=registry, path=add_receiver(cloud.ports, NAMESPACE))
        _prepare(flood)
        yield from _refused(flood)
        yield from _mixed(flood, round(minutes * A_MINUTE))


def _prepare(flood: _Flood) -> None:
    for number in range(IMAGES):
        key = NamespacedName(NAMESPACE, f"app{number}")
        flood.registry.push(str(key), "1.0.0")
        address = f"{flood.registry.registry.address}/{key}"
        objects = flood.cloud.ports.objects
        objects.put(document("ImageRepository", key, image=address, interval="24h"))
        objects.put(
            document("ImagePolicy", key, imageRepositoryRef={"name": key.name}, policy={"semver": {"range": "1.x"}})
        )
    _rest(flood, dict.fromkeys(range(IMAGES), 0))


def _refused(flood: _Flood) -> Iterator[Row]:
    """Forged deliveries alone: what does each cost?"""
    pool, gate = flood.cloud.pools["webhook"], flood.cloud.gate
    flood.cloud.ticks = False
    for number in range(8):
        flood.forged(number)
    _drain(flood)
    pool.cpu_s.clear()
    before = Counter(gate.calls)
    for number in range(SAMPLE):
        flood.forged(number)
        _drain(flood)
    calls = sum((Counter(gate.calls) - before).values())
    flood.cloud.ticks = True
    yield "refused deliveries: calls of AWS for each", f"{calls / SAMPLE:.2f}"
    yield "refused deliveries: CPU of the function", spread([one * 1000 for one in pool.cpu_s], "ms")


def _mixed(flood: _Flood, count: int) -> Iterator[Row]:
    cloud, pool = flood.cloud, flood.cloud.pools["webhook"]
    for values in (pool.cpu_s, pool.took_s["webhook"]):
        values.clear()
    flood.answers.clear()
    began_s = time.monotonic()
    sent = 0
    while sent < count:
        due = min(count, int((time.monotonic() - began_s) * A_MINUTE / 60) + 1)
        while sent < due and flood.waiting < MOST_WAITING:
            flood.next(sent)
            sent += 1
        cloud.step(cloud.clock.now_s() + 0.01)
    _drain(flood)
    took_s = time.monotonic() - began_s
    selected_s = _rest(flood, flood.newest)
    forged = {(kind, status): n for (kind, status), n in flood.answers.items() if kind != "genuine"}
    accepted = sum(n for (kind, status), n in flood.answers.items() if kind == "genuine" and status == 200)
    other = {one: n for one, n in forged.items() if one[1] != 404}
    yield "deliveries sent, genuine ones accepted, rate", f"{sent}, {accepted}, {sent / took_s * 60:.0f} a minute"
    yield "forged: refused with 404, answered otherwise", f"{sum(forged.values()) - sum(other.values())}, {other or 0}"
    yield "webhook: CPU for each delivery: p50, p99, longest", spread([one * 1000 for one in pool.cpu_s], "ms")
    times_ms = [one * 1000 for one in pool.took_s["webhook"]]
    yield "webhook: time for each delivery: p50, p99, longest", spread(times_ms, "ms")
    yield "webhook: memory, peak", f"{pool.peak_mb:.0f} MB"
    yield "all genuine tags selected after the last delivery", f"{selected_s:.0f} s"
    yield "dead letters", str(len(cloud.dead_letters) + len(cloud.senders.dead_letters))


def _drain(flood: _Flood) -> None:
    while flood.waiting:
        flood.cloud.step(flood.cloud.clock.now_s() + 1)


def _rest(flood: _Flood, newest: dict[int, int]) -> float:
    """Step until every image's newest tag is selected; how long it took, in seconds."""
    clock, selections = flood.cloud.clock, flood.cloud.ports.selections
    began_s = clock.now_s()
    left = dict(newest)
    while left:
        if clock.now_s() > began_s + SETTLE_S:
            raise RuntimeError(f"lost: {left}")
        for number, minor in list(left.items()):
            found = selections.get(NamespacedName(NAMESPACE, f"app{number}"))
            if found is not None and found.ref.tag == f"1.{minor}.0":
                del left[number]
        for _ in range(20):
            flood.cloud.step(clock.now_s() + 1)
    return clock.now_s() - began_s
