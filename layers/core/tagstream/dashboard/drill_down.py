"""Makes the dashboard's page of one policy: what it selects and why, its tags over time, and what happened to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest

from tagstream.dashboard.commits import commits, set_by
from tagstream.dashboard.fleet import PERIOD, Fleet, read_policy_fleet
from tagstream.dashboard.rows import automation_row, orders, policy_row, sources_of
from tagstream.dashboard.timeline import SeenTag, SelectedSpan, Timeline, timeline
from tagstream.dashboard.view import EventRow, PolicyPage, TagRow
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.select.choice import Choice
from tagstream.domain.select.policy import Verdict
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import LookPorts
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.failure_advice import failure_advice
from tagstream.reconcile.select.explanation import Explanation, explain, question_of
from tagstream.reconcile.shown_status import shown

MAX_EVENTS, MAX_COMMITS = 100, 20
WITHOUT_PLACE = frozenset(
    {"excluded", "not matched", "not a version", "out of range", "not a number", "without time", "without place"}
)
"""The verdicts on tags that have no place in the policy's order."""


def read_policy_page(
    stack: str, key: NamespacedName, ports: LookPorts, period: timedelta = PERIOD
) -> PolicyPage | None:
    """Read what is known of a policy; None if there is no such policy.

    Args:
        stack: its name, which is only shown.
        key: of the policy.
        ports: of the stack.
        period: how far back commits and events go.

    Raises:
        ImageAutomationError: the table does not answer.
    """
    stored = ports.objects.get("ImagePolicy", key)
    if stored is None:
        return None
    fleet = read_policy_fleet(stored, ports.clock.now() - period, ports)
    policy = fleet.policies.get(key)
    seen = {one.tag: one.first_seen_at for one in ports.tags.tags(policy.repository)} if policy else {}
    explanation, problem = _explained(stored, tuple(seen), ports)
    verdicts = explanation.verdicts if explanation else ()
    committed = [one for one, by in fleet.committed_by().items() if key in by]
    pushed = [one for one in fleet.entries if str(key) in set_by(one)]
    return PolicyPage(
        stack=stack,
        at=fleet.at,
        hours=period.total_seconds() / 3600,
        row=policy_row(stored, fleet),
        tags=tuple(_tag_row(one, seen) for one in verdicts),
        gates=_gates(explanation.choice) if explanation and explanation.choice else (),
        advice=tuple(map(str, explanation.advice)) if explanation else (),
        problem=problem,
        hints=failure_advice(stored, ports),
        timeline=_timeline(stored, verdicts, seen, pushed, fleet),
        automations=tuple(
            automation_row(one, fleet, 1) for one in fleet.objects["ImageUpdateAutomation"] if one.key in committed
        ),
        orders=tuple(orders(policy, fleet)) if policy else (),
        commits=tuple(commits(pushed[-MAX_COMMITS:][::-1], sources_of(fleet))),
        events=tuple(_events(key, str(policy.repository) if policy else "", fleet.entries))[-MAX_EVENTS:][::-1],
    )


def _explained(stored: StoredObject, tags: Sequence[str], ports: LookPorts) -> tuple[Explanation | None, str]:
    """What a policy selects, or why that cannot be said."""
    try:
        found = explain(question_of(stored, tags or None, ports), ports.tags)
    except ImageAutomationError as error:
        return None, error.message
    return found, found.problem


def _gates(choice: Choice) -> tuple[str, ...]:
    told = (choice.held, choice.decided, choice.wait)
    return tuple(dict.fromkeys(one.message for one in told if one is not None))


def _tag_row(verdict: Verdict, seen: Mapping[str, datetime]) -> TagRow:
    return TagRow(
        tag=verdict.tag,
        value=verdict.value or "",
        verdict=verdict.state,
        detail=verdict.detail,
        seen_at=seen.get(verdict.tag),
    )


def _timeline(
    stored: StoredObject,
    verdicts: Sequence[Verdict],
    seen: Mapping[str, datetime],
    pushed: Sequence[LedgerEntry],
    fleet: Fleet,
) -> Timeline:
    selection = fleet.selections.get(stored.key)
    current = selection.ref.tag if selection else ""
    states = {one.tag: one.state for one in verdicts}
    return timeline(
        [
            SeenTag(
                tag=tag,
                at=at,
                lane="other" if states.get(tag) in WITHOUT_PLACE else "candidate",
                is_selected=tag == current,
            )
            for tag, at in seen.items()
        ],
        _spans(stored, fleet),
        [(shown(one.facts or {}, "commit"), one.at) for one in pushed],
        (fleet.since, fleet.at),
    )


def _spans(stored: StoredObject, fleet: Fleet) -> Sequence[SelectedSpan]:
    """What was selected when: from the ledger, and the current selection, which the ledger may not remember."""
    selection = fleet.selections.get(stored.key)
    turns = [
        (shown(one.facts or {}, "tag"), one.at)
        for one in fleet.entries
        if (one.kind, one.key) == (stored.kind, stored.key) and shown(one.facts or {}, "tag")
    ]
    if selection is not None and (not turns or turns[-1][0] != selection.ref.tag):
        turns.append((selection.ref.tag, selection.selected_at))
    found: list[SelectedSpan] = []
    if selection is not None and selection.previous is not None and len(turns) == 1:
        found.append(SelectedSpan(tag=selection.previous.tag, begin=None, end=turns[0][1]))
    for (tag, begin), after in zip_longest(turns, turns[1:]):
        if found and found[-1].tag == tag and found[-1].end == begin:
            begin = found.pop().begin or begin
        found.append(SelectedSpan(tag=tag, begin=begin, end=after[1] if after else None))
    return found


def _events(key: NamespacedName, repository: str, entries: Sequence[LedgerEntry]) -> Iterator[EventRow]:
    """The entries about a policy: its own, those of its repository, deliveries for it, and commits that set it."""
    for one in entries:
        is_own = (one.kind, one.key) == ("ImagePolicy", key)
        is_scan = (one.kind, str(one.key)) == ("ImageRepository", repository)
        named = (one.facts or {}).get("repositories")
        is_delivery = isinstance(named, list) and repository in named
        if is_own or is_scan or is_delivery or str(key) in set_by(one):
            yield EventRow(
                at=one.at,
                is_error=one.severity == "error",
                reason=one.reason,
                kind=one.kind,
                key=one.key,
                cause=one.cause,
                message=one.message,
            )
