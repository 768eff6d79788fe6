"""A worker process: the code of one function, as one Lambda environment runs it. It can be killed at any time."""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import tagstream.adapters.clock
from tests.simulation.clock import SharedClock, SimulatedClock

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One invocation: the event, its request id, and until when it may run (seconds since 1970)."""

    event: Mapping[str, Any]
    request_id: str
    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an invocation returned, or the error that it raised; CPU seconds, and the worker's peak memory so far."""

    value: Any = None
    error: str = ""
    cpu_s: float = 0.0
    peak_mb: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What the functions read of a Lambda context."""

    aws_request_id: str
    deadline_s: float
    clock: SharedClock
    function_name: str
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:1:function:simulated"

    def get_remaining_time_in_millis(self) -> int:
        return int((self.deadline_s - self.clock.now_s()) * 1000)


def work(connection: Connection, function: str, clock_file: Path, skew_s: float, log: Path) -> None:
    """Carry out jobs until the connection is closed.

    Args:
        connection: a Job comes in, an Answer goes out.
        function: ``scan``, ``update``, ``webhook``, ``sync`` or ``notify``.
        clock_file: of the simulation.
        skew_s: how far this worker's calendar is wrong.
        log: gets everything that the function prints.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    clock = SharedClock(clock_file)
    # The wiring makes its clock from this class: that is how a process gets the time of its machine.
    setattr(tagstream.adapters.clock, "SystemClock", lambda: SimulatedClock(clock, skew_s))  # noqa: B010
    handler = importlib.import_module(f"functions.{function}.app").handler
    while True:
        try:
            job: Job = connection.recv()
        except EOFError:
            return
        context = _Context(
            aws_request_id=job.request_id, deadline_s=job.deadline_s, clock=clock, function_name=function
        )
        connection.send(_carried_out(handler, job, context))


def _carried_out(handler: Any, job: Job, context: _Context) -> Answer:
    began_s = time.process_time()
    value, error = None, ""
    try:
        value = handler(job.event, context)
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    return Answer(
        value=value,
        error=error,
        cpu_s=time.process_time() - began_s,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )
