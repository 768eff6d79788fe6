"""A whole stack on simulated time: five functions in worker processes, their sources, a real table and real secrets.

What template.yaml says of time-outs, batches, filters and retries is read from it.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from tagstream import wiring
from tagstream.ports.bundle import Ports
from tests.embedded.aws import EmbeddedAws, EmbeddedStack, running
from tests.house.template_file import template
from tests.simulation.aws_gate import AwsGate, running_gate
from tests.simulation.clock import SharedClock
from tests.simulation.event_sources import CallSource, QueueSource, Source, StreamSource, returned
from tests.simulation.function_pool import FunctionPool, preload
from tests.simulation.scan_queue import DEAD_LETTERS, ScanQueue

STACK = "simulated"
TICK_S = 60.0
STEP_S = 0.02
READ_EVERY_S = 0.05
LONGEST_SKIP_S = 60.0
# Senders repeat a delivery that was not answered with 2xx; this is what distribution and Harbor do, roughly.
SENDER_PAUSES_S = (1.0, 5.0, 15.0, 60.0, 60.0, 60.0)
# Lambda repeats an asynchronous invocation that failed after a minute, and after two more.
ASYNC_PAUSES_S = (60.0, 120.0)
LIMITS = {"scan": 3, "update": 3, "webhook": 2, "sync": 2, "notify": 2}
TICK = {"tagstream": "tick"}


@dataclass
class Cloud:
    """The running stack.

    Attributes:
        ports: of the whole product, straight to the table and past all faults, for tests to prepare and to look.
        ticks: whether the schedule is on.
        skipped_s: idle time that was skipped.
    """

    clock: SharedClock
    folder: Path
    aws: EmbeddedAws
    gate: AwsGate
    queue: ScanQueue
    pools: Mapping[str, FunctionPool]
    schedule: CallSource
    senders: CallSource
    scans: StreamSource
    updates: StreamSource
    messages: QueueSource
    syncs: CallSource
    notices: CallSource
    ports: Ports
    streams: Any
    ticks: bool = True
    began_s: float = 0.0
    skipped_s: float = 0.0
    _iterators: dict[str, str] = field(default_factory=dict)
    _next_tick_s: float = 0.0
    _is_settled: bool = False
    _next_read_s: float = 0.0

    @property
    def sources(self) -> tuple[Source, ...]:
        """Everything that invokes functions."""
        return (self.schedule, self.senders, self.scans, self.updates, self.messages, self.syncs, self.notices)

    @property
    def elapsed_s(self) -> float:
        """Simulated seconds since the beginning."""
        return self.clock.now_s() - self.began_s

    @property
    def dead_letters(self) -> list[str]:
        """What AWS gave up: scans, batches of records, ticks, syncs and notices; and what the functions gave up."""
        streams = [*self.scans.dead_letters, *self.updates.dead_letters]
        invocations = [*self.schedule.dead_letters, *self.syncs.dead_letters, *self.notices.dead_letters]
        return [*self.queue.dead_letters, *self.queue.buried, *streams, *invocations]

    def step(self, wake_s: float) -> None:
        """Do what is due, then wait a moment, or skip to what comes next if nobody works.

        Args:
            wake_s: the time is never skipped beyond this (seconds since 1970).
        """
        self._tick()
        self._read_streams()
        self._take_invocations()
        for source in self.sources:
            source.pump()
        ended = [pool.collect() for pool in self.pools.values()]
        if any(ended):
            self._is_settled = False
            return
        running = [one for pool in self.pools.values() for one in pool.connections()]
        if running:
            wait(running, timeout=STEP_S)
        elif self._is_settled:
            self._skip(wake_s)
        else:
            time.sleep(STEP_S / 4)

    def quiet(self) -> bool:
        """Whether nobody works and nothing waits but ticks."""
        is_busy = any(pool.busy for pool in self.pools.values())
        waiting = [source.next_s() for source in self.sources if source is not self.schedule]
        return self._is_settled and not is_busy and set(waiting) == {None}

    def touched(self) -> None:
        """Something has written to the table from outside: the stream has to be read before time is skipped."""
        self._is_settled = False

    def _skip(self, wake_s: float) -> None:
        now_s = self.clock.now_s()
        nexts = [one for source in self.sources if (one := source.next_s()) is not None]
        until_s = min([*nexts, wake_s, now_s + LONGEST_SKIP_S, *([self._next_tick_s] if self.ticks else [])])
        if until_s > now_s:
            self.clock.skip(until_s - now_s)
            self.skipped_s += until_s - now_s

    def _tick(self) -> None:
        now_s = self.clock.now_s()
        if self.ticks and now_s >= self._next_tick_s:
            self.schedule.add(TICK, now_s, returned)
            self._next_tick_s = now_s - now_s % TICK_S + TICK_S

    def _take_invocations(self) -> None:
        """Hand on what functions have asked of other functions."""
        sources = {"sync": self.syncs, "notify": self.notices}
        for function, event in self.gate.taken_invocations():
            sources[function.removeprefix(f"{STACK}-")].add(event, self.clock.now_s(), returned)

    def _read_streams(self) -> None:
        """Hand new records of the table's stream to both functions, a few times a second as Lambda does."""
        if self._is_settled or time.monotonic() < self._next_read_s:
            return
        self._next_read_s = time.monotonic() + READ_EVERY_S
        arn = self.streams.list_streams()["Streams"][0]["StreamArn"] if not self._iterators else ""
        if arn:
            for shard in self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
                found = self.streams.get_shard_iterator(
                    StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
                )
                self._iterators[shard["ShardId"]] = found["ShardIterator"]
        is_settled = not any(pool.busy for pool in self.pools.values())
        for shard_id, iterator in list(self._iterators.items()):
            page = self.streams.get_records(ShardIterator=iterator, Limit=1000)
            self._iterators[shard_id] = page["NextShardIterator"]
            self.scans.add(page["Records"])
            self.updates.add(page["Records"])
            is_settled = is_settled and not page["Records"]
        self._is_settled = is_settled


@contextmanager
def running_cloud(entropy: random.Random, *, tells_bus: bool = False) -> Iterator[Cloud]:
    """Run a stack with an empty table until the end of the with block.

    Args:
        entropy: of records that are handed on twice or in another order.
        tells_bus: whether what happens is put on the event bus.
    """
    with ExitStack() as stack:
        aws = stack.enter_context(running())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="simulation-")))
        clock = SharedClock(folder / "clock")
        gate = stack.enter_context(running_gate(aws.endpoint, _queue(clock)))
        _make_table(aws)
        os.environ.update(_environ(aws, gate.endpoint) | ({wiring.EVENTS: wiring.ENABLED} if tells_bus else {}))
        preload()
        cloud = _cloud(aws, gate, clock, folder, entropy)
        for pool in cloud.pools.values():
            stack.callback(pool.stop)
        yield cloud


def client_of(aws: EmbeddedAws, service: str) -> Any:
    """A client that goes past the gate and its faults."""
    return EmbeddedStack(name=STACK, endpoint=aws.endpoint, outputs={}, environ={}).client(service)


def _environ(aws: EmbeddedAws, endpoint: str) -> dict[str, str]:
    return {
        **{name: value for name, value in aws.environ.items() if name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": endpoint,
        wiring.TABLE: STACK,
        wiring.STACK: STACK,
        wiring.QUEUE_URL: f"{endpoint}/queue",
        wiring.DEAD_LETTERS_URL: f"{endpoint}{DEAD_LETTERS}",
        wiring.SYNC_FUNCTION: f"{STACK}-sync",
        wiring.NOTIFY_FUNCTION: f"{STACK}-notify",
        "POWERTOOLS_SERVICE_NAME": STACK,
        "LOG_LEVEL": "INFO",
    }


def _make_table(aws: EmbeddedAws) -> None:
    properties = template()["Resources"]["TagStateTable"]["Properties"]
    client_of(aws, "dynamodb").create_table(
        TableName=STACK,
        **{name: properties[name] for name in ("BillingMode", "KeySchema", "AttributeDefinitions")},
        StreamSpecification={"StreamEnabled": True, **properties["StreamSpecification"]},
    )


def _queue(clock: SharedClock) -> ScanQueue:
    properties = template()["Resources"]["ScanQueue"]["Properties"]
    receives = properties["RedrivePolicy"]["maxReceiveCount"]
    return ScanQueue(clock=clock, visibility_s=properties["VisibilityTimeout"], most_receives=receives)


def _function(name: str) -> dict[str, Any]:
    found: dict[str, Any] = template()["Resources"][f"{name.title()}Function"]["Properties"]
    return found


def _stream_source(
    pool: FunctionPool, clock: SharedClock, properties: Mapping[str, Any], entropy: random.Random
) -> StreamSource:
    window = properties.get("MaximumBatchingWindowInSeconds", 0)
    default = template()["Parameters"]["BatchingWindowSeconds"]["Default"]
    return StreamSource(
        pool=pool,
        clock=clock,
        patterns=[json.loads(one["Pattern"]) for one in properties["FilterCriteria"]["Filters"]],
        batch_size=properties["BatchSize"],
        window_s=float(default if isinstance(window, Mapping) else window),
        most_retries=properties["MaximumRetryAttempts"],
        lanes=properties.get("ParallelizationFactor", 1),
        entropy=entropy,
    )


def _cloud(aws: EmbeddedAws, gate: AwsGate, clock: SharedClock, folder: Path, entropy: random.Random) -> Cloud:
    pools = {
        name: FunctionPool(name=name, timeout_s=_function(name)["Timeout"], limit=limit, clock=clock, folder=folder)
        for name, limit in LIMITS.items()
    }
    scan, update = _function("scan")["Events"], _function("update")["Events"]
    most = scan["Queue"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]
    environ = {**os.environ, "AWS_ENDPOINT_URL": aws.endpoint}
    return Cloud(
        clock=clock,
        folder=folder,
        aws=aws,
        gate=gate,
        queue=gate.queue,
        pools=pools,
        schedule=_invocations("scan", pools, clock),
        senders=CallSource(pools["webhook"], clock, SENDER_PAUSES_S),
        scans=_stream_source(pools["scan"], clock, scan["Applied"]["Properties"], entropy),
        updates=_stream_source(pools["update"], clock, update["Selected"]["Properties"], entropy),
        messages=QueueSource(gate.queue, pools["scan"], most),
        syncs=_invocations("sync", pools, clock),
        notices=_invocations("notify", pools, clock),
        ports=_ports_past_faults(environ),
        streams=client_of(aws, "dynamodbstreams"),
        began_s=time.time(),
    )


def _invocations(name: str, pools: Mapping[str, FunctionPool], clock: SharedClock) -> CallSource:
    """Asynchronous invocations of a function, which are repeated as often as the template says."""
    retries = _function(name)["EventInvokeConfig"]["MaximumRetryAttempts"]
    return CallSource(pools[name], clock, ASYNC_PAUSES_S[:retries])


def _ports_past_faults(environ: Mapping[str, str]) -> Ports:
    """Ports of this process; its clients are made for the embedded AWS itself."""
    gate = os.environ["AWS_ENDPOINT_URL"]
    os.environ["AWS_ENDPOINT_URL"] = environ["AWS_ENDPOINT_URL"]
    try:
        return wiring.scan_ports()
    finally:
        os.environ["AWS_ENDPOINT_URL"] = gate
