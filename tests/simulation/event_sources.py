"""What invokes the functions: the queue, the table's stream, ticks, and senders of webhooks, with AWS's repetitions.

Every source is asked again and again to begin what it can (``pump``), and says when it has something to do next.

Source: AWS Lambda developer guide, "Using Lambda with DynamoDB", "… with Amazon SQS", "Asynchronous invocation".
"""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.simulation.clock import SharedClock
from tests.simulation.function_pool import FunctionPool
from tests.simulation.scan_queue import ScanQueue, event_of
from tests.simulation.worker import Answer

Event = Mapping[str, Any]
Record = Mapping[str, Any]


class Source(Protocol):
    """Something that invokes a function."""

    def pump(self) -> None:
        """Begin the invocations that are due and for which there is room."""

    def next_s(self) -> float | None:
        """When there is something to do next (seconds since 1970); None while nothing waits."""


@dataclass
class QueueSource:
    """Hands the messages of ScanQueue to a function; what a worker took with it comes back when it is visible again."""

    queue: ScanQueue
    pool: FunctionPool
    most_at_once: int
    running: int = 0

    def pump(self) -> None:
        """Begin a batch while messages are visible."""
        while self.pool.has_room and self.running < self.most_at_once:
            messages = self.queue.receive()
            if not messages:
                return
            self.running += 1
            self.pool.invoke(event_of(messages), self._ended({one.message_id for one in messages}))

    def next_s(self) -> float | None:
        """When the next message is visible."""
        return self.queue.next_s()

    def _ended(self, message_ids: set[str]) -> Callable[[Answer | None], None]:
        def end(answer: Answer | None) -> None:
            self.running -= 1
            if answer is not None and not answer.error:
                failed = {one["itemIdentifier"] for one in answer.value["batchItemFailures"]}
                self.queue.delete(message_ids - failed)

        return end


@dataclass
class _Lane:
    """Records of the same keys, in their order; one batch of a lane is in flight at a time."""

    pending: list[tuple[float, Record]] = field(default_factory=list)
    size: int = 0
    attempts: int = 0
    not_before_s: float = 0.0
    is_busy: bool = False


@dataclass
class StreamSource:
    """Hands the records of the table's stream to a function.

    Args:
        pool: of the function.
        clock: of the simulation.
        patterns: of the event source's filters; a record that matches one is handed on.
        batch_size: at most so many records in an invocation.
        window_s: for how long records are gathered.
        most_retries: after so many, a batch goes to the dead letters.
        lanes: batches in flight at the same time.
        disorder: how likely a record is handed on twice, or a batch in another order.
    """

    pool: FunctionPool
    clock: SharedClock
    patterns: Sequence[Mapping[str, Any]]
    batch_size: int
    window_s: float
    most_retries: int
    lanes: int
    entropy: random.Random
    disorder: Callable[[], float] = lambda: 0.0
    dead_letters: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _lanes: list[_Lane] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lanes = [_Lane(size=self.batch_size) for _ in range(self.lanes)]

    def add(self, records: Sequence[Record]) -> None:
        """Records as they come from the stream."""
        now_s = self.clock.now_s()
        for record in records:
            if not any(matches(pattern, record) for pattern in self.patterns):
                continue
            lane = self._lanes[zlib.crc32(record["dynamodb"]["Keys"]["pk"]["S"].encode()) % self.lanes]
            lane.pending.append((now_s, record))
            self.counts["records"] += 1
            if self.entropy.random() < self.disorder():
                self.entropy.choice(self._lanes).pending.append((now_s, record))
                self.counts["duplicated"] += 1

    def pump(self) -> None:
        """Begin a batch of every lane that has one."""
        for lane in self._lanes:
            if self.pool.has_room and not lane.is_busy and self._due_s(lane) <= self.clock.now_s():
                self._begin(lane)

    def next_s(self) -> float | None:
        """When the next batch is complete, or tried again."""
        waiting = [self._due_s(lane) for lane in self._lanes if lane.pending and not lane.is_busy]
        return min(waiting, default=None)

    def _due_s(self, lane: _Lane) -> float:
        if not lane.pending:
            return float("inf")
        is_full = len(lane.pending) >= lane.size
        return max(lane.not_before_s, lane.pending[0][0] + (0.0 if is_full or lane.attempts else self.window_s))

    def _begin(self, lane: _Lane) -> None:
        batch = [record for _, record in lane.pending[: lane.size]]
        if self.entropy.random() < self.disorder():
            self.entropy.shuffle(batch)
            self.counts["reordered"] += 1
        lane.is_busy = True
        event = {"Records": [{**one, "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1"} for one in batch]}
        self.pool.invoke(event, lambda answer: self._end(lane, len(batch), answer))

    def _end(self, lane: _Lane, count: int, answer: Answer | None) -> None:
        lane.is_busy = False
        is_whole = answer is not None and not answer.error and not answer.value["batchItemFailures"]
        if is_whole:
            lane.pending = lane.pending[count:]
            lane.attempts, lane.size, lane.not_before_s = 0, self.batch_size, 0.0
            return
        self.counts["failed batches"] += 1
        # The batch is halved, and its first half is tried again.
        lane.size = max(1, count // 2)
        lane.attempts += 1
        lane.not_before_s = self.clock.now_s() + min(60.0, 2.0**lane.attempts)
        if lane.attempts > self.most_retries:
            self.dead_letters.append(f"{count} records, first {lane.pending[0][1]['dynamodb']['Keys']}")
            lane.pending = lane.pending[count:]
            lane.attempts, lane.size, lane.not_before_s = 0, self.batch_size, 0.0


def matches(pattern: Any, value: Any) -> bool:
    """Whether a value matches a filter of exact values, as AWS's event patterns have them."""
    if isinstance(pattern, Mapping):
        return isinstance(value, Mapping) and all(
            name in value and matches(p, value[name]) for name, p in pattern.items()
        )
    return value in pattern


@dataclass
class _Call:
    """An event on its way to a function: when it is tried, and how often it was."""

    event: Event
    at_s: float
    on_end: Callable[[Answer | None], bool]
    attempts: int = 0


@dataclass
class CallSource:
    """Invokes a function with single events, and repeats those that were not taken.

    Args:
        pauses_s: the pause before each repetition; when there are no more, the event goes to the dead letters.

    ``given_up`` are the events of the dead letters.
    """

    pool: FunctionPool
    clock: SharedClock
    pauses_s: Sequence[float]
    dead_letters: list[str] = field(default_factory=list)
    given_up: list[Event] = field(default_factory=list)
    _calls: list[_Call] = field(default_factory=list)

    def add(self, event: Event, at_s: float, is_taken: Callable[[Answer | None], bool]) -> None:
        """Invoke at a time; ``is_taken`` is asked whether the answer, None for a dead worker, settles the event."""
        self._calls.append(_Call(event=event, at_s=at_s, on_end=is_taken))

    def pump(self) -> None:
        """Invoke what is due."""
        for call in sorted(self._calls, key=lambda one: one.at_s):
            if not self.pool.has_room or call.at_s > self.clock.now_s():
                return
            self._calls.remove(call)
            self.pool.invoke(call.event, self._ended(call))

    def next_s(self) -> float | None:
        """When the next event is due."""
        return min((one.at_s for one in self._calls), default=None)

    def _ended(self, call: _Call) -> Callable[[Answer | None], None]:
        def end(answer: Answer | None) -> None:
            if call.on_end(answer):
                return
            if call.attempts >= len(self.pauses_s):
                self.dead_letters.append(str(call.event)[:200])
                self.given_up.append(call.event)
                return
            call.at_s = self.clock.now_s() + self.pauses_s[call.attempts]
            call.attempts += 1
            self._calls.append(call)

        return end


def returned(answer: Answer | None) -> bool:
    """Whether an asynchronous invocation has succeeded."""
    return answer is not None and not answer.error


def accepted(answer: Answer | None) -> bool:
    """Whether a sender of a webhook got an answer of 2xx."""
    return returned(answer) and answer is not None and 200 <= int(answer.value["statusCode"]) < 300
