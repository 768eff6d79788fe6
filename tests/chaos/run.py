"""One chaos run: push while everything fails, let it come to rest, and say what was lost."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tagstream.domain.objects.model import NamespacedName
from tests.chaos.audit import explained, findings
from tests.chaos.faults import Faults, planned
from tests.chaos.world import PASSWORD, TOKEN, USER, Image, World, add_image, build, remove_image
from tests.embedded.distribution import running_distribution
from tests.embedded.fault_proxy import FaultProxy, running_fault_proxy
from tests.embedded.git_hosts.gitea import Gitea
from tests.embedded.git_hosts.host import running as serving
from tests.embedded.git_server import commit_files, git_server
from tests.embedded.hook_receiver import hook_receiver
from tests.simulation.cloud import Cloud, running_cloud
from tests.simulation.event_sources import returned
from tests.simulation.figures import spread
from tests.simulation.image_host import ImageHost

HOSTS = 2
# A failure is tried again after 15 minutes at the latest, an interval is 5 minutes, and a clock may be 5 minutes wrong.
RECOVERY_S = 1500.0
# After everything is committed, so long nothing may change any more.
REST_S = 900.0
# Chunks that a dead worker left are removed by a change that comes an hour later.
LATER_S = 4000.0
PUSH_EVERY_S = 8.0
LONG_LIST = 600
_AWS_FAULTS = ("throttled", "lost", "down", "hung")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is to automate, and for how many simulated minutes everything fails."""

    minutes: float
    namespaces: int = 4
    images: int = 3
    deployments: int = 3


@dataclass
class Outcome:
    """What a run came to: a table of figures, and what was lost (nothing, if all is well)."""

    rows: list[tuple[str, str]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass
class _Run:
    world: World
    faults: Faults
    entropy: random.Random
    size: Size
    recovered_s: float | None = None
    humans: int = 0
    redriven: int = 0
    previews: list[Image] = field(default_factory=list)

    @property
    def cloud(self) -> Cloud:
        return self.world.cloud


def run(seed: int, size: Size, logs: Path | None = None) -> Outcome:
    """Carry out a run.

    Args:
        seed: of everything that is left to chance. Processes race, so a seed repeats the faults and not every step.
        size: of the run.
        logs: a folder that gets the logs of the functions.
    """
    began_s = time.monotonic()
    with _world(seed, size) as (world, proxies):
        entropy = random.Random(f"faults {seed}")
        length_s = size.minutes * 60
        faults = Faults(
            clock=world.cloud.clock,
            episodes=planned(entropy, length_s, HOSTS),
            entropy=entropy,
            began_s=world.cloud.clock.now_s(),
            ends_s=length_s,
        )
        this = _Run(world=world, faults=faults, entropy=random.Random(f"pushes {seed}"), size=size)
        _settle(this, RECOVERY_S, "before any fault")
        faults.began_s = world.cloud.clock.now_s()
        faults.install(world.cloud)
        for name, proxy in proxies.items():
            faults.install_host(proxy, name)
        _suffer(this)
        _recover(this)
        _go_on(this)
        _tell_again(this)
        lost = list(findings(world))
        if logs is not None:
            shutil.copytree(world.cloud.folder, logs, dirs_exist_ok=True)
        return Outcome(rows=list(_figures(this, time.monotonic() - began_s)), lost=lost)


@contextmanager
def _world(seed: int, size: Size) -> Iterator[tuple[World, dict[str, FaultProxy]]]:
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        registry = stack.enter_context(running_distribution())
        server = stack.enter_context(git_server(root, {USER: PASSWORD}))
        git_address = f"127.0.0.1:{server.server_address[1]}"
        hooks = stack.enter_context(hook_receiver())
        git_host = Gitea()
        git_host.authorizations = {f"token {TOKEN}"}
        stack.enter_context(serving(git_host))
        api = git_host.origin.removeprefix("http://")
        upstreams = {"registry": registry.address, "git": git_address, "hook": hooks.address, "api": api}
        proxies = {
            kind: [stack.enter_context(running_fault_proxy(upstream)) for _ in range(1 if kind == "api" else HOSTS)]
            for kind, upstream in upstreams.items()
        }
        cloud = stack.enter_context(running_cloud(random.Random(f"records {seed}"), tells_bus=True))
        world = World(cloud=cloud, registry=ImageHost(registry), hooks=hooks, git_host=git_host)
        build(world, proxies, root, size.namespaces, size.images)
        for image in world.images[:: size.images]:
            # Their lists do not fit into one item.
            for number in range(LONG_LIST):
                world.registry.push(image.repository, f"build-{random.Random(number).randbytes(8).hex()}")
        yield world, {f"{kind} {number}": one for kind, many in proxies.items() for number, one in enumerate(many)}


def _step(this: _Run, wake_s: float) -> None:
    this.cloud.step(wake_s)
    this.world.history.look(this.cloud.clock.now_s())


def _settle(this: _Run, within_s: float, when: str) -> None:
    """Step until every marker has its newest tag and nobody works."""
    end_s = this.cloud.clock.now_s() + within_s
    while this.cloud.clock.now_s() < end_s:
        _step(this, end_s)
        if this.cloud.quiet() and not this.world.missing():
            return
    if when:
        errors = [one for pool in this.cloud.pools.values() for one in pool.errors]
        raise RuntimeError(f"{when}: {this.world.missing()}; functions raised: {errors[:3]}")


def _suffer(this: _Run) -> None:
    """Push, deploy, delete and create while the faults last."""
    clock, faults = this.cloud.clock, this.faults
    length_s = faults.ends_s
    deployments = sorted(this.entropy.uniform(0, length_s) for _ in range(this.size.deployments))
    next_push_s, is_half = 0.0, False
    while (at_s := clock.now_s() - faults.began_s) < length_s:
        if at_s >= next_push_s:
            _push(this)
            next_push_s = at_s + this.entropy.expovariate(1 / PUSH_EVERY_S)
        if at_s >= length_s / 2 and not is_half:
            is_half = True
            for fleet in this.world.fleets:
                fleet.change(this.entropy)
        if deployments and at_s >= deployments[0]:
            deployments.pop(0)
            _deploy(this)
        _step(this, faults.began_s + min([length_s, next_push_s, *deployments[:1]]))


def _push(this: _Run) -> None:
    """One thing that people do: push a tag, mostly with a delivery; commit by hand; change previews or a fleet."""
    world, entropy = this.world, this.entropy
    dice = entropy.random()
    if dice < 0.08:
        commit_files(entropy.choice(world.folders), {"README.md": f"{this.humans}\n".encode()}, "by hand")
        this.humans += 1
    elif dice < 0.16:
        _change_previews(this)
    elif dice < 0.28:
        entropy.choice(world.fleets).change(entropy)
    else:
        image = entropy.choice(world.images)
        tag = world.push(image)
        if dice < 0.8:
            world.deliver(image, tag, world.cloud.clock.now_s() + entropy.choice([0.0, 0.0, 2.0, 20.0]))
        if dice < 0.42:
            world.deliver(image, tag, world.cloud.clock.now_s() + entropy.uniform(0, 30))


def _change_previews(this: _Run) -> None:
    """Objects that come and go: what is derived from them has to go with them."""
    if this.previews and this.entropy.random() < 0.5:
        remove_image(this.world, this.previews.pop())
    else:
        like = this.entropy.choice(this.world.images)
        key = NamespacedName(like.key.namespace, f"preview{this.entropy.randrange(10**6)}")
        image = Image(key=key, host=like.host)
        add_image(this.world, image, this.entropy)
        this.previews.append(image)
    this.cloud.touched()


def _deploy(this: _Run) -> None:
    for pool in this.cloud.pools.values():
        pool.deploy()


def _recover(this: _Run) -> None:
    """From the last fault until everything is committed; then some more, in which nothing may change."""
    clock = this.cloud.clock
    _deploy(this)
    while this.previews:
        remove_image(this.world, this.previews.pop())
    this.cloud.touched()
    began_s = clock.now_s()
    while clock.now_s() < began_s + RECOVERY_S and this.recovered_s is None:
        _step(this, began_s + RECOVERY_S)
        if not this.world.missing():
            this.recovered_s = clock.now_s() - began_s
    rest_s = clock.now_s() + REST_S
    while clock.now_s() < rest_s or (not this.cloud.quiet() and clock.now_s() < rest_s + REST_S):
        _step(this, rest_s if clock.now_s() < rest_s else rest_s + REST_S)


def _go_on(this: _Run) -> None:
    """An hour later every image gets one more tag: all must still work, and what dead workers left must go."""
    this.cloud.clock.skip(LATER_S)
    for image in this.world.images:
        this.world.deliver(image, this.world.push(image), this.cloud.clock.now_s())
    _settle(this, RECOVERY_S, "")


def _tell_again(this: _Run) -> None:
    """Do for notices what ``tagstream redrive`` does: AWS gives up those whose workers died three times."""
    notices = this.cloud.notices
    this.redriven = len(notices.given_up)
    for event in notices.given_up:
        notices.add(event, this.cloud.clock.now_s(), returned)
    _settle(this, RECOVERY_S, "")


def _figures(this: _Run, took_s: float) -> Iterator[tuple[str, str]]:
    world, cloud, gate = this.world, this.cloud, this.cloud.gate
    lags = world.lags_s()
    yield "simulated minutes (of them with faults)", f"{cloud.elapsed_s / 60:.0f} ({this.size.minutes:g})"
    yield "real seconds", f"{took_s:.0f}"
    yield "namespaces, images, markers", f"{this.size.namespaces}, {len(world.images)}, {len(world.policies)}"
    pushed = sum(len(image.pushed) for image in world.images)
    given_up = len(cloud.senders.dead_letters)
    yield "tags pushed, deliveries (given up by senders)", f"{pushed}, {world.deliveries} ({given_up})"
    for name, pool in cloud.pools.items():
        counts = pool.counts
        failed = f"{counts['kills']} killed, {counts['time-outs']} timed out, {counts['errors']} raised"
        yield f"{name}: invocations", f"{counts['invocations']} ({failed}; {counts['workers']} workers)"
    yield "calls of AWS", f"{sum(gate.calls.values())}"
    yield (
        "throttled, answers lost, secrets refused, not answered",
        ", ".join(str(gate.faults[one]) for one in _AWS_FAULTS),
    )
    yield "faults of hosts", ", ".join(f"{name} {count}" for name, count in sorted(this.faults.counts.items()))
    yield "deployments", str(cloud.pools["scan"].counts["deployments"])
    records = [source.counts for source in (cloud.scans, cloud.updates)]
    moved = ", ".join(str(sum(one[name] for one in records)) for name in ("records", "duplicated", "reordered"))
    yield "records, duplicated, batches reordered", moved
    yield "commits (by hand), values changed", f"{len(world.history.made)} ({this.humans}), {world.history.changes}"
    yield "push to commit: p50, p99, longest", spread(lags, digits=0)
    recovered = "not within the bound" if this.recovered_s is None else f"{this.recovered_s:.0f} s"
    yield "all committed after the last fault", f"{recovered} (bound {RECOVERY_S:.0f} s)"
    calls = len(world.git_host.calls)
    yield "calls of the Git host, pull requests", f"{calls}, {len(world.git_host.requests)}"
    yield "commits to fleets", str(sum(fleet.commits for fleet in world.fleets))
    ids = [one.headers["X-Event-Id"] for one in world.hooks.received]
    yield "events told, told again, by hand", f"{len(set(ids))}, {len(ids) - len(set(ids))}, {this.redriven}"
    fine = sum(explained(one) for one in cloud.dead_letters)
    text = "dead letters (ticks, syncs and notices whose workers were killed each time)"
    yield text, f"{len(cloud.dead_letters) - fine} ({fine})"
