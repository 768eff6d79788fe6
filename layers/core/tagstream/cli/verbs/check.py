"""Says whether the stack is healthy, and what the caller may do: ``tagstream check``.

Source: flux2 cmd/flux/check.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import tagstream
from tagstream.cli.kinds import STORED
from tagstream.cli.layout import Column
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json
from tagstream.domain.ages import human_duration
from tagstream.errors import ImageAutomationError
from tagstream.reconcile.shown_status import conditions_of, is_suspended
from tagstream.reconcile.stack_calendar import read_stack_calendar

OK, WARNING, FAILED = "ok", "warning", "failed"
COLUMNS = (Column(title="Check"), Column(title="Status"), Column(title="Detail", soft=True))
# The tick reads every object once an hour, and says when it did.
SWEPT_WITHIN = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check."""

    check: str
    status: str
    detail: str


def check(session: Session) -> int:
    """Run ``check [-o json]``.

    Returns:
        1 if a check has failed, else 0; warnings are no failures.
    """
    checks: tuple[tuple[str, Callable[[Session], Iterator[Finding]]], ...] = (
        ("version", _version),
        ("table", _table),
        ("schedule", _schedule),
        ("windows", _windows),
        ("webhook", _webhook),
        ("alarms", _alarms),
        ("dead letters", _dead_letters),
        ("secrets", _secrets),
        ("logs", _logs),
        ("objects", _objects),
    )
    # A stack that is not there fails as a whole, with AWS's words.
    session.ports.clock.now()
    found = [one for name, run in checks for one in _isolated(session, name, run)]
    if session.args.output == "json":
        items = [{"check": one.check, "status": one.status, "detail": one.detail} for one in found]
        session.console.line(as_json(items))
    else:
        session.console.table(COLUMNS, [[one.check, one.status, one.detail] for one in found], fit=session.is_brief)
    return int(any(one.status == FAILED for one in found))


def _isolated(session: Session, name: str, run: Callable[[Session], Iterator[Finding]]) -> list[Finding]:
    """Run one check; what AWS refuses is its finding, and the others go on."""
    try:
        return list(run(session))
    except ImageAutomationError as error:
        return [Finding(check=name, status=FAILED, detail=error.message)]


def _version(session: Session) -> Iterator[Finding]:
    ours, theirs = tagstream.__version__, session.operations.version()
    if theirs == ours:
        yield Finding(check="version", status=OK, detail=f"command line and functions are v{ours}")
    else:
        told = f"v{theirs}" if theirs else "of an earlier version"
        yield Finding(check="version", status=WARNING, detail=f"command line is v{ours}, functions are {told}")


def _table(session: Session) -> Iterator[Finding]:
    count = sum(len(session.ports.objects.list(target.kind)) for target in STORED)
    caller = session.caller()
    if session.operations.may_write_table():
        yield Finding(check="table", status=OK, detail=f"{count} objects; {caller} may read and write")
    else:
        yield Finding(check="table", status=WARNING, detail=f"{count} objects; {caller} may read, not write")


def _schedule(session: Session) -> Iterator[Finding]:
    if not session.operations.is_ticking():
        yield Finding(check="schedule", status=WARNING, detail="off (TickState): only pushes and commands cause scans")
        return
    swept_at, now = session.ports.agenda.read().swept_at, session.ports.clock.now()
    if swept_at is None:
        yield Finding(check="schedule", status=WARNING, detail="no tick has come yet")
    elif now - swept_at > SWEPT_WITHIN:
        since = human_duration((now - swept_at).total_seconds())
        yield Finding(check="schedule", status=FAILED, detail=f"no tick has read all objects for {since}")
    else:
        yield Finding(check="schedule", status=OK, detail="ticks come")


def _windows(session: Session) -> Iterator[Finding]:
    stack = session.ports.stack_calendar
    if stack.window or stack.freeze:
        # It fails with the parameter, its value, and what is wrong with it; nothing is pushed then.
        read_stack_calendar(stack)
        yield Finding(check="windows", status=OK, detail="the stack's parameters Window and Freeze can be read")


def _webhook(session: Session) -> Iterator[Finding]:
    yield Finding(check="webhook", status=OK, detail=f"answers {session.operations.webhook_answers()}")


def _alarms(session: Session) -> Iterator[Finding]:
    alarms, now = session.operations.alarms(), session.ports.clock.now()
    ringing = [one for one in alarms if one.state == "ALARM"]
    for one in ringing:
        since = human_duration((now - one.since).total_seconds())
        yield Finding(check="alarms", status=FAILED, detail=f"{one.name} for {since}: {one.description}")
    if not ringing:
        yield Finding(check="alarms", status=OK, detail=f"none of {len(alarms)} is in the state ALARM")
    if alarms and not any(one.tells for one in alarms):
        yield Finding(check="alarms", status=WARNING, detail="they tell nobody: give AlarmEmail or AlarmTopicArn")


def _dead_letters(session: Session) -> Iterator[Finding]:
    counts = {queue: session.operations.dead_letter_count(queue) for queue in ("scan", "update")}
    for queue, count in counts.items():
        if count:
            detail = f"{count} in the queue {queue}: see tagstream redrive {queue}"
            yield Finding(check="dead letters", status=FAILED, detail=detail)
    if not any(counts.values()):
        yield Finding(check="dead letters", status=OK, detail="none")


def _secrets(session: Session) -> Iterator[Finding]:
    listed, may_write = len(session.operations.secret_names(None)), session.operations.may_write_secrets()
    told = f"{listed} can be listed; {session.caller()} {'may change them' if may_write else 'may not change them'}"
    yield Finding(check="secrets", status=OK if may_write else WARNING, detail=told)


def _logs(session: Session) -> Iterator[Finding]:
    now = session.ports.clock.now()
    lines = session.log_lines(now - timedelta(hours=1), now)
    errors = sum(line.get("level") in ("ERROR", "CRITICAL") for line in lines)
    if errors:
        detail = f"{errors} errors in the last hour: see tagstream logs -A --level error"
        yield Finding(check="logs", status=WARNING, detail=detail)
    else:
        yield Finding(check="logs", status=OK, detail="no errors in the last hour")


def _objects(session: Session) -> Iterator[Finding]:
    stored = [one for target in STORED for one in session.ports.objects.list(target.kind)]
    states = [
        condition.get("status")
        for one in stored
        if not is_suspended(one)
        for condition in conditions_of(one)
        if condition.get("type") == "Ready"
    ]
    broken = sum(state == "False" for state in states)
    if broken:
        detail = f"{broken} are not ready: see tagstream get all -A --status-selector ready=false"
        yield Finding(check="objects", status=WARNING, detail=detail)
    else:
        yield Finding(check="objects", status=OK, detail=f"none of {len(stored)} has failed")
