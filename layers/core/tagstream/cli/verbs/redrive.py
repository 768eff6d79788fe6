"""Looks at dead letters, asks again for what they were about, or drops them: ``tagstream redrive``.

The functions keep their state in the table, so a message of a dead-letter queue holds nothing that is lost. To retry
one means to ask for its work again: the scans, runs or notifications that it names, or, for a batch of changes whose
content AWS does not keep, a run of every automation. What cannot be read stays where it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from tagstream.cli.console import CommandFailed
from tagstream.cli.layout import Column, brief
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json
from tagstream.domain.ages import human_duration
from tagstream.domain.instant import instant_text
from tagstream.events.delivery import Delivery
from tagstream.events.notices import parse_notice
from tagstream.events.source import UnknownEvent, read_event
from tagstream.ports.operations import DeadLetter
from tagstream.reconcile.receive.registry_event import receive_registry_event
from tagstream.reconcile.shown_status import is_suspended

QUEUES = ("scan", "update")
COLUMNS = (Column(title="Queue"), Column(title="Age"), Column(title="What"), Column(title="Detail", soft=True))
SCAN, RUN, TICK, PUSH, CHANGES, UNKNOWN = "scan", "run", "tick", "registry push", "changes", "unknown"
NOTICE, SYNC = "notification", "sync"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a dead letter is about; ``detail`` names objects, or the error that the function ended with."""

    what: str
    detail: str


def redrive(session: Session) -> int:
    """Run ``redrive [scan|update] [--retry | --drop] [-s] [-o json]``.

    Raises:
        CommandFailed: both ``--retry`` and ``--drop`` are given, or the answer to the question was not yes.
    """
    args = session.args
    if args.retry and args.drop:
        raise CommandFailed("--retry and --drop exclude each other")
    queues = (args.queue,) if args.queue else QUEUES
    letters = [one for queue in queues for one in session.operations.dead_letters(queue)]
    try:
        _show(session, letters)
        if args.drop and letters and not args.silent:
            session.console.ask(f"Are you sure you want to drop {_messages(len(letters))}? [y/N] ")
            if session.stdin.readline().strip().lower() not in ("y", "yes"):
                raise CommandFailed("aborting")
    except BaseException:
        session.operations.give_back(letters)
        raise
    if not (args.retry or args.drop):
        session.operations.give_back(letters)
        return 0
    done = _retried(session, letters) if args.retry else letters
    for one in done:
        session.operations.drop(one)
    kept = [one for one in letters if one not in done]
    if kept:
        session.operations.give_back(kept)
        session.console.warning(f"{_messages(len(kept))} of an unknown form cannot be retried: see -o json, and --drop")
    session.console.success(f"{_messages(len(done))} {'retried' if args.retry else 'dropped'}")
    return 0


def _messages(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count} dead letters"


def _retried(session: Session, letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
    """Ask for the work of the messages again, and return those that may be removed now.

    They are removed afterwards, so that none is lost by a failure here.
    """
    kinds = {one.receipt: _told(one).what for one in letters}
    done = [one for one in letters if kinds[one.receipt] != UNKNOWN]
    for one in done:
        if kinds[one.receipt] in (SCAN, RUN):
            session.operations.resend(one)
        if kinds[one.receipt] == NOTICE:
            session.operations.resend(_first_attempt(one))
        if kinds[one.receipt] == PUSH:
            _receive_push(session, one)
    if any(one.queue == "update" for one in done):
        _request_runs(session)
    if any(kinds[one.receipt] in (TICK, CHANGES, SYNC) and one.queue == "scan" for one in done):
        session.console.action("the next tick scans and evaluates whatever is due")
    return done


def _first_attempt(letter: DeadLetter) -> DeadLetter:
    """The notice in a message, which may be wrapped as a failed invocation, with all of its attempts before it."""
    body = json.loads(letter.body)
    notice = {**body.get("requestPayload", body), "attempt": 1, "hops": 0}
    return replace(letter, body=json.dumps(notice))


def _receive_push(session: Session, letter: DeadLetter) -> None:
    """Ask for the scans that an event of ECR stands for, as the scan function does."""
    body = json.loads(letter.body)
    delivery = read_event(body.get("requestPayload", body), session.ports.clock.now())
    if isinstance(delivery, Delivery):
        receive_registry_event(delivery, session.ports)


def _request_runs(session: Session) -> None:
    now = session.ports.clock.now()
    automations = [one for one in session.ports.objects.list("ImageUpdateAutomation") if not is_suspended(one)]
    for one in automations:
        session.ports.selections.request_run(one.key, "redriven", now)
    session.console.action(f"asked for a run of {len(automations)} automations")


def _show(session: Session, letters: Sequence[DeadLetter]) -> None:
    now = session.ports.clock.now()
    told = [_told(one) for one in letters]
    if session.args.output == "json":
        items = [
            {"queue": one.queue, "sentAt": instant_text(one.sent_at), "what": what.what, "detail": what.detail}
            | {"body": one.body}
            for one, what in zip(letters, told, strict=True)
        ]
        session.console.line(as_json(items))
        return
    if not letters:
        session.console.success("no dead letters")
        return
    shown = brief if session.is_brief else str
    rows = [
        [one.queue, human_duration((now - one.sent_at).total_seconds()), what.what, shown(what.detail)]
        for one, what in zip(letters, told, strict=True)
    ]
    session.console.table(COLUMNS, rows, fit=session.is_brief)


def _told(letter: DeadLetter) -> _Told:
    """Say what a message is about, by the forms in which AWS and the functions write it.

    Source: AWS Lambda developer guide, destinations of asynchronous invocations and of stream batches; EventBridge user
    guide, dead-letter queues.
    """
    try:
        body = json.loads(letter.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return _Told(what=UNKNOWN, detail=letter.body[:200])
    if isinstance(body.get("repositories"), list):
        return _Told(what=SCAN, detail=f"{_names(body['repositories'])} ({body.get('reason', '')})")
    if isinstance(body.get("automations"), list):
        return _Told(what=RUN, detail=f"{_names(body['automations'])} ({body.get('reason', '')})")
    if isinstance(body.get("DDBStreamBatchInfo"), dict):
        size = body["DDBStreamBatchInfo"].get("batchSize", "?")
        return _Told(what=CHANGES, detail=f"{size} changes of the table: {_condition(body)}")
    payload = body.get("requestPayload", body)
    if _is_push(payload, letter):
        return _Told(what=PUSH, detail=f"{_ecr(payload)}: {_condition(body)}")
    if isinstance(payload, dict) and payload.get("tagstream") == "tick":
        return _Told(what=TICK, detail=_condition(body))
    if isinstance(payload, dict) and payload.get("tagstream") == "sync":
        return _Told(what=SYNC, detail=f"Kustomization/{payload.get('kustomization', '?')}: {_condition(body)}")
    notice = parse_notice(payload) if isinstance(payload, dict) else None
    if notice is not None:
        whom = "the event bus" if notice.only_bus else f"Alert/{notice.alert}" if notice.alert else "all Alerts"
        events = "1 event" if len(notice.entries) == 1 else f"{len(notice.entries)} events"
        return _Told(what=NOTICE, detail=f"{events} for {whom}")
    return _Told(what=UNKNOWN, detail=letter.body[:200])


def _is_push(payload: object, letter: DeadLetter) -> TypeGuard[Mapping[str, Any]]:
    """Whether this is an event of ECR that the scan function can read."""
    if not isinstance(payload, dict) or payload.get("source") != "aws.ecr":
        return False
    try:
        return isinstance(read_event(payload, letter.sent_at), Delivery)
    except UnknownEvent:
        return False


def _names(found: Sequence[object]) -> str:
    return ", ".join(str(one) for one in found)


def _condition(body: Mapping[str, Any]) -> str:
    """Return why Lambda gave a message up, with the error of the function where it is told."""
    context, answer = body.get("requestContext"), body.get("responsePayload")
    condition = str(context.get("condition", "")) if isinstance(context, dict) else ""
    error = str(answer.get("errorMessage", "")) if isinstance(answer, dict) else ""
    return ": ".join(part for part in (condition, error) if part) or "not delivered"


def _ecr(event: Mapping[str, Any]) -> str:
    detail = event.get("detail")
    if not isinstance(detail, dict):
        return "ECR"
    return f"{detail.get('repository-name', '')}:{detail.get('image-tag', '')}"
