"""Explains which tag a policy selects, and why it selects no other: ``tagstream explain policy``.

It uses the same ordering and the same gates as the functions, and never writes anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tagstream.cli.console import CommandFailed
from tagstream.cli.dry_stack import dry_ports
from tagstream.cli.failure_advice import repository_failure
from tagstream.cli.files import read_file, read_manifests, read_stdin
from tagstream.cli.layout import Column, brief
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.image import DEFAULT_EXCLUSION_LIST
from tagstream.domain.objects.model import ImagePolicy, ImageRepository, NamespacedName
from tagstream.domain.scan.exclusion import InvalidExclusion, keep
from tagstream.domain.select.advice import policy_advice
from tagstream.domain.select.choice import Choice, Situation, TagCounts
from tagstream.domain.select.policy import (
    CompiledPolicy,
    InvalidFilter,
    InvalidPolicy,
    NoSelection,
    Verdict,
    compile_policy,
)
from tagstream.errors import ImageAutomationError
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.apply.validation import validate
from tagstream.reconcile.cool_downs import CoolDowns
from tagstream.reconcile.registry_health import RegistryHealth
from tagstream.reconcile.select.registry_questions import RegistryQuestions
from tagstream.reconcile.select.situation import Occasion, gather
from tagstream.reconcile.select.tag_times import with_stored_times
from tagstream.reconcile.status import trusted_tags
from tagstream.reconcile.stored_objects import parse_stored


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """The policy to explain, and the tags to explain it with.

    ``exclusion_list`` is empty if excluded tags are removed already. ``situation`` is the input of the gates; it is
    None without a stack, where nothing is selected yet and no tag has a first-seen time.
    """

    policy: ImagePolicy
    tags: tuple[str, ...]
    image: str
    exclusion_list: tuple[str, ...]
    situation: Situation | None

    @property
    def has_minimum_age(self) -> bool:
        """Whether the age of a tag matters, and is known."""
        return self.situation is not None and bool(self.situation.minimum_age)

    def first_seen(self, tag: str) -> str | None:
        """When a scan first listed a tag, as a text; None if that is not known, or does not matter."""
        seen_at = self.situation.first_seen(tag) if self.situation is not None and self.has_minimum_age else None
        return instant_text(seen_at) if seen_at else None

    @property
    def current(self) -> str | None:
        """The tag that is selected now; None if there is none."""
        ref = self.situation.current if self.situation else None
        return ref.tag if ref else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explanation:
    """The verdict on every tag, and the result: a choice, or Flux's message if no tag can be selected."""

    verdicts: tuple[Verdict, ...]
    advice: tuple[Problem, ...]
    choice: Choice | None
    problem: str


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
    compiled, kept, question = _compiled(session, question)
    try:
        explanation = _explanation(compiled, kept, question)
    except ImageAutomationError as error:
        raise CommandFailed(f"ImagePolicy/{question.policy.metadata.key}: {error.message}") from error
    if session.args.output == "json":
        session.console.line(as_json(_document(question, explanation)))
    else:
        _print(session, question, explanation)
    return 1 if explanation.problem else 0


def _compiled(session: Session, question: _Question) -> tuple[CompiledPolicy, Sequence[str], _Question]:
    """The policy ready to select, the tags that are not excluded, and the question with what gates know of times."""
    policy = question.policy
    try:
        compiled = compile_policy(policy.policy, policy.filter_tags)
        kept = keep(question.tags, question.exclusion_list)
    except (InvalidPolicy, InvalidFilter, InvalidExclusion) as error:
        raise CommandFailed(f"ImagePolicy/{policy.metadata.key}: {error}") from error
    if question.situation is None:
        return compiled, kept, question
    timed = with_stored_times(policy, compiled, kept, session.ports.tags)
    situation = replace(question.situation, tags_without_time=len(timed.left))
    return timed.policy, kept, replace(question, situation=situation)


def _explanation(compiled: CompiledPolicy, kept: Sequence[str], question: _Question) -> _Explanation:
    verdicts = (*compiled.explain(kept, question.situation), *_excluded(question, kept))
    advice = policy_advice(question.policy, kept)
    try:
        choice = compiled.latest(kept, question.situation)
    except NoSelection as error:
        return _Explanation(verdicts=verdicts, advice=advice, choice=None, problem=str(error))
    return _Explanation(verdicts=verdicts, advice=advice, choice=choice, problem="")


def _excluded(question: _Question, kept: Sequence[str]) -> tuple[Verdict, ...]:
    left = sorted(set(question.tags) - set(kept), reverse=True)
    return tuple(Verdict(tag=tag, value=None, state="excluded", detail="spec.exclusionList") for tag in left)


def _offline(session: Session) -> _Question:
    args = session.args
    manifests = read_manifests(args.filename, session.stdin, session.namespace)
    validation = validate(manifests, lambda kind, key: True)
    objects = [one.parsed.value for one in validation.objects]
    for error in validation.errors:
        session.console.failure(error)
    policies = [one for one in objects if isinstance(one, ImagePolicy) and _is_named(one, session)]
    if len(policies) != 1:
        names = ", ".join(str(one.metadata.key) for one in policies) or "none"
        raise CommandFailed(f"expected one ImagePolicy{f' {args.name}' if args.name else ''} in the files: {names}")
    policy = policies[0]
    found = [one for one in objects if isinstance(one, ImageRepository) and one.metadata.key == policy.repository]
    if args.tags is None:
        raise CommandFailed("--tags is required with --filename: one tag a line, - for stdin")
    return _Question(
        policy=policy,
        tags=_tags(session),
        image=found[0].image if found else "",
        exclusion_list=found[0].exclusion_list if found else DEFAULT_EXCLUSION_LIST,
        situation=None,
    )


def _is_named(policy: ImagePolicy, session: Session) -> bool:
    name = session.args.name
    if not name:
        return True
    key = policy.metadata.key
    return key == (NamespacedName(*name.split("/", 1)) if "/" in name else session.key(name))


def _online(session: Session) -> _Question:
    if not session.args.name:
        raise CommandFailed("a policy's name, or --filename is required")
    stored = session.ports.objects.get("ImagePolicy", session.key(session.args.name))
    if stored is None:
        raise CommandFailed(f"ImagePolicy '{session.args.name}' not found in {session.namespace} namespace")
    given = _tags(session) if session.args.tags is not None else None
    return _question(session, stored, given, asks=session.args.registry)


def _question(
    session: Session, stored: StoredObject, given_tags: tuple[str, ...] | None, *, asks: bool = False
) -> _Question:
    """Return what to explain of a stored policy; without given tags, those of its repository.

    With ``asks``, the gates ask the registry from here.
    """
    policy = parse_stored(stored, ImagePolicy)
    held = session.ports.objects.get("ImageRepository", policy.repository)
    repository = parse_stored(held, ImageRepository) if held else None
    tags = _stored_tags(session, policy.repository) if given_tags is None else given_tags
    return _Question(
        policy=policy,
        tags=tags,
        image=repository.image if repository else "",
        exclusion_list=repository.exclusion_list if repository else (),
        situation=_situation(session, stored, policy, repository if asks else None, len(tags)),
    )


def explained(session: Session, stored: StoredObject) -> tuple[Choice | None, str]:
    """Return what a stored policy selects from the stored tags, or Flux's message if it can select none.

    Raises:
        CommandFailed: no tags are stored, or the policy is invalid.
    """
    compiled, kept, question = _compiled(session, _question(session, stored, None))
    try:
        return compiled.latest(kept, question.situation), ""
    except NoSelection as error:
        return None, str(error)
    except ImageAutomationError as error:
        raise CommandFailed(f"ImagePolicy/{question.policy.metadata.key}: {error.message}") from error


def _situation(
    session: Session, stored: StoredObject, policy: ImagePolicy, repository: ImageRepository | None, tag_count: int
) -> Situation:
    """Collect the input of the gates as the stack does when it evaluates the policy.

    With a repository, its registry is asked; without one, only what is stored counts.
    """
    # What is asked is not kept: that is for the stack to do.
    ports = session.ports if repository is None else dry_ports(session.ports, (), session.ports.clock.now())
    selection = ports.selections.get(stored.key)
    occasion = Occasion(
        stored=stored,
        policy=policy,
        current=selection.ref if selection else None,
        counts=TagCounts(before=trusted_tags(stored.status), after=tag_count),
        now=ports.clock.now(),
    )
    if repository is None:
        # The machine of the command line may not reach the registry.
        return gather(occasion, None, ports).situation
    questions = RegistryQuestions(
        stored=stored,
        repository=repository,
        deadline_s=ports.clock.monotonic_s() + session.args.timeout,
        health=RegistryHealth(CoolDowns(ports.tags, ports.clock), ports),
        ports=ports,
    )
    return gather(occasion, questions, ports).situation


def _stored_tags(session: Session, repository: NamespacedName) -> tuple[str, ...]:
    tags = tuple(one.tag for one in session.ports.tags.tags(repository))
    if not tags:
        why = (
            repository_failure(session, repository)
            or f"the registry lists none that ImageRepository/{repository} keeps"
        )
        raise CommandFailed(f"no tags of ImageRepository/{repository} are stored: {why}")
    return tags


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


def _print(session: Session, question: _Question, explanation: _Explanation) -> None:
    console = session.console
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


def _print_verdicts(session: Session, question: _Question, verdicts: Sequence[Verdict]) -> None:
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


def _document(question: _Question, explanation: _Explanation) -> Mapping[str, object]:
    choice = explanation.choice
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
