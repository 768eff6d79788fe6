"""Explains which tag a policy selects, and why it selects no other: ``tagstream explain policy``.

It uses the same ordering and the same gates as the functions, and never writes anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tagstream.cli.asked_policy import policy_of_files, policy_of_stack
from tagstream.cli.console import CommandFailed
from tagstream.cli.dry_stack import dry_ports
from tagstream.cli.files import read_file, read_stdin
from tagstream.cli.layout import Column, brief
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json
from tagstream.domain.objects.image import DEFAULT_EXCLUSION_LIST
from tagstream.domain.objects.model import ImagePolicy, NamespacedName
from tagstream.domain.select.choice import Situation
from tagstream.domain.select.policy import Verdict
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.cool_downs import CoolDowns
from tagstream.reconcile.registry_health import RegistryHealth
from tagstream.reconcile.select.explanation import Explanation, Question, occasion_of, question_of, repository_of
from tagstream.reconcile.select.explanation import explain as explanation_of
from tagstream.reconcile.select.registry_questions import RegistryQuestions
from tagstream.reconcile.select.situation import situation_of


def explain(session: Session) -> int:
    """Run ``explain policy [NAME] [-f FILE] [--tags FILE|-]``.

    Returns:
        1 if no tag can be selected, else 0.

    Raises:
        CommandFailed: the policy does not exist, or it is invalid.
    """
    if session.args.filename and session.args.registry:
        raise CommandFailed("--registry needs a stack, whose gates it asks: leave out --filename")
    question = _offline(session) if session.args.filename else _online(session)
    explanation = explanation_of(question, None if session.args.filename else session.ports.tags)
    if session.args.output == "json":
        session.console.line(as_json(_document(explanation)))
    else:
        _print(session, explanation)
    return 1 if explanation.problem else 0


def _offline(session: Session) -> Question:
    args = session.args
    policy, repository = policy_of_files(session, lambda one: _is_named(one, session))
    if args.tags is None:
        raise CommandFailed("--tags is required with --filename: one tag a line, - for stdin")
    return Question(
        policy=policy,
        tags=_tags(session),
        image=repository.image if repository is not None else "",
        exclusion_list=repository.exclusion_list if repository is not None else DEFAULT_EXCLUSION_LIST,
        situation=None,
    )


def _is_named(policy: ImagePolicy, session: Session) -> bool:
    name = session.args.name
    if not name:
        return True
    key = policy.metadata.key
    return key == (NamespacedName(*name.split("/", 1)) if "/" in name else session.key(name))


def _online(session: Session) -> Question:
    stored = policy_of_stack(session)
    given = _tags(session) if session.args.tags is not None else None
    question = question_of(stored, given, session.ports)
    if not session.args.registry:
        return question
    return replace(question, situation=_asking(session, stored, question))


def _asking(session: Session, stored: StoredObject, question: Question) -> Situation | None:
    """Collect the input of the gates as the stack does: the registry is asked, from here."""
    repository = repository_of(question.policy, session.ports)
    if repository is None:
        return question.situation
    # What is asked is not kept: that is for the stack to do.
    ports = dry_ports(session.ports, (), session.ports.clock.now())
    questions = RegistryQuestions(
        stored=stored,
        repository=repository,
        deadline_s=ports.clock.monotonic_s() + session.args.timeout,
        health=RegistryHealth(CoolDowns(ports.tags, ports.clock), ports),
        ports=ports,
    )
    occasion = occasion_of(stored, question.policy, len(question.tags), repository, ports)
    return situation_of(occasion, questions, ports).situation


def _tags(session: Session) -> tuple[str, ...]:
    """Read tags: one on each line, or a JSON list of strings, or a registry's answer (``{"tags": […]}``)."""
    where = session.args.tags
    source = read_stdin(session.stdin) if where == "-" else read_file(Path(where))
    text = source.decode(errors="replace")
    if text.lstrip()[:1] in ("[", "{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise CommandFailed(f"--tags {where}: not JSON and not one tag a line") from None
        listed = found.get("tags") if isinstance(found, dict) else found
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise CommandFailed(f"--tags {where}: expected a JSON list of strings")
        return tuple(listed)
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _print(session: Session, explanation: Explanation) -> None:
    console, question = session.console, explanation.question
    _print_verdicts(session, question, explanation.verdicts)
    for one in explanation.advice:
        console.warning(str(one))
    choice = explanation.choice
    if choice is None:
        console.failure(explanation.problem)
        return
    if choice.held is not None:
        console.failure(choice.held.message)
    if choice.decided is not None:
        console.warning(choice.decided.message)
    if choice.wait is not None and choice.wait is not choice.held:
        console.warning(choice.wait.message)
    if choice.tag is not None:
        console.success(f"selected {question.image}{':' if question.image else ''}{choice.tag}")


def _print_verdicts(session: Session, question: Question, verdicts: Sequence[Verdict]) -> None:
    """Print a row for every tag; with when it was first seen if the policy has a minimum age."""
    shown = brief if session.is_brief else str
    columns = [
        Column(title="Tag", keeps_end=True),
        Column(title="Value", keeps_end=True),
        Column(title="Verdict"),
        Column(title="Detail", soft=True),
    ]
    rows = [[shown(one.tag), shown(one.value or ""), one.state, shown(one.detail)] for one in verdicts]
    if question.has_minimum_age:
        columns.insert(3, Column(title="First seen"))
        for row, one in zip(rows, verdicts, strict=True):
            row.insert(3, question.first_seen(one.tag) or "")
    session.console.table(columns, rows, fit=session.is_brief)


def _document(explanation: Explanation) -> Mapping[str, object]:
    question, choice = explanation.question, explanation.choice
    held, wait = (choice.held, choice.wait) if choice else (None, None)
    return {
        "policy": str(question.policy.metadata.key),
        "image": question.image,
        "current": question.current,
        "selected": choice.tag if choice else None,
        "error": explanation.problem or None,
        "held": {"reason": held.reason, "message": held.message} if held else None,
        "waitsUntil": wait.until.isoformat() if wait else None,
        "tags": [
            {"tag": one.tag, "value": one.value, "verdict": one.state, "detail": one.detail}
            | ({"firstSeen": question.first_seen(one.tag)} if question.has_minimum_age else {})
            for one in explanation.verdicts
        ],
        "warnings": [str(one) for one in explanation.advice],
    }
