"""Commits and their latency, made from the ledger's entries."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from tagstream.dashboard.view import CommitRow, Lag, Latency
from tagstream.domain.objects.git_host import kind_of_repository
from tagstream.domain.objects.model import GitRepository, NamespacedName
from tagstream.domain.update.commit_page import commit_page
from tagstream.ports.ledger import LedgerEntry
from tagstream.reconcile import status
from tagstream.reconcile.shown_status import members, shown

KIND = "ImageUpdateAutomation"
MAX_TAGS = 20
Pages = Mapping[NamespacedName, GitRepository]
"""The GitRepository of each automation."""


def page_of(commit: str, automation: NamespacedName, sources: Pages) -> str:
    """The address of a commit's page on the Git host of an automation; empty if it is not known."""
    source = sources.get(automation)
    if source is None:
        return ""
    return commit_page(source.url, kind_of_repository(source), commit)


def commits(entries: Iterable[LedgerEntry], sources: Pages) -> Iterator[CommitRow]:
    """Yield the commits that a ledger tells of, in its order."""
    for one in entries:
        facts = one.facts or {}
        commit = shown(facts, "commit")
        if one.kind == KIND and commit:
            yield CommitRow(
                id=commit,
                url=page_of(commit, one.key, sources),
                branch=shown(facts, "branch"),
                at=one.at,
                automation=one.key,
                tags=tuple(f"{shown(set_, 'policy')}: {shown(set_, 'tag')}" for set_ in _selections(one))[:MAX_TAGS],
            )


def set_by(entry: LedgerEntry) -> frozenset[str]:
    """The policies whose tags a commit has set."""
    return frozenset(shown(one, "policy") for one in _selections(entry))


def latency(entries: Iterable[LedgerEntry], since: datetime, now: datetime) -> Latency:
    """How long the commits of a period took, in seconds."""
    found = tuple(lag for one in entries if (lag := _lag(one)) is not None)
    seconds = sorted(one.seconds for one in found)
    return Latency(
        hours=(now - since).total_seconds() / 3600,
        lags=found,
        median_s=statistics.median(seconds) if seconds else None,
        p95_s=_percentile(seconds, 0.95) if seconds else None,
    )


def _percentile(ascending: Sequence[float], part: float) -> float:
    """The smallest value that at least this part of the values does not exceed (nearest rank)."""
    return ascending[max(0, -int(-part * len(ascending) // 1) - 1)]


def _lag(entry: LedgerEntry) -> Lag | None:
    times = [_began(one) for one in _selections(entry)]
    known = [one for one in times if one is not None]
    commit = shown(entry.facts or {}, "commit")
    if entry.kind != KIND or not commit or not known:
        return None
    return Lag(at=entry.at, seconds=max(0.0, (entry.at - min(known)).total_seconds()), commit=commit)


def _began(selection: Mapping[str, object]) -> datetime | None:
    return status.read_time(selection.get("receivedAt")) or status.read_time(selection.get("selectedAt"))


def _selections(entry: LedgerEntry) -> list[Mapping[str, object]]:
    told = (entry.facts or {}).get("selections")
    return [members(one) for one in told] if isinstance(told, list) else []
