"""Load on the tick: 5,000 repositories, each scanned every five minutes."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tagstream.domain.objects.model import NamespacedName
from tests.embedded.distribution import Distribution, running_distribution
from tests.simulation.cloud import Cloud, running_cloud
from tests.simulation.documents import document
from tests.simulation.figures import Row, spread

REPOSITORIES = 5_000
NAMESPACES = 50
TAGS = 10
PUSHES = 60
# Nothing is pushed in the last minutes, so that every tag can be found.
LAST_PUSH_S = 420.0
WRITERS = 16
SETTLE_S = 3600.0
LOOK_EVERY_S = 2.0
_DIGEST = f"sha256:{0:064x}"


def rows(minutes: float, seed: int) -> Iterator[Row]:
    """Tick for some simulated minutes."""
    entropy = random.Random(seed)
    with ExitStack() as stack:
        registry = stack.enter_context(running_distribution())
        cloud = stack.enter_context(running_cloud(entropy))
        names = [NamespacedName(f"team{one % NAMESPACES}", f"app{one}") for one in range(REPOSITORIES)]
        _prepare(cloud, registry, names)
        yield from _hour(cloud, registry, names, minutes * 60, entropy)


def _prepare(cloud: Cloud, registry: Distribution, names: list[NamespacedName]) -> None:
    def add(key: NamespacedName) -> None:
        registry.link_tags(str(key), [f"1.{minor}.0" for minor in range(TAGS)], _DIGEST)
        address = f"{registry.address}/{key}"
        cloud.ports.objects.put(document("ImageRepository", key, image=address, interval="5m"))
        ref, policy = {"name": key.name}, {"semver": {"range": "1.x"}}
        cloud.ports.objects.put(document("ImagePolicy", key, imageRepositoryRef=ref, policy=policy))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(add, names))
    cloud.touched()
    end_s = cloud.clock.now_s() + SETTLE_S
    while not cloud.quiet() or cloud.ports.selections.get(names[-1]) is None:
        if cloud.clock.now_s() > end_s:
            raise RuntimeError("the first scans do not end")
        cloud.step(end_s)


def _hour(
    cloud: Cloud, registry: Distribution, names: list[NamespacedName], length_s: float, entropy: random.Random
) -> Iterator[Row]:
    pool, gate = cloud.pools["scan"], cloud.gate
    for values in pool.took_s.values():
        values.clear()
    units, began_s = (gate.read_units, gate.write_units), cloud.clock.now_s()
    invocations = pool.counts["invocations"]
    pushes = sorted(entropy.uniform(0, max(1.0, length_s - LAST_PUSH_S)) for _ in range(PUSHES))
    pending: dict[NamespacedName, float] = {}
    lags: list[float] = []
    looked_s = 0.0
    while (at_s := cloud.clock.now_s() - began_s) < length_s:
        while pushes and pushes[0] <= at_s:
            key, pushed_s = entropy.choice(names), pushes.pop(0)
            registry.link_tags(str(key), [f"1.{TAGS}.0"], _DIGEST)
            pending.setdefault(key, began_s + pushed_s)
        cloud.step(began_s + min([length_s, *pushes[:1]]))
        if time.monotonic() - looked_s > LOOK_EVERY_S:
            lags += _found(cloud, pending)
            looked_s = time.monotonic()
    lags += _found(cloud, pending)
    hours = length_s / 3600
    used = gate.read_units - units[0], gate.write_units - units[1]
    yield "repositories, interval, simulated time", f"{len(names)}, 5 min, {length_s / 60:.0f} min"
    yield "ticks, invocations of scan", f"{len(pool.took_s['tick'])}, {pool.counts['invocations'] - invocations}"
    yield "time of a tick: p50, p99, longest", spread(pool.took_s["tick"])
    yield "time of a queue batch: p50, p99, longest", spread(pool.took_s["aws:sqs"])
    yield "scan: memory, peak", f"{pool.peak_mb:.0f} MB"
    yield "table units in an hour: read, write", ", ".join(f"{one / hours:.0f}" for one in used)
    yield "new tags, push to selection: p50, p99, longest", f"{len(lags)}, {spread(lags, digits=0)}"
    yield "tags not selected", str(len(pending))
    yield "dead letters", str(len(cloud.dead_letters))


def _found(cloud: Cloud, pending: dict[NamespacedName, float]) -> list[float]:
    """How long the tags took that are selected by now; they are no longer pending."""
    found = []
    for key, pushed_s in list(pending.items()):
        selection = cloud.ports.selections.get(key)
        if selection is not None and selection.ref.tag == f"1.{TAGS}.0":
            found.append(selection.selected_at.timestamp() - pushed_s)
            del pending[key]
    return found
