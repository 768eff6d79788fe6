"""The environments of one function: worker processes that are started as needed, kept warm, killed and replaced."""

from __future__ import annotations

import multiprocessing
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.simulation.clock import SharedClock
from tests.simulation.worker import Answer, Job, work

_PRELOADED = [
    *("tests.simulation.worker", "tagstream.wiring", "boto3", "botocore.client", "dulwich.client"),
    *("functions.scan.app", "functions.update.app", "functions.webhook.app", "tagstream.reconcile.handlers"),
    *("functions.sync.app", "functions.notify.app", "tagstream.reconcile.sync.sync", "tagstream.reconcile.notify.tell"),
    *("tagstream.reconcile.scan.tick", "tagstream.reconcile.scan.messages", "tagstream.reconcile.update.automations"),
    *("tagstream.reconcile.receive.deliver", "tagstream.adapters.git.remote", "tagstream.adapters.registry.client"),
    *("tagstream.adapters.aws.secrets", "tagstream.adapters.store.tags", "tagstream.adapters.store.leases"),
]
OnEnd = Callable[[Answer | None], None]
"""Is called with the answer of an invocation; None when its worker died or ran out of time."""


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    version: int
    on_end: OnEnd | None = None
    deadline_s: float = 0.0
    kind: str = ""
    began_real_s: float = 0.0
    killed_at_s: float | None = None


@dataclass
class FunctionPool:
    """The environments of one function.

    Args:
        name: ``scan``, ``update``, ``webhook``, ``sync`` or ``notify``.
        timeout_s: after which an invocation is ended with its worker.
        limit: how many invocations run at the same time.
        clock: of the simulation.
        folder: of the clock's file and of the functions' logs.
        skew_s: is asked for every new worker how far its calendar is wrong.
        dies_after_s: is asked for every invocation after how many seconds its worker is killed; None means never.

    ``cpu_s`` and ``took_s`` are of all invocations that ended, the second in real seconds by the kind of event.
    """

    name: str
    timeout_s: float
    limit: int
    clock: SharedClock
    folder: Path
    skew_s: Callable[[], float] = lambda: 0.0
    dies_after_s: Callable[[], float | None] = lambda: None
    counts: Counter[str] = field(default_factory=Counter)
    cpu_s: list[float] = field(default_factory=list)
    took_s: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    peak_mb: float = 0.0
    errors: list[str] = field(default_factory=list)
    version: int = 0
    _workers: list[_Worker] = field(default_factory=list)

    @property
    def busy(self) -> int:
        """How many invocations are running."""
        return sum(one.on_end is not None for one in self._workers)

    @property
    def has_room(self) -> bool:
        """Whether one more invocation may begin now."""
        return self.busy < self.limit

    def invoke(self, event: Mapping[str, Any], on_end: OnEnd) -> None:
        """Begin an invocation; the caller has asked whether there is room."""
        worker = next((one for one in self._workers if one.on_end is None and one.version == self.version), None)
        worker = worker or self._started()
        now_s = self.clock.now_s()
        dies_after_s = self.dies_after_s()
        worker.on_end, worker.deadline_s = on_end, now_s + self.timeout_s
        worker.kind, worker.began_real_s = kind_of(event), time.monotonic()
        worker.killed_at_s = None if dies_after_s is None else now_s + dies_after_s
        self.counts["invocations"] += 1
        worker.connection.send(Job(event=event, request_id=str(uuid.uuid4()), deadline_s=worker.deadline_s))

    def deploy(self) -> None:
        """Replace all workers by new ones; those that work finish their invocation first."""
        self.version += 1
        self.counts["deployments"] += 1
        for worker in [one for one in self._workers if one.on_end is None]:
            self._stop(worker)

    def collect(self) -> bool:
        """End what has ended, was due to be killed, or has no time left; whether anything has ended."""
        working = [one for one in self._workers if one.on_end is not None]
        ready = set(wait([one.connection for one in working], timeout=0))
        now_s = self.clock.now_s()
        ended = False
        for worker in working:
            if worker.connection in ready:
                self._end(worker, self._received(worker))
            elif worker.killed_at_s is not None and now_s >= worker.killed_at_s:
                self._kill(worker, "kills")
            elif now_s >= worker.deadline_s:
                self._kill(worker, "time-outs")
            ended = ended or worker.on_end is None
        return ended

    def connections(self) -> list[Connection]:
        """Those of the running invocations, to wait for."""
        return [one.connection for one in self._workers if one.on_end is not None]

    def stop(self) -> None:
        """End all workers."""
        for worker in list(self._workers):
            self._stop(worker)

    def _started(self) -> _Worker:
        context = multiprocessing.get_context("forkserver")
        ours, theirs = context.Pipe()
        log = self.folder / f"{self.name}.log"
        arguments = (theirs, self.name, self.folder / "clock", self.skew_s(), log)
        process = context.Process(target=work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process=process, connection=ours, version=self.version)
        self._workers.append(worker)
        self.counts["workers"] += 1
        return worker

    def _received(self, worker: _Worker) -> Answer | None:
        try:
            answer: Answer = worker.connection.recv()
        except (EOFError, ConnectionError):
            self._stop(worker)
            self.counts["died"] += 1
            return None
        self.cpu_s.append(answer.cpu_s)
        self.took_s[worker.kind].append(time.monotonic() - worker.began_real_s)
        self.peak_mb = max(self.peak_mb, answer.peak_mb)
        if answer.error:
            self.counts["errors"] += 1
            self.errors.append(answer.error)
        return answer

    def _kill(self, worker: _Worker, why: str) -> None:
        self.counts[why] += 1
        self._stop(worker)
        self._end(worker, None)

    def _end(self, worker: _Worker, answer: Answer | None) -> None:
        on_end, worker.on_end = worker.on_end, None
        assert on_end is not None
        on_end(answer)
        if worker.version != self.version and worker in self._workers:
            self._stop(worker)

    def _stop(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()


def kind_of(event: Mapping[str, Any]) -> str:
    """What an event is: ``tick``, ``sync``, ``notice``, ``webhook``, ``aws:sqs`` or ``aws:dynamodb``."""
    if "tagstream" in event:
        return str(event["tagstream"])
    return str(event["Records"][0]["eventSource"]) if "Records" in event else "webhook"


def preload() -> None:
    """Have new workers begin with the functions' modules loaded, as a snapshot of an environment does."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(_PRELOADED)
