"""Replays which tags a policy would have selected when: ``tagstream backtest policy``. It writes nothing."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tagstream.cli.asked_policy import policy_of_files, policy_of_stack
from tagstream.cli.console import CommandFailed
from tagstream.cli.layout import Column
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import ImagePolicy, ImageRepository
from tagstream.domain.scan.exclusion import InvalidExclusion, keep
from tagstream.domain.select.backtest import History, Replayed, Turn, backtest
from tagstream.domain.select.choice import Findings, Signing, Situation, TagCounts
from tagstream.domain.select.policy import InvalidFilter, InvalidPolicy, compile_policy
from tagstream.errors import ImageAutomationError
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.select import image_findings, image_signatures
from tagstream.reconcile.select.first_seen import FirstSeen
from tagstream.reconcile.select.situation import Occasion, situation_of
from tagstream.reconcile.select.tag_times import with_stored_times
from tagstream.reconcile.stored_objects import parse_stored

ASSUMED = "tags are assumed to pass the gates that look into images, because nothing is known of theirs"
UNDATED = "tags are left out, because no time of creation is kept of them: it is for policies that order by it"
NOT_KEPT = "deleted tags are not in it, nor is what a tag contained before it was moved"
# More names than that are counted only.
MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A policy, and its repository where it is known (exclusions, the image's name)."""

    policy: ImagePolicy
    repository: ImageRepository | None


@dataclass(slots=True)
class _Unknown:
    """What the replay has found out that it does not know.

    Attributes:
        passed: tags that were let through a gate because nothing is kept of their images.
        undated: tags of which no time of creation is kept.
    """

    passed: set[str] = field(default_factory=set)
    undated: tuple[str, ...] = ()


def backtest_policy(session: Session) -> int:
    """Run ``backtest policy [NAME] [-f FILE…] [--since 90d]``.

    Returns:
        1 if the policy would select nothing now, else 0.

    Raises:
        CommandFailed: the policy does not exist or is invalid, or no tags are stored.
    """
    question = _question(session)
    until = session.ports.clock.now()
    since = until - timedelta(seconds=session.args.since)
    unknown = _Unknown()
    replayed = _replayed(session, question, unknown)
    try:
        turns = backtest(replayed, max(since, replayed.history.began_at), until)
    except ImageAutomationError as error:
        raise CommandFailed(f"ImagePolicy/{question.policy.metadata.key}: {error.message}") from error
    caveats = [*_caveats(question.policy, replayed, until), *_unknown(unknown)]
    if session.args.output:
        more = {"assumed": sorted(unknown.passed), "caveats": caveats}
        session.console.line(as_json({**_document(question, replayed, turns), **more}))
    else:
        _print(session, replayed, turns)
        for text in caveats:
            session.console.action(text)
    return int(not turns or bool(turns[-1].problem))


def _question(session: Session) -> _Question:
    args = session.args
    if args.filename:
        policy, repository = policy_of_files(session, lambda one: args.name in (None, one.metadata.key.name))
        if repository is not None:
            return _Question(policy=policy, repository=repository)
    else:
        policy = parse_stored(policy_of_stack(session), ImagePolicy)
    stored = session.ports.objects.get("ImageRepository", policy.repository)
    return _Question(policy=policy, repository=parse_stored(stored, ImageRepository) if stored else None)


def _caveats(policy: ImagePolicy, replayed: Replayed, now: datetime) -> Iterator[str]:
    """What the replay leaves out of what this policy asks for."""
    control, history = policy.control, replayed.history
    old = [tag for tag, seen_at in history.first_seen.items() if seen_at <= history.began_at]
    if control.minimum_age_s and old:
        yield f"tags of the first scan count as old, because nobody knows when they were pushed: {_named(old)}"
    if control.platforms or control.verify_secret or control.vulnerabilities_below is not None:
        yield "what is known of images now counts for all times"
    if control.skip_tags:
        yield f"skipped at all times: {_named(control.skip_tags)}"
    order = control.intervention(now)
    if order is not None:
        yield f"a person's {order.kind} is not replayed: {order}"
    if control.revert is not None:
        yield "a person's revert in Git is not replayed"
    if policy.digest_reflection != "Never":
        yield "tags are replayed, digests are not"


def _unknown(unknown: _Unknown) -> Iterator[str]:
    if unknown.passed:
        yield f"{len(unknown.passed)} {ASSUMED}: {_named(unknown.passed)}"
    if unknown.undated:
        yield f"{len(unknown.undated)} {UNDATED}: {_named(unknown.undated)}"


def _named(tags: Collection[str]) -> str:
    names = sorted(tags)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _replayed(session: Session, question: _Question, unknown: _Unknown) -> Replayed:
    policy = question.policy
    sightings = FirstSeen(policy.repository, session.ports.tags)
    first_seen = sightings.records()
    if not first_seen:
        raise CommandFailed(f"no tags of ImageRepository/{policy.repository} are stored: is it there and Ready?")
    try:
        compiled = compile_policy(policy.policy, policy.filter_tags)
        kept = keep(tuple(first_seen), question.repository.exclusion_list if question.repository else ())
    except (InvalidPolicy, InvalidFilter, InvalidExclusion) as error:
        raise CommandFailed(f"ImagePolicy/{policy.metadata.key}: {error}") from error
    image = question.repository.image if question.repository else ""
    timed = with_stored_times(policy, compiled, image, kept, session.ports.tags)
    unknown.undated = timed.left
    return Replayed(
        policy=timed.policy,
        metadata=policy.metadata,
        minimum_age=timedelta(seconds=policy.control.minimum_age_s),
        history=History(first_seen={tag: first_seen[tag] for tag in kept}, began_at=sightings.first_scan()),
        image=image,
        told=_letting_through(_told(session, policy), unknown.passed),
    )


def _told(session: Session, policy: ImagePolicy) -> Situation:
    """What the stack knows now of images, for the gates that look into them; the registry is not asked."""
    key = policy.metadata.key
    occasion = Occasion(
        stored=StoredObject(kind="ImagePolicy", key=key, document={}, status={}),
        policy=policy,
        current=None,
        counts=TagCounts(before=0, after=0),
        now=session.ports.clock.now(),
    )
    return situation_of(occasion, None, session.ports, most_looked_at=sys.maxsize).situation


def _letting_through(told: Situation, passed: set[str]) -> Situation:
    """The same situation, in which what is not known keeps no tag out; tags that pass so are added to ``passed``."""

    def platforms_of(tag: str) -> frozenset[str]:
        found = told.platforms_of(tag)
        if found is None:
            passed.add(tag)
        return told.platforms if found is None else found

    def signing_of(tag: str) -> Signing:
        found = told.signing_of(tag)
        if found is not image_signatures.NOT_LOOKED_AT:
            return found
        passed.add(tag)
        return Signing(may_go=True)

    def findings_of(tag: str) -> Findings:
        found = told.findings_of(tag)
        if found is not image_findings.NOT_LOOKED_AT:
            return found
        passed.add(tag)
        return Findings(state="complete")

    return replace(told, platforms_of=platforms_of, signing_of=signing_of, findings_of=findings_of)


def _print(session: Session, replayed: Replayed, turns: Sequence[Turn]) -> None:
    known = replayed.history.first_seen
    rows = [[instant_text(one.at), one.tag or "", one.before or "", _seen(known, one), one.problem] for one in turns]
    columns = ("When", "Selects", "Instead of", "First seen", Column(title="Problem", soft=True))
    session.console.table(columns, rows, fit=session.is_brief)
    began = instant_text(replayed.history.began_at)
    session.console.action(f"replayed from the first sightings of {len(known)} tags since {began}: {NOT_KEPT}")


def _seen(known: Mapping[str, datetime], turn: Turn) -> str:
    seen_at = None if turn.tag is None or turn.problem else known.get(turn.tag)
    return "" if seen_at is None else instant_text(seen_at)


def _document(question: _Question, replayed: Replayed, turns: Sequence[Turn]) -> Mapping[str, object]:
    known = replayed.history.first_seen
    return {
        "policy": str(question.policy.metadata.key),
        "image": replayed.image,
        "tags": len(known),
        "knownSince": instant_text(replayed.history.began_at),
        "notKept": NOT_KEPT,
        "turns": [
            {
                "at": instant_text(one.at),
                "tag": one.tag,
                "before": one.before,
                "firstSeen": _seen(known, one) or None,
                "problem": one.problem or None,
            }
            for one in turns
        ],
    }
