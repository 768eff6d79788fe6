"""A simulated stack on an embedded AWS: its functions run on moved time, and what they use is counted.

The adapters are those of the deployed functions. Only SQS, the schedule and the stream's delivery are played here,
since their waits are simulated time.
"""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from tagstream.adapters.aws.notices import notice_body
from tagstream.adapters.aws.queue import SqsScanQueue
from tagstream.adapters.aws.secrets import LONG_CACHE_S, SecretsManager
from tagstream.adapters.aws.telemetry import EmbeddedMetrics, PowertoolsLog
from tagstream.adapters.entropy import system_entropy
from tagstream.adapters.git.branch_push import BranchPush
from tagstream.adapters.git.logins import GitCredentials
from tagstream.adapters.git.marker_cache import WarmMarkers
from tagstream.adapters.git.remote import GitClient
from tagstream.adapters.git_hosts.commits import ApiCommits
from tagstream.adapters.git_hosts.hosts import KnownHosts
from tagstream.adapters.public_keys import read_public_keys
from tagstream.adapters.registry.client import RegistryClient
from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.deliveries import DynamoDeliveries
from tagstream.adapters.store.freezes import DynamoFreezes
from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.ledger import DynamoLedger
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.schema import DynamoSchema
from tagstream.adapters.store.secrets_epoch import DynamoSecretsEpoch
from tagstream.adapters.store.selections import DynamoSelections
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.adapters.worker_threads import WorkerThreads
from tagstream.domain.objects.model import NamespacedName
from tagstream.metric_names import NAMESPACE
from tagstream.ports.bundle import NotifyPorts, Ports, WebhookPorts
from tagstream.ports.freezes import StackCalendar
from tagstream.ports.notices import BusEvent, QueuedNotice
from tagstream.reconcile import handlers
from tagstream.wiring import LEDGER_TTL_S
from tests.cost.counted_aws import CountedAws
from tests.embedded.git_hosts.host import FakeHost
from tests.embedded.git_server import GitServer
from tests.embedded.registry import Registry
from tests.embedded.table import create_table

STACK = "tagstream"
TICK = timedelta(seconds=60)
# What a Lambda function is given beside its memory, and what its log costs beside its own lines: START, END and REPORT.
CPU_MB = 1_769
PLATFORM_LOG_BYTES = 450
EVENT_LOG_BYTES = 26
# Waits that an embedded AWS does not have, in seconds.
AWS_CALL_S, REGISTRY_REQUEST_S, GIT_REQUEST_S, COLD_START_S = 0.006, 0.1, 0.25, 1.0
NOTIFICATION_S = 0.25
SCAN_WORKERS = 32
LEFT_MS = 110_000


class SimulatedClock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 27, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class SimulatedStack:
    """A stack with its counts; ``memory_mb`` are the sizes of the functions in template.yaml.

    ``git_host`` has the pull requests.
    """

    aws: CountedAws
    ports: Ports
    webhook_ports: WebhookPorts
    registry: Registry
    git: GitServer
    git_host: FakeHost
    clock: SimulatedClock
    memory_mb: Mapping[str, int]
    secrets: SecretsManager
    log: io.StringIO
    queue: list[tuple[datetime, str]]
    told: _Told
    syncs: _Syncs
    notify_ports: NotifyPorts
    path: str = ""
    counts: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    metrics: set[tuple[str, str, int]] = field(default_factory=set)

    def reset(self) -> None:
        """Begin to count anew."""
        self.counts.clear()
        self.aws.counts.clear()
        self.aws.partitions.clear()
        self.metrics.clear()

    def used(self) -> Mapping[str, float]:
        """Return what was used since the last reset, by the names in ``prices_table``."""
        names = self.counts.keys() | self.aws.counts.keys()
        return {name: self.counts.get(name, 0.0) + self.aws.counts.get(name, 0) for name in names}

    def tick(self) -> None:
        """Move the clock by a minute, let the schedule fire, and let everything happen that follows from it."""
        before = self.clock.at
        self.clock.at = before + TICK
        # What Powertools remembers ages by the machine's clock.
        store = self.secrets._provider.store
        for name, kept in list(store.items()):
            store[name] = kept._replace(ttl=kept.ttl - TICK)
        self.counts["Scheduler invocations"] += 1
        self._scan({"tagstream": "tick"})
        self.settle()

    def deliver(self, image: str, tag: str) -> None:
        """Post the delivery of a push to the webhook, and let everything happen that follows from it."""
        body = json.dumps({"docker_url": image, "updated_tags": [tag]})
        event = {
            "version": "2.0",
            "rawPath": self.path,
            "requestContext": {"http": {"method": "POST", "path": self.path, "sourceIp": "203.0.113.1"}},
            "headers": {"content-type": "application/json"},
            "body": body,
            "isBase64Encoded": False,
        }
        self.counts["Lambda GB-seconds, arm64"] += COLD_START_S * self.memory_mb["webhook"] / 1024
        answers: list[Mapping[str, object]] = []
        self._run("webhook", lambda: answers.append(handlers.webhook(event, self.webhook_ports)))
        if answers[0]["statusCode"] != 200:
            raise AssertionError(f"the delivery was answered {answers[0]}")
        self.settle()

    def settle(self) -> None:
        """Deliver stream records and queue messages until there are none before the next tick."""
        until = self.clock.at + TICK
        start = self.clock.at
        while True:
            if self.aws.stream:
                records, self.aws.stream = self.aws.stream, []
                self._stream(records)
                continue
            if self.told.notices:
                self._notify(self.told.notices.pop(0))
                continue
            if self.syncs.requests:
                self._sync(*self.syncs.requests.pop(0))
                continue
            ready = sorted(one for one in self.queue if one[0] <= self.clock.at)[:10]
            if ready:
                for one in ready:
                    self.queue.remove(one)
                self.counts["SQS requests"] += 2
                self._scan(_batch(ready))
                continue
            later = [at for at, _ in self.queue if at < until]
            if not later:
                break
            self.clock.at = min(later)
        self.clock.at = max(start, min(self.clock.at, until))

    def _stream(self, records: Sequence[dict[str, Any]]) -> None:
        applied = [one for one in records if _type(one) == "object"]
        selected = [one for one in records if _type(one) in ("selection", "run") and "NewImage" in one["dynamodb"]]
        told = [one for one in records if _type(one) == "ledger" and one["eventName"] == "INSERT"]
        for part in _parts(sorted([*applied, *told], key=records.index), 50):
            self._scan({"Records": part})
        for part in _parts(selected, 100):
            self._update({"Records": part})

    def _scan(self, event: Mapping[str, Any]) -> None:
        self._run("scan", lambda: handlers.scan(event, LEFT_MS, self.ports))

    def _notify(self, notice: QueuedNotice) -> None:
        event = json.loads(notice_body(notice))
        self._run("notify", lambda: handlers.notify(event, LEFT_MS, self.notify_ports))

    def _sync(self, kustomization: NamespacedName, cause: str) -> None:
        event = {"tagstream": "sync", "kustomization": str(kustomization), "cause": cause}
        owner = f"worker-{self.counts['Lambda invocations']}"
        self._run("sync", lambda: handlers.sync(event, LEFT_MS, owner, self.ports))

    def _update(self, event: Mapping[str, Any]) -> None:
        owner = f"worker-{self.counts['Lambda invocations']}"
        self._run("update", lambda: handlers.update(event, LEFT_MS, owner, self.ports))

    def _run(self, function: str, act: Callable[[], object]) -> None:
        """One invocation: its duration is its CPU time at the function's share of a CPU, and its waits."""
        self.aws.threads.clear()
        self.log.seek(0)
        self.log.truncate()
        asked, git_asked, busy_s = len(self.registry.requests), len(self.git.requests), time.process_time()
        told, called = self.told.delivered, len(self.git_host.calls)
        with contextlib.redirect_stdout(self.log):
            act()
            self.ports.metrics.flush()
        busy_s = time.process_time() - busy_s
        asked, git_asked = len(self.registry.requests) - asked, len(self.git.requests) - git_asked
        called = len(self.git_host.calls) - called
        mine = self.aws.threads.pop(threading.get_ident(), 0)
        waits_s = AWS_CALL_S * (mine + max(self.aws.threads.values(), default=0))
        waits_s += REGISTRY_REQUEST_S * -(-asked // SCAN_WORKERS) + GIT_REQUEST_S * (git_asked + called)
        waits_s += NOTIFICATION_S * (self.told.delivered - told)
        memory = self.memory_mb[function]
        seconds = busy_s * max(1.0, CPU_MB / memory) + waits_s
        lines = self.log.getvalue().splitlines()
        self.counts["Lambda invocations"] += 1
        self.counts["Lambda GB-seconds, arm64"] += seconds * memory / 1024
        self.counts[f"{function} seconds"] += seconds
        self.counts[f"{function} CPU seconds"] += busy_s
        self.counts[f"{function} invocations"] += 1
        self.counts["calls of the Git host"] += called
        self.counts["Log bytes"] += PLATFORM_LOG_BYTES + sum(len(one.encode()) + EVENT_LOG_BYTES for one in lines)
        self.counts["log lines"] += len(lines)
        self.counts["X-Ray traces"] += 1
        hour = int(self.clock.at.timestamp() // 3600)
        for line in lines:
            found = json.loads(line)
            for told in found.get("_aws", {}).get("CloudWatchMetrics", ()):
                dimensions = "/".join(str(found[name]) for name in sorted(told["Dimensions"][0]))
                self.metrics |= {(one["Name"], dimensions, hour) for one in told["Metrics"]}


def _type(record: Mapping[str, Any]) -> str:
    images = record["dynamodb"]
    return str((images.get("NewImage") or images["OldImage"])["t"]["S"])


def _parts(records: Sequence[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(records), size):
        yield list(records[start : start + size])


def _batch(messages: Sequence[tuple[datetime, str]]) -> dict[str, Any]:
    return {
        "Records": [
            {"eventSource": "aws:sqs", "messageId": str(number), "body": body}
            for number, (_, body) in enumerate(messages)
        ]
    }


def simulated_stack(
    endpoint: str, registry: Registry, git: GitServer, git_host: FakeHost, memory_mb: Mapping[str, int]
) -> SimulatedStack:
    """Create a table on the embedded AWS at ``endpoint`` and the functions' ports on it."""
    clock, log, messages = SimulatedClock(), io.StringIO(), list[tuple[datetime, str]]()
    session = boto3.Session("test", "test", region_name="us-east-1")

    def client(service: str) -> Any:
        config = Config(max_pool_connections=100, parameter_validation=False)
        return session.client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]

    aws = CountedAws(raw=client("dynamodb"), table=f"cost-{time.time_ns()}")
    table = Table(client=aws.watch(client("dynamodb")), name=created(aws), clock=clock)
    sqs = aws.watch(client("sqs"))
    sqs.meta.events.register("before-call.sqs", _queue_instead(messages, clock))
    vault, epoch = aws.watch(client("secretsmanager")), DynamoSecretsEpoch(table=table)
    secrets = SecretsManager(vault, STACK, epoch, clock, LONG_CACHE_S)
    webhook_ports = WebhookPorts(
        deliveries=DynamoDeliveries(table=table, clock=clock),
        objects=DynamoObjects(table=table, clock=clock),
        secrets=SecretsManager(vault, STACK, epoch, clock),
        queue=SqsScanQueue(client=sqs, url=f"{endpoint}/queue"),
        ledger=DynamoLedger(table=table, ttl_s=LEDGER_TTL_S),
        issuer_keys=lambda _issuer, _fresh: {},
        clock=clock,
        metrics=EmbeddedMetrics(namespace=NAMESPACE, service=STACK),
        log=PowertoolsLog(logger=Logger(service=aws.table, stream=log)),
    )
    told, syncs = _Told(), _Syncs()
    return SimulatedStack(
        aws=aws,
        ports=_ports(webhook_ports, table, secrets, told, syncs),
        told=told,
        syncs=syncs,
        notify_ports=_notify_ports(webhook_ports, table, aws, told),
        webhook_ports=webhook_ports,
        registry=registry,
        git=git,
        git_host=git_host,
        clock=clock,
        memory_mb=memory_mb,
        secrets=secrets,
        log=log,
        queue=messages,
    )


def created(aws: CountedAws) -> str:
    """Create the table, with the keys of template.yaml, and return its name."""
    create_table(aws.raw, aws.table)
    return aws.table


@dataclass
class _Syncs:
    """The syncs that were asked for, for the next invocations."""

    requests: list[tuple[NamespacedName, str]] = field(default_factory=list)

    def request(self, kustomizations: Collection[NamespacedName], cause: str) -> None:
        """Keep one request for each name."""
        self.requests += [(one, cause) for one in sorted(kustomizations)]


@dataclass
class _Told:
    """Who is told what: notices for the notify function, events for the bus, and requests to a service."""

    notices: list[QueuedNotice] = field(default_factory=list)
    delivered: int = 0
    counts: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def tell(self, notices: Sequence[QueuedNotice]) -> None:
        """Keep them for the next invocation."""
        self.notices += notices

    def put(self, events: Sequence[BusEvent]) -> None:
        """Count events by their size, as EventBridge does: one for each 64 KB."""
        self.counts["EventBridge events"] += sum(1 + len(one.detail.encode()) // 65_536 for one in events)

    def deliver(self, *_request: object) -> None:
        """Take a notification, as a service that is well does."""
        self.delivered += 1

    def fail(self, *message: object) -> NoReturn:
        """Fail: nothing is told later, by mail or to a topic."""
        raise AssertionError(message)

    send = bury = publish = fail


def _notify_ports(shared: WebhookPorts, table: Table, aws: CountedAws, told: _Told) -> NotifyPorts:
    told.counts = aws.counts
    return NotifyPorts(
        objects=shared.objects,
        ledger=shared.ledger,
        tags=DynamoTags(table=table),
        secrets=shared.secrets,
        notices=told,
        courier=told,
        mailer=told,
        topics=told,
        bus=told,
        clock=shared.clock,
        metrics=shared.metrics,
        log=shared.log,
        stack=STACK,
    )


def _ports(shared: WebhookPorts, table: Table, secrets: SecretsManager, told: _Told, syncs: _Syncs) -> Ports:
    return Ports(
        objects=shared.objects,
        agenda=DynamoAgenda(table=table, clock=shared.clock),
        schema=DynamoSchema(table=table),
        tags=DynamoTags(table=table),
        selections=DynamoSelections(table=table),
        leases=DynamoLeases(table=table, clock=shared.clock),
        freezes=DynamoFreezes(table=table, ledger=DynamoLedger(table=table, ttl_s=LEDGER_TTL_S)),
        stack_calendar=StackCalendar(),
        ledger=shared.ledger,
        deliveries=shared.deliveries,
        secrets=secrets,
        queue=shared.queue,
        syncs=syncs,
        notifier=told,
        registry=RegistryClient(),
        read_public_keys=read_public_keys,
        git=GitClient(GitCredentials(shared.clock, _no_role)),
        outlet=BranchPush(),
        git_hosts=KnownHosts(lambda access: access, shared.clock),
        host_commits=ApiCommits(lambda access: access, shared.clock),
        markers=WarmMarkers(),
        clock=shared.clock,
        entropy=system_entropy,
        workers=WorkerThreads(),
        metrics=shared.metrics,
        log=shared.log,
        tells_event_bus=True,
    )


def _no_role() -> Any:
    raise AssertionError("nothing here signs in with the functions' role")


@dataclass
class _Answered:
    status_code: int = 200


def _queue_instead(messages: list[tuple[datetime, str]], clock: SimulatedClock) -> Callable[..., Any]:
    """Keep a message until its time has come, instead of sending it."""

    def answer(params: Any, context: Any, **_: object) -> Any:
        asked = context["counted"]
        if "MessageBody" in asked:
            due = clock.now() + timedelta(seconds=asked.get("DelaySeconds", 0))
            messages.append((due, asked["MessageBody"]))
        return _Answered(), {"MessageId": str(len(messages)), "ResponseMetadata": {"HTTPStatusCode": 200}}

    return answer
